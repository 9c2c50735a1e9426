// What init and supervise are told to run, made of what the store keeps.
#ifndef GRPC_OS_RUNTIME_LAUNCH_SPEC_H_
#define GRPC_OS_RUNTIME_LAUNCH_SPEC_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "core/process/process.h"
#include "protocol/messages.pb.h"

namespace grpc_os::runtime {

// What HOME, USER, LOGNAME and SHELL tell of an account.
struct AccountVariables {
  std::string name;
  std::string home;
  std::string shell;
};
// Of the account that this program runs as, from the passwd database; nullopt if it is not in
// there. May block.
std::optional<AccountVariables> OwnAccount();

// `account`: whose variables go into the environment; nullopt leaves them to supervise, which knows
// the account that init chose. Errors: those of SplitCommand.
absl::StatusOr<internal::LaunchSpec> MakeLaunchSpec(const core::Process& process,
                                                    const std::string& data_directory,
                                                    const std::optional<AccountVariables>& account);

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_LAUNCH_SPEC_H_
