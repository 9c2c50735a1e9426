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

// The same for several commands: an unquoted ; or newline ends one. Those without a word are left
// out.
absl::StatusOr<std::vector<std::vector<std::string>>> SplitCommands(std::string_view text);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_WORDS_H_
