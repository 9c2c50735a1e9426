#include "shell/commands/content_printer.h"

#include <algorithm>
#include <utility>

#include "shell/escape.h"

namespace grpc_os::shell {
namespace {

// How many bytes at the end of `text` may be the beginning of a character of UTF-8.
size_t BegunAtEnd(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const size_t whole = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return whole > back ? back : 0;
  }
  return 0;
}

}  // namespace

void ContentPrinter::Print(std::string_view data) {
  if (data.empty()) return;
  if (!escape_) {
    out_ << data;
    return;
  }
  begun_.append(data);
  const std::string text = std::exchange(begun_, "");
  const size_t begun = BegunAtEnd(text);
  begun_ = text.substr(text.size() - begun);
  PrintEscaped(std::string_view(text).substr(0, text.size() - begun));
}

void ContentPrinter::PrintEscaped(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    out_ << EscapeForTerminal(text.substr(0, end), Tabs::kKeep);
    in_line_ = end == text.size();
    if (!in_line_) out_ << '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void ContentPrinter::Finish() {
  PrintEscaped(std::exchange(begun_, ""));
  if (escape_ && in_line_) out_ << '\n';
  in_line_ = false;
  out_ << std::flush;
}

}  // namespace grpc_os::shell
