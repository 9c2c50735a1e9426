// What a change of a process does before: the volumes that it begins to use.
#ifndef GRPC_OS_SERVICES_TAKE_VOLUMES_H_
#define GRPC_OS_SERVICES_TAKE_VOLUMES_H_

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/process/process.h"
#include "core/scheduler.h"
#include "core/volume/volumes.h"

namespace grpc_os::services {

// Those of `after` that `before` does not have.
inline std::vector<core::VolumeUse> AddedVolumes(const core::ProcessSpec& before,
                                                 const core::ProcessSpec& after) {
  std::vector<core::VolumeUse> added = after.volumes;
  std::erase_if(added, [&before](const core::VolumeUse& use) {
    return std::any_of(before.volumes.begin(), before.volumes.end(),
                       [&use](const core::VolumeUse& one) { return one.name == use.name; });
  });
  return added;
}

// Those names of `after` that `before` does not have.
inline std::vector<std::string> AddedDomains(const core::ProcessSpec& before,
                                             const core::ProcessSpec& after) {
  std::vector<std::string> added = after.domains;
  std::erase_if(added, [&before](const std::string& name) {
    return std::find(before.domains.begin(), before.domains.end(), name) != before.domains.end();
  });
  return added;
}

// Makes those that are not there, for this account, then calls `then(origin)` on the core's thread,
// at once if there is nothing to do; or ends the call.
template <typename CallPointer, typename Then>
void TakeVolumes(core::Volumes& volumes, core::Scheduler& scheduler, const CallPointer& call,
                 std::vector<core::VolumeUse> uses, const std::string& account, core::Origin origin,
                 Then then) {
  if (uses.empty()) return then(std::move(origin));
  volumes.PrepareUse(std::move(uses), account, std::move(origin),
                     [&scheduler, call, then](absl::StatusOr<core::Origin> prepared) {
                       if (!prepared.ok()) return call->End(prepared.status());
                       scheduler.Post([then, prepared = *std::move(prepared)]() mutable {
                         then(std::move(prepared));
                       });
                     });
}

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_TAKE_VOLUMES_H_
