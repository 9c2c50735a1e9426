// domain.yml: a domain, and the processes that its requests go to.
#ifndef GRPC_OS_MANIFEST_DOMAIN_MANIFEST_H_
#define GRPC_OS_MANIFEST_DOMAIN_MANIFEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/problem.h"

namespace grpc_os::manifest {

struct DomainTarget {
  std::string process;  // its name or id
  int port = 0;         // 0: the one that the process has
  int weight = 1;       // 1 to 100

  bool operator==(const DomainTarget&) const = default;
};

struct DomainRoute {
  std::string path = "/";
  bool strip = false;                      // the process sees the path without it
  std::vector<DomainTarget> targets = {};  // at least one

  bool operator==(const DomainRoute&) const = default;
};

// One domain, as it is written. What is not there is nullopt. It becomes a core::DomainSpec field
// by field, once each process is looked up and the name is no public suffix; all else is checked.
struct DomainEntry {
  std::string name;  // canonical
  int line = 1;      // where it is named
  int column = 1;
  std::vector<DomainRoute> routes = {};  // at least one, each path once, in the order of the file
  std::optional<bool> grpc = {};
  std::optional<int64_t> hold_ms = {};
  std::optional<int64_t> drain_ms = {};
  std::optional<int64_t> max_body_bytes = {};
  std::optional<int64_t> read_timeout_ms = {};

  bool operator==(const DomainEntry&) const = default;
};

// Whether a file is a domain.yml and no process.yml: it has the key `domain`.
bool IsDomainManifest(std::string_view text);

// The domain of a domain.yml. nullopt: `problems` has all that is wrong, in the order of the file.
std::optional<DomainEntry> ParseDomain(std::string_view text, std::vector<Problem>& problems);

// All from the one table of keys, as those of process.yml.
std::string DomainSchema();
std::string DomainReference();
std::string DomainExample();

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_DOMAIN_MANIFEST_H_
