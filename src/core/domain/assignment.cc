#include "core/domain/assignment.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/domain/domain_errors.h"
#include "core/domain/domain_rules.h"
#include "core/violations.h"

namespace grpc_os::core {
namespace {

DomainRoute* FindRoute(DomainSpec& spec, const std::string& path) {
  const auto it = std::find_if(spec.routes.begin(), spec.routes.end(),
                               [&](const DomainRoute& route) { return route.path == path; });
  return it == spec.routes.end() ? nullptr : &*it;
}

absl::Status TakenFrom(const DomainRoute& route, const Assignment& wanted) {
  std::vector<std::string> owners;
  for (const DomainTarget& one : route.targets)
    if (const auto it = wanted.names.find(one.process); it != wanted.names.end())
      owners.push_back(it->second);
  return DomainTaken(wanted.domain, route.path, owners);
}

absl::Status TooMany(const char* field, const char* what, int most, const char* of_what) {
  Violations violations;
  violations.Add(field, absl::StrCat("the ", what, " has ", most, " ", of_what,
                                     ", the limit; remove one with `unassign`"));
  return violations.ToStatus();
}

}  // namespace

void SortRoutes(DomainSpec& spec) {
  std::sort(spec.routes.begin(), spec.routes.end(),
            [](const DomainRoute& a, const DomainRoute& b) { return a.path < b.path; });
}

absl::Status ApplyAssignment(const Assignment& wanted, DomainSpec& spec) {
  if (wanted.api) {
    if (!spec.routes.empty() && !wanted.replace) return TakenFrom(spec.routes[0], wanted);
    spec.routes.clear();
    spec.grpc = false;
    spec.api = true;
    spec.certificate = wanted.certificate;
    return absl::OkStatus();
  }
  if (spec.api && !wanted.replace) return DomainOfApi(wanted.domain);
  spec.api = false;
  spec.certificate = {};
  if (wanted.grpc) spec.grpc = *wanted.grpc;
  if (wanted.hold_ms) spec.hold_ms = *wanted.hold_ms;
  if (wanted.drain_ms) spec.drain_ms = *wanted.drain_ms;
  if (wanted.max_body_bytes) spec.max_body_bytes = *wanted.max_body_bytes;
  if (wanted.read_timeout_ms) spec.read_timeout_ms = *wanted.read_timeout_ms;
  DomainRoute* route = FindRoute(spec, wanted.path);
  if (route != nullptr && wanted.strip) route->strip = *wanted.strip;
  if (spec.grpc && (wanted.strip.value_or(false) ||
                    std::any_of(spec.routes.begin(), spec.routes.end(),
                                [](const DomainRoute& one) { return one.strip; })))
    return StripOfGrpc("strip");
  if (route == nullptr) {
    if (spec.routes.size() >= static_cast<size_t>(limits::kRoutesPerDomain)) {
      return TooMany("path", "domain", limits::kRoutesPerDomain, "routes");
    }
    spec.routes.push_back(
        {.path = wanted.path, .strip = wanted.strip.value_or(false), .targets = {wanted.target}});
    SortRoutes(spec);
    return absl::OkStatus();
  }
  const bool others =
      std::any_of(route->targets.begin(), route->targets.end(),
                  [&](const DomainTarget& one) { return one.process != wanted.target.process; });
  if (others && !wanted.replace && !wanted.beside_others) return TakenFrom(*route, wanted);
  if (!wanted.beside_others) {
    route->targets = {wanted.target};
    return absl::OkStatus();
  }
  // The same process on another port is another target.
  std::erase_if(route->targets, [&](const DomainTarget& one) {
    return one.process == wanted.target.process && one.port == wanted.target.port;
  });
  if (route->targets.size() >= static_cast<size_t>(limits::kTargetsPerRoute)) {
    return TooMany("process", "route", limits::kTargetsPerRoute, "targets");
  }
  route->targets.push_back(wanted.target);
  return absl::OkStatus();
}

bool TakeOutTargets(const std::string& process, const std::string& path, DomainSpec& spec) {
  bool any = false;
  for (DomainRoute& route : spec.routes) {
    if (!path.empty() && route.path != path) continue;
    any = std::erase_if(route.targets,
                        [&](const DomainTarget& one) {
                          return process.empty() || one.process == process;
                        }) > 0 ||
          any;
  }
  std::erase_if(spec.routes, [](const DomainRoute& route) { return route.targets.empty(); });
  return any;
}

}  // namespace grpc_os::core
