// A command line as words.
#ifndef GRPC_OS_BASE_COMMAND_H_
#define GRPC_OS_BASE_COMMAND_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace grpc_os {

// Splits `command` into words as a POSIX shell does (quotes, backslashes), but expands nothing: an
// unquoted | > < & ; $ * ` ( ) or newline is refused with the cure, because the user surely meant
// a shell to see it. INVALID_ARGUMENT: such a character, an unbalanced quote, a backslash at the
// end, a NUL byte, or no word at all. Reference: POSIX.1-2017, Shell Command Language, 2.2 Quoting.
absl::StatusOr<std::vector<std::string>> SplitCommand(std::string_view command);

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_COMMAND_H_
