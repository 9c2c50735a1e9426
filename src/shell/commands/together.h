// The same call for many processes, several at once.
#ifndef GRPC_OS_SHELL_COMMANDS_TOGETHER_H_
#define GRPC_OS_SHELL_COMMANDS_TOGETHER_H_

#include <cstddef>
#include <functional>

#include "absl/status/statusor.h"
#include "grpc_os/v1/process_services.pb.h"

namespace grpc_os::shell {

// Far below the daemon's limit of calls in flight, and enough for its commits to be shared.
constexpr size_t kCallsAtOnce = 32;

// Calls `work` with 0 to `count` - 1, on up to kCallsAtOnce threads, and hands each answer to
// `take` on the caller's thread, in that order. Once `take` has returned false no further work is
// begun; what was under way is waited for and its answers are still given.
void DoTogether(size_t count, const std::function<absl::StatusOr<v1::Process>(size_t)>& work,
                const std::function<bool(size_t, absl::StatusOr<v1::Process>)>& take);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_TOGETHER_H_
