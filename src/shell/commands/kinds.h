// The kinds of things that the shell knows. Each has a file of its own, with its rows of the
// command table beside their handlers, its view (render/resource_view.h) and its names for
// completion; a kind of many commands has several, listed by its rows' header.
#ifndef GRPC_OS_SHELL_COMMANDS_KINDS_H_
#define GRPC_OS_SHELL_COMMANDS_KINDS_H_

#include <vector>

#include "shell/command_table.h"

namespace grpc_os::shell {

// In the order of `help`, with the section there.
#define GRPC_OS_SHELL_KINDS(KIND)        \
  KIND(LogIn, "Log-in")                  \
  KIND(Process, "Processes")             \
  KIND(Object, "Objects")                \
  KIND(Quota, "Objects")                 \
  KIND(User, "Users and access")         \
  KIND(Role, "Users and access")         \
  KIND(SessionToken, "Users and access") \
  KIND(Audit, "Users and access")        \
  KIND(System, "The system")             \
  KIND(Event, "The system")              \
  KIND(Shell, "The shell")

// std::vector<Command> ProcessCommands(); and so on.
#define GRPC_OS_SHELL_DECLARE(kind, section) std::vector<Command> kind##Commands();
GRPC_OS_SHELL_KINDS(GRPC_OS_SHELL_DECLARE)
#undef GRPC_OS_SHELL_DECLARE

// Words that the commands of other kinds take too.
extern const WordKind kUserWord;
extern const WordKind kRoleWord;
extern const WordKind kFolderWord;

// Options of commands of several kinds.
inline Option WatchOption() {
  Option option = {"watch", 'w', "[SECONDS]", "show it again every so often (2) when it changed"};
  option.optional = true;
  return option;
}
inline Option YesOption() { return {"yes", 'y', "", "do not ask"}; }
inline Option UserOption() { return {"user", 'u', "USER", "only this user's", false, &kUserWord}; }
inline std::vector<Option> With(std::vector<Option> options, const std::vector<Option>& more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_KINDS_H_
