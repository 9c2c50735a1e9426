// How long to try again while the daemon is away.
#ifndef GRPC_OS_SHELL_COMMANDS_RETRY_POLICY_H_
#define GRPC_OS_SHELL_COMMANDS_RETRY_POLICY_H_

#include <chrono>
#include <optional>

#include "absl/status/status.h"
#include "shell/session.h"

namespace grpc_os::shell {

// For commands that last: once they were under way, a daemon that is restarted should not end them.
// Tries again after 100 ms, doubling to 1 s, for as long as the session's timeout.
class RetryPolicy {
 public:
  explicit RetryPolicy(Session& session) : session_(session) {}

  // The daemon answered.
  void Progress();
  // After a failed call: waits, and says whether to call again. Not before the first progress, not
  // for errors that a retry does not help, not after the user interrupts.
  bool MayTryAgain(const absl::Status& status);

 private:
  Session& session_;
  bool under_way_ = false;
  // The first failure since the daemon answered.
  std::optional<std::chrono::steady_clock::time_point> failing_since_;
  std::chrono::milliseconds pause_{0};
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_RETRY_POLICY_H_
