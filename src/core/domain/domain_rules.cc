#include "core/domain/domain_rules.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/domain/domain_name.h"
#include "core/process/validate.h"

namespace grpc_os::core {
namespace {

constexpr char kStripOfGrpc[] = "the paths of gRPC are its methods: leave it out, or `grpc`";

}  // namespace

void CheckDomainLimits(const DomainSpec& spec, const std::string& field, Violations& violations) {
  if (spec.hold_ms < 0 || spec.hold_ms > limits::kDomainHoldMaxMs)
    violations.Add(field + ".hold", "give 0 (off) to 300 seconds");
  if (spec.drain_ms < 0 || spec.drain_ms > limits::kDomainDrainMaxMs)
    violations.Add(field + ".drain", "give 0 to 60 seconds");
  if (spec.max_body_bytes < 0 || spec.max_body_bytes > limits::kDomainBodyBytesMax)
    violations.Add(field + ".max_body_bytes", "give 1 byte to 5 GiB, or 0 for the default");
  if (spec.read_timeout_ms != 0 && (spec.read_timeout_ms < limits::kDomainReadTimeoutMinMs ||
                                    spec.read_timeout_ms > limits::kDomainReadTimeoutMaxMs))
    violations.Add(field + ".read_timeout", "give 1 second to 24 hours");
}

void CheckDomainTarget(const DomainTarget& target, const std::string& field,
                       const std::function<std::string(int)>& owner_of, Violations& violations) {
  CheckProcessReference(target.process, field + ".process", violations);
  if (target.port < 0 || target.port > 65'535) {
    violations.Add(field + ".port",
                   "give 1 to 65535, or 0 for the port that the process's spec has");
  } else if (target.port != 0) {
    if (const std::string owner = owner_of(target.port); !owner.empty())
      violations.Add(field + ".port", absl::StrCat("on ", target.port, " listens ", owner,
                                                   "; give the port that the process listens on"));
  }
  if (target.weight < 1 || target.weight > 100) violations.Add(field + ".weight", "give 1 to 100");
}

absl::Status StripOfGrpc(const std::string& field) {
  Violations violations;
  violations.Add(field, kStripOfGrpc);
  return violations.ToStatus();
}

void CheckDomainSpec(const DomainSpec& spec, const std::string& field,
                     const std::function<std::string(int)>& owner_of, Violations& violations) {
  if (spec.api) {
    if (!spec.routes.empty() || spec.grpc)
      violations.Add(field + ".api",
                     "the API has a domain of its own: leave out routes and `grpc`");
    return;
  }
  if (spec.certificate != GivenCertificate())
    violations.Add(field + ".certificate", "leave it out: only a domain with `api` has one");
  CheckDomainLimits(spec, field, violations);
  if (spec.routes.empty() || spec.routes.size() > static_cast<size_t>(limits::kRoutesPerDomain))
    violations.Add(field + ".routes",
                   absl::StrCat("give 1 to ", limits::kRoutesPerDomain, " routes"));
  std::set<std::string> paths;
  for (size_t i = 0; i < spec.routes.size() && i <= limits::kRoutesPerDomain; ++i) {
    const DomainRoute& route = spec.routes[i];
    const std::string at = absl::StrCat(field, ".routes[", i, "]");
    CheckRoutePath(route.path, at + ".path", violations);
    if (!paths.insert(route.path).second)
      violations.Add(at + ".path", absl::StrCat("there are two routes '", route.path, "'"));
    if (spec.grpc && route.strip) violations.Add(at + ".strip", kStripOfGrpc);
    if (route.targets.empty() ||
        route.targets.size() > static_cast<size_t>(limits::kTargetsPerRoute))
      violations.Add(at + ".targets",
                     absl::StrCat("give 1 to ", limits::kTargetsPerRoute, " targets"));
    for (size_t j = 0; j < route.targets.size() && j <= limits::kTargetsPerRoute; ++j)
      CheckDomainTarget(route.targets[j], absl::StrCat(at, ".targets[", j, "]"), owner_of,
                        violations);
  }
}

}  // namespace grpc_os::core
