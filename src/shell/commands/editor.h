// The user's editor.
#ifndef GRPC_OS_SHELL_COMMANDS_EDITOR_H_
#define GRPC_OS_SHELL_COMMANDS_EDITOR_H_

#include <string>

#include "absl/status/status.h"

namespace grpc_os::shell {

// Runs $VISUAL, else $EDITOR, else vi, on `file`, as a POSIX shell would: they may have arguments.
// Waits for it. FAILED_PRECONDITION: it cannot be run, or ended with an error.
enum class EditorInput {
  kTerminal,  // the terminal of this program is the editor's until it ends: Ctrl-C is its own
  kOurs,      // what this program's standard input is
  kNone,      // empty: ours is a script
};
absl::Status RunEditor(const std::string& file, EditorInput input);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_EDITOR_H_
