// What the exit status of a command means.
#ifndef GRPC_OS_SHELL_EXIT_CODE_H_
#define GRPC_OS_SHELL_EXIT_CODE_H_

#include "absl/status/status.h"

namespace grpc_os::shell {

// Part of the command line's contract: never renumbered.
enum class ExitCode {
  kOk = 0,
  kFailure = 1,
  kUsage = 2,  // also: the daemon refused an argument as malformed
  kNotFound = 3,
  kDenied = 4,       // not logged in, or not allowed
  kConflict = 5,     // taken, wrong state, or changed meanwhile
  kUnavailable = 6,  // nobody answers
  kTimeout = 7,
  kInterrupted = 130,
};

// Of a process or command, as env(1) has it.
inline constexpr int kNotExecutedStatus = 126;
inline constexpr int kNotFoundStatus = 127;

ExitCode ExitCodeFor(const absl::Status& status);

// Of two commands or names, the one to report: the higher number.
ExitCode Worst(ExitCode a, ExitCode b);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_EXIT_CODE_H_
