// Waiting for processes: `wait`, and `--wait` of the commands that start.
#ifndef GRPC_OS_SHELL_COMMANDS_WAIT_H_
#define GRPC_OS_SHELL_COMMANDS_WAIT_H_

#include <chrono>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/command_table.h"
#include "shell/parser.h"
#include "shell/session.h"

namespace grpc_os::shell {

// `--wait` of a command that starts.
struct StartWait {
  bool ready = false;                             // until it is ready
  std::optional<std::chrono::milliseconds> runs;  // or until it has run for so long
  std::string sentence;                           // ", ready", what is said then; else empty
};
Option StartWaitOption();
// INVALID_ARGUMENT: it is neither "ready" nor a time.
absl::StatusOr<StartWait> ReadStartWait(const Arguments& arguments);

// `started`: the answer of a start. The process once it is as `wait` says; else an error that
// ExplainFailure explains: it has ended, or is not ready within its own `ready.timeout` (and the
// session's, if that was given). Thread-safe.
absl::StatusOr<v1::Process> AwaitStart(Session& session, absl::StatusOr<v1::Process> started,
                                       const StartWait& wait);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_WAIT_H_
