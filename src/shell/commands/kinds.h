// The kinds of things that the shell knows. A new one is a line here and a file of its own, with
// its rows of the command table beside their handlers, its view (render/resource_view.h) and its
// names for completion. A kind of many commands has several files, listed by its rows' header.
#ifndef GRPC_OS_SHELL_COMMANDS_KINDS_H_
#define GRPC_OS_SHELL_COMMANDS_KINDS_H_

#include <vector>

#include "shell/command_table.h"

namespace grpc_os::shell {

// In the order of `help`: the section there, and what events of the kind are called, if one can ask
// for them.
#define GRPC_OS_SHELL_KINDS(KIND)            \
  KIND(LogIn, "Log-in", "")                  \
  KIND(Process, "Processes", "process")      \
  KIND(Deploy, "Processes", "revision")      \
  KIND(Manifest, "Processes", "")            \
  KIND(Volume, "Processes", "volume")        \
  KIND(Domain, "Domains", "domain")          \
  KIND(Object, "Objects", "object")          \
  KIND(Upload, "Objects", "")                \
  KIND(Quota, "Objects", "quota")            \
  KIND(User, "Users and access", "user")     \
  KIND(Role, "Users and access", "role")     \
  KIND(SessionToken, "Users and access", "") \
  KIND(Audit, "Users and access", "")        \
  KIND(System, "The system", "")             \
  KIND(Configuration, "The system", "")      \
  KIND(Event, "The system", "")              \
  KIND(Context, "The shell", "")             \
  KIND(Shell, "The shell", "")

// std::vector<Command> ProcessCommands(); and so on.
#define GRPC_OS_SHELL_DECLARE(kind, section, events) std::vector<Command> kind##Commands();
GRPC_OS_SHELL_KINDS(GRPC_OS_SHELL_DECLARE)
#undef GRPC_OS_SHELL_DECLARE

// Words that the commands of other kinds take too.
extern const WordKind kUserWord;
extern const WordKind kRoleWord;
extern const WordKind kFolderWord;
extern const WordKind kVolumeWord;
extern const WordKind kDomainWord;
extern const WordKind kContextWord;

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
