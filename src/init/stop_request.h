// `grpc-os-init --stop` and `--stop-all`, towards the init that runs.
#ifndef GRPC_OS_INIT_STOP_REQUEST_H_
#define GRPC_OS_INIT_STOP_REQUEST_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "init/data_directory.h"

namespace grpc_os::init {

// Asks the init that runs on `data` to end, the processes too if `all`, and waits until it has.
// Prints on standard output who is waited for. False: none runs, or it died before it had ended
// all. DEADLINE_EXCEEDED: it did not within the time that it said. INTERNAL: see NotAllStopped.
absl::StatusOr<bool> StopRunningInit(const DataDirectory& data, bool all);

// All ended, but `left`, for people, of the processes.
absl::Status NotAllStopped(const std::string& left);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_STOP_REQUEST_H_
