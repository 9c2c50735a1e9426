// The parts of the command table.
#ifndef GRPC_OS_SHELL_COMMANDS_COMMAND_LISTS_H_
#define GRPC_OS_SHELL_COMMANDS_COMMAND_LISTS_H_

#include <vector>

#include "shell/command_table.h"

namespace grpc_os::shell {

// --watch, of the commands that show what changes.
Option WatchOption();

std::vector<Command> LogInCommands();
std::vector<Command> ProcessCommands();
std::vector<Command> ObjectCommands();
std::vector<Command> AccessCommands();
std::vector<Command> SystemCommands();
std::vector<Command> ShellCommands();

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_COMMAND_LISTS_H_
