// The port to what processes keep data in (core/volume).
#ifndef GRPC_OS_CORE_PROCESS_PROCESS_VOLUMES_H_
#define GRPC_OS_CORE_PROCESS_PROCESS_VOLUMES_H_

#include <vector>

#include "absl/status/status.h"
#include "core/change/envelope.h"
#include "core/process/process.h"

namespace grpc_os::core {

class ProcessVolumes {
 public:
  virtual ~ProcessVolumes() = default;

  // The process, as it is to be, takes its volumes, beside those that it has, until Settle; or is
  // refused, and takes none. `origin`: who asks; null: nobody.
  virtual absl::Status Take(const Process& process, const Origin* origin) = 0;
  // These are the volumes that the process has, and no others.
  virtual void Settle(const Process& process, const std::vector<VolumeUse>& has) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_PROCESS_VOLUMES_H_
