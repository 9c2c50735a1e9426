// The user's editor.
#ifndef GRPC_OS_SHELL_COMMANDS_EDITOR_H_
#define GRPC_OS_SHELL_COMMANDS_EDITOR_H_

#include <string>

#include "absl/status/status.h"

namespace grpc_os::shell {

// Runs $VISUAL, else $EDITOR, else vi, on `file`, as a POSIX shell would: they may have arguments.
// With `terminal`, it gets the terminal of this program until it ends: Ctrl-C is then its own.
// Waits for it. FAILED_PRECONDITION: it cannot be run, or ended with an error.
absl::Status RunEditor(const std::string& file, bool terminal);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_EDITOR_H_
