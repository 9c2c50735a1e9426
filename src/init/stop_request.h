// `grpc-os-init --stop` and `--stop-all`, towards the init that runs.
#ifndef GRPC_OS_INIT_STOP_REQUEST_H_
#define GRPC_OS_INIT_STOP_REQUEST_H_

#include "absl/status/statusor.h"
#include "init/data_directory.h"

namespace grpc_os::init {

// Asks the init that runs on `data` to end, the processes too if `all`, and waits until it has.
// False: none runs. DEADLINE_EXCEEDED: it did not within its bounds.
absl::StatusOr<bool> StopRunningInit(const DataDirectory& data, bool all);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_STOP_REQUEST_H_
