// The program `grpc-os`.
#ifndef GRPC_OS_SHELL_PROGRAM_H_
#define GRPC_OS_SHELL_PROGRAM_H_

#include <string>
#include <vector>

#include "shell/exit_code.h"

namespace grpc_os::shell {

// Runs one command of the arguments, else the commands of standard input: typed ones with a prompt,
// if that is a terminal, otherwise line by line. To be called once, before the program has other
// threads.
ExitCode RunProgram(const std::vector<std::string>& arguments);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_PROGRAM_H_
