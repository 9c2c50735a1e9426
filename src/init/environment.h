// Which of init's environment its children get.
#ifndef GRPC_OS_INIT_ENVIRONMENT_H_
#define GRPC_OS_INIT_ENVIRONMENT_H_

#include <optional>
#include <string>
#include <vector>

#include "init/accounts.h"

namespace grpc_os::init {

// Copies an environment and overwrites the secrets in it, which /proc/PID/environ would show for as
// long as we live. `variables` ends with a null pointer.
std::vector<std::string> TakeEnvironment(char** variables);
// What a daemon that served needs no more: the password of the first admin.
void ForgetFirstPassword(std::vector<std::string>& environment);

// `ours` is an environment, "NAME=value". HOME becomes that of `control`, if there is one.
std::vector<std::string> SuperviseEnvironment(const std::vector<std::string>& ours,
                                              const std::optional<Account>& control);
// The same and the settings of the system (JWT_SECRET, DB_*, …).
std::vector<std::string> DaemonEnvironment(const std::vector<std::string>& ours,
                                           const std::optional<Account>& control);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_ENVIRONMENT_H_
