// Where the passwords of commands come from.
#ifndef GRPC_OS_SHELL_COMMANDS_PASSWORD_H_
#define GRPC_OS_SHELL_COMMANDS_PASSWORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "shell/session.h"

namespace grpc_os::shell {

class Arguments;

inline Option PasswordStdinOption() {
  return {"password-stdin", 0, "", "read the password from standard input"};
}

// One that is there already: the next line of standard input with --password-stdin, else asked for
// on the terminal. INVALID_ARGUMENT: there is neither, naming `command` as it can be given;
// CANCELLED: interrupted.
absl::StatusOr<std::string> ReadPassword(Session& session, const Arguments& arguments,
                                         const std::string& question, const std::string& command);

// A new one of `user`: on the terminal it is asked for twice. Empty: nothing was typed, or nobody
// can be asked.
absl::StatusOr<std::string> ReadNewPassword(Session& session, const Arguments& arguments,
                                            const std::string& user, const std::string& command);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_PASSWORD_H_
