// The options of `start` and `update` that say what a process is like.
#ifndef GRPC_OS_SHELL_COMMANDS_SPEC_OPTIONS_H_
#define GRPC_OS_SHELL_COMMANDS_SPEC_OPTIONS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/command_table.h"
#include "shell/parser.h"

namespace grpc_os::shell {

// "PORT=8080" → {"PORT", "8080"}; nullopt if it is no assignment.
std::optional<std::pair<std::string, std::string>> ParseAssignment(const std::string& word);

// Those options; `start` has the command as a word, and `update` as an option.
std::vector<Option> SpecOptions();
Option CommandOption();

// Sets in `spec` what the options say, and appends the paths ("spec.stop_signal") of the fields
// that it set. A relative --dir is taken from the current directory. INVALID_ARGUMENT: a value
// that is malformed here; what the daemon can judge better is left to it.
absl::Status ApplySpecOptions(const Arguments& arguments, v1::ProcessSpec& spec,
                              std::vector<std::string>& paths);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_SPEC_OPTIONS_H_
