// What of the typed lines may be remembered.
#ifndef GRPC_OS_SHELL_HISTORY_H_
#define GRPC_OS_SHELL_HISTORY_H_

#include <string>

namespace grpc_os::shell {

// `line` without anything that could be a secret: "login …" becomes "login", "user passwd …"
// becomes "user passwd", a word too many after "user add" goes; a line whose command is perhaps one
// of these misspelt, one with a `--secret NAME=VALUE`, and one with a word that looks like a token,
// become "" (nothing).
std::string HistoryLine(const std::string& line);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_HISTORY_H_
