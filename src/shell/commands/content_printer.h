// Bytes of anyone's, shown on a terminal or passed on.
#ifndef GRPC_OS_SHELL_COMMANDS_CONTENT_PRINTER_H_
#define GRPC_OS_SHELL_COMMANDS_CONTENT_PRINTER_H_

#include <ostream>
#include <string>
#include <string_view>

namespace grpc_os::shell {

// With `escape`: as text, in which a terminal finds nothing to act on (escape.h) but newlines and
// tabs; a character may come in several pieces. Without: the bytes as they are.
class ContentPrinter {
 public:
  ContentPrinter(std::ostream& out, bool escape) : out_(out), escape_(escape) {}

  void Print(std::string_view data);
  // At the end of a content: what is begun comes out as it is, and on a terminal the last line
  // ends.
  void Finish();

 private:
  void PrintEscaped(std::string_view text);

  std::ostream& out_;
  const bool escape_;
  std::string begun_;  // the first bytes of a character
  bool in_line_ = false;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_CONTENT_PRINTER_H_
