// What may stand where a user is typing. The same for the shell's Tab and for bash.
#ifndef GRPC_OS_SHELL_COMPLETION_H_
#define GRPC_OS_SHELL_COMPLETION_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "shell/command_table.h"

namespace grpc_os::shell {

// What the daemon has of a kind, as far as it says so in time; of a kind that lies in folders, what
// begins as `begun`, which was typed, and has no slash behind it but at its end.
using AskDaemon = std::function<LiveWords(const WordKind& kind, const std::string& begun)>;

// Stands beside the word itself where more begins as it does than completion looks through.
inline constexpr char kTooMany[] = "(too many to list: type more of the name)";

// The words that begin with `word` and may follow `before`, which is a command and more, or empty;
// sorted, each once. Ids only if something of one was typed. Nothing that a terminal would act
// on, whatever the daemon says. Where there are too many, kTooMany first.
std::vector<std::string> Complete(std::span<const std::string> before, const std::string& word,
                                  const AskDaemon& ask);

// The same behind `grpc-os`: the program's own options, then a command.
std::vector<std::string> CompleteProgram(std::span<const std::string> before,
                                         const std::string& word, const AskDaemon& ask);

// What bash's COMP_WORDS up to the cursor mean, behind `grpc-os`: it splits words at = and : too,
// and leaves quotes as they were typed.
struct BashWords {
  std::vector<std::string> before;
  std::string word;
  char quote = 0;        // the one that is open in `word`; 0: none
  size_t untouched = 0;  // how much of `word` stands before what bash takes for the word
};
BashWords ReadBashWords(std::span<const std::string> words);

// For `grpc-os __complete WORDS…`: what to put into COMPREPLY, quoted as bash needs it.
std::vector<std::string> CompleteForBash(const BashWords& words, const AskDaemon& ask);

// The script that makes bash call it.
std::string BashScript();

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMPLETION_H_
