// What the command table says, as text for people.
#ifndef GRPC_OS_SHELL_HELP_H_
#define GRPC_OS_SHELL_HELP_H_

#include <string>

#include "shell/command_table.h"

namespace grpc_os::shell {

// The list of commands, all about one, and those that begin with the same word ("user").
std::string HelpText();
std::string HelpText(const Command& command);
std::string GroupHelpText(const std::string& group);

// Of which it is made: "-o, --output FORMAT", "kill NAME…" and the last lines.
std::string OptionText(const Option& option);
std::string SynopsisOf(const Command& command);
extern const char kExitCodes[];

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_HELP_H_
