// Typing a line, with history and completion.
#ifndef GRPC_OS_SHELL_LINE_EDITOR_H_
#define GRPC_OS_SHELL_LINE_EDITOR_H_

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shell/interrupts.h"

namespace grpc_os::shell {

// GNU readline on the terminal. One per program, used by one thread: readline's state is global.
class LineEditor {
 public:
  // The words that may stand for `word` behind `before`.
  using Completer = std::function<std::vector<std::string>(std::span<const std::string> before,
                                                           const std::string& word)>;

  // Reads `history_file`, and appends to it what Remember is given; it is made 0600. A file that
  // cannot be used is done without.
  LineEditor(std::string history_file, Interrupts& interrupts, Completer completer);
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;
  ~LineEditor();

  // What is typed up to Enter, without that; what is pasted may have newlines inside. While a quote
  // is open or a backslash ends it, it goes on with another line. nullopt at the end of input
  // (Ctrl-D). Ctrl-C begins anew.
  std::optional<std::string> Read(const std::string& prompt);
  // Keeps what HistoryLine leaves of `command`; one of several lines for this run only.
  void Remember(const std::string& command);

 private:
  enum class End { kEnter, kInterrupt, kInputEnds };
  End ReadLine(const std::string& prompt, std::string& line);

  const std::string history_file_;
  Interrupts& interrupts_;
  const Completer completer_;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_LINE_EDITOR_H_
