// A domain: a name under which processes are reached over HTTP.
#ifndef GRPC_OS_CORE_DOMAIN_DOMAIN_H_
#define GRPC_OS_CORE_DOMAIN_DOMAIN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/domain_defaults.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/resource/resource.h"

namespace grpc_os::core {

inline constexpr char kDomainRead[] = "domain.read";
inline constexpr char kDomainWrite[] = "domain.write";

// A process that requests go to.
struct DomainTarget {
  std::string process;  // its id; of a file's domain, what the file says: id or name
  int port = 0;         // at 127.0.0.1; 0: the one that the process's spec has
  int weight = 1;       // 1 to 100

  bool operator==(const DomainTarget&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, DomainTarget& target) {
  fields.Text(1, target.process);
  fields.Int(2, target.port);
  fields.Int(3, target.weight, 1);
}

// Requests whose path begins with `path` (whole segments) and with no longer one of the domain.
struct DomainRoute {
  std::string path = "/";
  bool strip = false;  // the process sees the path without it
  std::vector<DomainTarget> targets;

  bool operator==(const DomainRoute&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, DomainRoute& route) {
  fields.Text(1, route.path);
  fields.Int(2, route.strip);
  fields.Structs(3, route.targets);
}

// A certificate that was given with its key, checked for the domain.
struct GivenCertificate {
  std::string chain;           // PEM, the domain's own first
  std::string key;             // PEM; a secret: nobody is shown it
  int64_t expire_time_ms = 0;  // of the domain's own

  bool operator==(const GivenCertificate&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, GivenCertificate& certificate) {
  fields.Text(1, certificate.chain);
  fields.Text(2, certificate.key);
  fields.Int(3, certificate.expire_time_ms);
}

using grpc_os::kDefaultDrainMs;
using grpc_os::kDefaultGrpcReadTimeoutMs;
using grpc_os::kDefaultHoldMs;
using grpc_os::kDefaultMaxBodyBytes;
using grpc_os::kDefaultReadTimeoutMs;

// Checked (domain_rules.h), in the order of paths. The names of what is written there must not be
// those of another domain.
struct DomainSpec {
  std::vector<DomainRoute> routes;
  bool grpc = false;                 // the targets speak HTTP/2 without TLS
  int64_t hold_ms = kDefaultHoldMs;  // 0: requests do not wait
  int64_t drain_ms = kDefaultDrainMs;
  int64_t max_body_bytes = 0;   // 0: kDefaultMaxBodyBytes, with `grpc` no limit
  int64_t read_timeout_ms = 0;  // 0: kDefaultReadTimeoutMs, with `grpc` kDefaultGrpcReadTimeoutMs
  // Who alone may change it: kManagedByFile, or the id of the process whose spec names it; empty:
  // users.
  std::string manager;
  int line = 0;  // of a file's domain: where the file names it
  // It leads to the API of gRPC OS itself, over TLS: then it has a certificate, and no routes; the
  // limits are not for it.
  bool api = false;
  GivenCertificate certificate;

  bool operator==(const DomainSpec&) const = default;
};
inline constexpr char kManagedByFile[] = "file";

template <typename Fields>
void Describe(Fields& fields, DomainSpec& spec) {
  fields.Structs(1, spec.routes);
  fields.Int(2, spec.grpc);
  fields.Int(3, spec.hold_ms, kDefaultHoldMs);
  fields.Int(4, spec.drain_ms, kDefaultDrainMs);
  fields.Int(5, spec.max_body_bytes);
  fields.Int(6, spec.read_timeout_ms);
  fields.Text(7, spec.manager);
  fields.Int(8, spec.line);
  fields.Int(9, spec.api);
  fields.Struct(10, spec.certificate);
}

enum class DomainState { kPending, kActive, kRejected };
const char* ToString(DomainState state);  // "pending", "active", "rejected"
std::optional<DomainState> DomainStateFrom(const std::string& word);

// What the reconciler made of the spec of `observed_generation`.
struct DomainStatus {
  DomainState state = DomainState::kPending;
  int64_t active_generation = 0;  // that the edge serves; 0: none
  std::string message;            // why it is not active

  bool operator==(const DomainStatus&) const = default;
};
template <typename Fields>
void Describe(Fields& fields, DomainStatus& status) {
  fields.Word(1, status.state, DomainState::kPending, DomainStateFrom);
  fields.Int(2, status.active_generation);
  fields.Text(3, status.message);
}

using Domain = Resource<DomainSpec, DomainStatus>;
inline constexpr ResourceKind kDomainKind = {.name = "domain",
                                             .id_prefix = "dom_",
                                             .most = limits::kDomains,
                                             .limit = "domains",
                                             .not_found = reason::kDomainNotFound,
                                             .exists = reason::kDomainExists,
                                             .list_command = "domains",
                                             .change_command = "assign --replace",
                                             .remove_command = "unassign"};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DOMAIN_DOMAIN_H_
