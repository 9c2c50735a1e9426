// What commands that take several names have in common.
#ifndef GRPC_OS_SHELL_COMMANDS_FOR_EACH_H_
#define GRPC_OS_SHELL_COMMANDS_FOR_EACH_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "shell/parser.h"
#include "shell/session.h"

namespace grpc_os::shell {

// Whether an error will meet every other call as well, so that the rest need not be tried.
bool EndsEverything(const absl::Status& status);

// Does `action` to each word. Its errors are reported and do not stop the others, unless they would
// meet every other call as well.
ExitCode ForEachWord(Session& session, const std::vector<std::string>& words,
                     const std::function<absl::Status(const std::string& word)>& action);

// Whether Confirm would ask: not with --yes, and not where nobody is there to answer.
bool MayAsk(const Session& session, const Arguments& arguments);
// Asks `question`, if it may. OK: do it; else `name` is kept.
absl::Status Confirm(Session& session, const Arguments& arguments, const std::string& question,
                     const std::string& name);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_FOR_EACH_H_
