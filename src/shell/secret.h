// Typing what nobody shall read.
#ifndef GRPC_OS_SHELL_SECRET_H_
#define GRPC_OS_SHELL_SECRET_H_

#include <optional>
#include <string>

#include "shell/interrupts.h"

namespace grpc_os::shell {

// Asks on standard error for a line from standard input, a terminal, which does not show it. The
// terminal is as before afterwards, also after Ctrl-C. nullopt: Ctrl-C, Ctrl-D, or no terminal.
std::optional<std::string> ReadSecret(const std::string& question, const Interrupts& interrupts);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_SECRET_H_
