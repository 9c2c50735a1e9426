// A typed line as words.
#ifndef GRPC_OS_SHELL_WORDS_H_
#define GRPC_OS_SHELL_WORDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace grpc_os::shell {

// Splits a line as a POSIX shell does: blanks separate; '…', "…" and \ quote; an unquoted # at the
// start of a word begins a comment. Nothing is expanded. INVALID_ARGUMENT, with the column and the
// cure: an unbalanced quote, a backslash at the end, or an unquoted | > < & ; which this shell does
// not have. Reference: POSIX.1-2017, Shell Command Language, 2.2 Quoting.
absl::StatusOr<std::vector<std::string>> SplitLine(std::string_view line);

// What keeps `text` from being whole: the user is still typing. A comment is whole.
enum class Unfinished { kNothing, kQuote, kBackslash };
Unfinished WhatIsUnfinished(std::string_view text);

// `word` as SplitLine, or a POSIX shell, reads it again: in quotes if it needs them.
std::string QuoteWord(const std::string& word);

// The words before the one that ends `text`, and that one as far as it was typed: for completion.
struct Typed {
  std::vector<std::string> before;
  std::string word;  // without its quotes and backslashes
  size_t start = 0;  // where it begins in `text`
  char quote = 0;    // the quote that is open; 0: none
  bool in_comment = false;
};
Typed SplitTyped(std::string_view text);

// The commands of several lines, as they were typed: each ends with an unquoted newline. Blank ones
// are left out, and what a page shows before a command: this shell's prompt, or `grpc-os`.
std::vector<std::string> SplitPasted(std::string_view text);

// The same for several commands: an unquoted ; or newline ends one. Those without a word are left
// out.
absl::StatusOr<std::vector<std::vector<std::string>>> SplitCommands(std::string_view text);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_WORDS_H_
