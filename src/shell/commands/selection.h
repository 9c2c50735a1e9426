// The processes that the words NAME… mean, and doing something with each.
#ifndef GRPC_OS_SHELL_COMMANDS_SELECTION_H_
#define GRPC_OS_SHELL_COMMANDS_SELECTION_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpc_os/v1/process_services.pb.h"
#include "shell/session.h"

namespace grpc_os::shell {

// Whether a word has * ? or [, which no name has.
bool IsPattern(const std::string& word);

struct Selection {
  std::vector<v1::Process> processes;  // in the order of the words, each once
  ExitCode code = ExitCode::kOk;       // of the words that mean nothing; these are reported
};

// Reads the processes from the daemon: by one list if a word is a pattern, else one by one.
Selection Select(Session& session, const std::vector<std::string>& words);

// Whether an error will meet every other call as well, so that the rest need not be tried.
bool EndsEverything(const absl::Status& status);

// How the processes that a pattern found are acted on. Those that are named one by one always are,
// in the order in which they are named.
enum class Order {
  kOneByOne,
  kTogether,  // several calls at once: `action` must be thread-safe
};

// Does `action` to each selected process; its answer is shown as `sentence`, as JSON (one word that
// is no pattern: the Process; otherwise a list), or by name, as the session's format says. An error
// is reported, explained (explain.h), and does not stop the others.
ExitCode ForEach(Session& session, const std::vector<std::string>& words,
                 const std::function<absl::StatusOr<v1::Process>(const v1::Process&)>& action,
                 const std::function<std::string(const v1::Process&)>& sentence,
                 Order order = Order::kOneByOne);

// `processes` as ListProcesses would answer them.
v1::ListProcessesResponse ToList(const std::vector<v1::Process>& processes, int64_t revision);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_SELECTION_H_
