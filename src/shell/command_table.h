// What the shell can do: the one table that parser, help, completion and direct mode are driven by.
#ifndef GRPC_OS_SHELL_COMMAND_TABLE_H_
#define GRPC_OS_SHELL_COMMAND_TABLE_H_

#include <string>
#include <vector>

#include "shell/exit_code.h"

namespace grpc_os::shell {

class Arguments;
class Session;

struct Option {
  std::string name;   // without the dashes: "force"
  char letter = 0;    // "-f"; 0: none
  std::string value;  // what stands for its value in help; empty: it takes none
  std::string help;   // one line, without a full stop
  bool repeatable = false;
};

inline constexpr size_t kAnyNumber = static_cast<size_t>(-1);

struct Command {
  std::string name;
  std::vector<std::string> aliases = {};
  std::string synopsis = {};  // its arguments: "NAME SIGNAL"
  std::string summary = {};   // one line, without a full stop
  std::string details = {};   // more lines, each ending with a newline; may be empty
  std::vector<Option> options = {};
  std::vector<std::string> examples = {};
  size_t least = 0;  // arguments that are not options
  size_t most = kAnyNumber;
  bool needs_daemon = true;
  ExitCode (*run)(Session& session, const Arguments& arguments) = nullptr;
};

// In the order of `help`.
const std::vector<Command>& Commands();
// By name or alias; nullptr if there is none.
const Command* FindCommand(const std::string& name);
// Every name and alias.
std::vector<std::string> CommandNames();

// What every command takes too: --output, --timeout, --help.
const std::vector<Option>& CommonOptions();
// What stands before the command on the command line: --address and others.
const std::vector<Option>& ProgramOptions();

// The list of commands, and all about one.
std::string HelpText();
std::string HelpText(const Command& command);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMAND_TABLE_H_
