// What the shell can do: the one table that parser, help, completion, the reference page and direct
// mode are driven by.
#ifndef GRPC_OS_SHELL_COMMAND_TABLE_H_
#define GRPC_OS_SHELL_COMMAND_TABLE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shell/exit_code.h"

namespace grpc_os::client {
class Client;
}

namespace grpc_os::shell {

class Arguments;
class Session;

// What the daemon has of a kind. An id is offered once something of one was typed.
struct LiveWords {
  std::vector<std::string> names = {};
  std::vector<std::string> ids = {};
  bool more = false;  // than were looked through
};

// What a word stands for, as far as completion can know words of its kind; nullptr stands for
// anything. Each is declared beside the kind of thing that it names (commands/kinds.h).
struct WordKind {
  std::string_view words = {};  // known without asking anyone, separated by blanks
  // Asks the daemon; nothing if it fails. Of what lies in folders: in the folder of `begun`, which
  // is absolute and may go on with the beginning of a name, at least what begins so; folders with a
  // slash at their end.
  LiveWords (*live)(client::Client& client, const std::string& begun) = nullptr;
  bool in_folders = false;
  // Known to this machine.
  std::vector<std::string> (*local)() = nullptr;
};
inline constexpr WordKind kCommandWord = {};    // a command, by the table
inline constexpr WordKind kLocalFileWord = {};  // a file of this machine
inline constexpr WordKind kFormatWord = {.words = "table wide json jsonl yaml name"};

// The words of a kind that are known without asking anyone.
std::vector<std::string> WordsOf(const WordKind& kind);

struct Option {
  std::string name;   // without the dashes: "force"
  char letter = 0;    // "-f"; 0: none
  std::string value;  // what stands for its value in help; empty: it takes none
  std::string help;   // one line, without a full stop
  bool repeatable = false;
  const WordKind* kind = nullptr;
  // The value may be left out; only a word that begins with a digit is taken for it.
  bool optional = false;
  // "-name" means it as well, as find(1) has it.
  bool one_dash = false;
};

inline constexpr size_t kAnyNumber = static_cast<size_t>(-1);

struct Command {
  std::string name;  // one word, or two: "user add"
  std::vector<std::string> aliases = {};
  // What other programs call it: not understood, but answered with this command.
  std::vector<std::string> elsewhere = {};
  std::string synopsis = {};  // its arguments: "NAME SIGNAL"
  // The kinds of its arguments; the last is also that of all that follow.
  std::vector<const WordKind*> arguments = {};
  std::string summary = {};  // one line, without a full stop
  std::string details = {};  // more lines, each ending with a newline; may be empty
  std::vector<Option> options = {};
  std::vector<std::string> examples = {};
  size_t least = 0;  // arguments that are not options
  size_t most = kAnyNumber;
  std::string with_more = {};  // for whom gives more: the command that takes them, in a sentence
  bool needs_daemon = true;
  bool hidden = false;       // for programs: neither in help nor in completion
  std::string section = {};  // of help and the reference page
  ExitCode (*run)(Session& session, const Arguments& arguments) = nullptr;
};

// In the order of `help`; hidden ones last.
const std::vector<Command>& Commands();
// By name or alias; nullptr if there is none.
const Command* FindCommand(const std::string& name);

// The command that `words` begin with: that of two words if there is one, else that of one.
struct Found {
  const Command* command = nullptr;
  size_t words = 0;  // how many are its name
};
Found FindCommand(std::span<const std::string> words);

// What is meant by a word that is no command, if that can be guessed; else "".
std::string LikelyCommand(const std::string& word);

// Every name and alias, but hidden ones.
std::vector<std::string> CommandNames();
// What may follow `word` as the second word of a command's name; empty if nothing may.
std::vector<std::string> Subcommands(const std::string& word);

// What every command takes too: --output, --timeout, --help.
const std::vector<Option>& CommonOptions();
// What stands before the command on the command line: --address and others.
const std::vector<Option>& ProgramOptions();
// The command's own options, and the common ones that it has none of its own for.
std::vector<Option> AllOptions(const Command& command);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMAND_TABLE_H_
