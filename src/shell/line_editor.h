// Typing a line, with history and completion.
#ifndef GRPC_OS_SHELL_LINE_EDITOR_H_
#define GRPC_OS_SHELL_LINE_EDITOR_H_

#include <optional>
#include <string>

#include "shell/interrupts.h"

namespace grpc_os::shell {

// What of a typed line may be remembered: nothing that could be a password. "login …" becomes
// "login"; a line that begins with what is perhaps a misspelt "login" becomes "" (nothing).
std::string HistoryLine(const std::string& line);

// GNU readline on the terminal. One per program, used by one thread: readline's state is global.
class LineEditor {
 public:
  // Reads `history_file`, and appends to it what Remember is given; it is made 0600. A file that
  // cannot be used is done without.
  LineEditor(std::string history_file, Interrupts& interrupts);

  // One line without its newline; nullopt at the end of input (Ctrl-D). Ctrl-C begins a new line.
  std::optional<std::string> Read(const std::string& prompt);
  void Remember(const std::string& line);

 private:
  const std::string history_file_;
  Interrupts& interrupts_;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_LINE_EDITOR_H_
