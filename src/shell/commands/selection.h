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
  std::vector<bool> named;             // of each: whether by itself, not only by a pattern
  ExitCode code = ExitCode::kOk;       // of the words that mean nothing; these are reported
};

// Reads the processes from the daemon: by one list if a word is a pattern, else one by one. A
// pattern means system processes only where `system` asks for them.
Selection Select(Session& session, const std::vector<std::string>& words, bool system = false);

// What is done to each of several processes. `before` is the process as it was selected.
struct Action {
  // How; thread-safe, if they are not done one by one.
  std::function<absl::StatusOr<v1::Process>(const v1::Process& before)> run;
  // What is said of the answer.
  std::function<std::string(const v1::Process& before, const v1::Process& after)> sentence;
  // Asked before anything is done, of one after the other: why this one is left alone, which is
  // said and no failure; empty: it is not. An error is one. May be empty.
  std::function<absl::StatusOr<std::string>(const v1::Process& before, bool named)> leave = {};
  // Several at once, so that four stops take as long as the slowest.
  bool together = true;
  // Whether one that has ended afterwards by itself is explained: of what should run.
  bool explains_end = true;
};

// Does it to each selected process. The answer is shown as a sentence, as JSON (one word that is no
// pattern: the Process; otherwise a list), or by name, as the session's format says, in the order
// of the words. An error is reported, explained (explain.h), and does not stop the others.
ExitCode ForEach(Session& session, const std::vector<std::string>& words, const Action& action);

// `processes` as ListProcesses would answer them.
v1::ListProcessesResponse ToList(const std::vector<v1::Process>& processes);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_SELECTION_H_
