// What `assign` and `unassign` make of a domain.
#ifndef GRPC_OS_CORE_DOMAIN_ASSIGNMENT_H_
#define GRPC_OS_CORE_DOMAIN_ASSIGNMENT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "core/domain/domain.h"

namespace grpc_os::core {

// What `assign` asks for. What is not set stays as it is.
struct Assignment {
  std::string domain;   // checked
  DomainTarget target;  // of a process's id
  std::string path = "/";
  std::optional<bool> strip;
  bool beside_others = false;  // one target of several
  bool replace = false;
  std::optional<bool> grpc;
  std::optional<int64_t> hold_ms, drain_ms, max_body_bytes, read_timeout_ms;
  bool api =
      false;  // to the API itself, with this certificate; of the above, `replace` alone counts
  GivenCertificate certificate;
  // The processes that whoever asks may know: names by ids.
  std::map<std::string, std::string> names;
};

// Refused: ALREADY_EXISTS (DOMAIN_EXISTS), INVALID_ARGUMENT; then `spec` is not to be used.
absl::Status ApplyAssignment(const Assignment& wanted, DomainSpec& spec);
// Takes the targets of this process (its id; empty: all) out of the route of this path (empty:
// all), and routes without a target. Whether there was any.
bool TakeOutTargets(const std::string& process, const std::string& path, DomainSpec& spec);
// In the order of their paths, as specs have them.
void SortRoutes(DomainSpec& spec);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DOMAIN_ASSIGNMENT_H_
