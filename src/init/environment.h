// Which of init's environment its children get.
#ifndef GRPC_OS_INIT_ENVIRONMENT_H_
#define GRPC_OS_INIT_ENVIRONMENT_H_

#include <optional>
#include <string>
#include <vector>

#include "init/accounts.h"

namespace grpc_os::init {

// `ours` is an environment, "NAME=value". HOME becomes that of `control`, if there is one.
std::vector<std::string> SuperviseEnvironment(const std::vector<std::string>& ours,
                                              const std::optional<Account>& control);
// The same and the settings of the system (JWT_SECRET, DB_*, …).
std::vector<std::string> DaemonEnvironment(const std::vector<std::string>& ours,
                                           const std::optional<Account>& control);

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_ENVIRONMENT_H_
