// Executes a payload.
#ifndef GRPC_OS_SUPERVISE_SPAWN_H_
#define GRPC_OS_SUPERVISE_SPAWN_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "cgroup/cgroup.h"
#include "supervise/options.h"

namespace grpc_os::supervise {

struct Command {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // complete; its PATH is where argv[0] is looked for
  std::string working_directory;
  bool make_working_directory = false;
  std::string state_directory = {};  // made, with its parent, if it is not there; empty: none
  std::optional<Account> account;
};

// What is tried for argv[0], in this order: as execvp(3), a name with a slash is a path, else it is
// looked for in the PATH of `environment`.
std::vector<std::string> Candidates(const Command& command);

// The PATH of a process that sets none: `ours`, the one that the system was started with, without
// what is no absolute directory; the usual one if nothing of it is left.
std::string SystemPath(const std::string& ours);

// A clone that is on its way to be the payload, or the payload.
struct Child {
  pid_t pid = 0;
  UniqueFd pidfd;
  UniqueFd stdout_pipe;  // read ends, not blocking
  UniqueFd stderr_pipe;
  UniqueFd outcome_pipe;  // for ReadOutcome, readable when there is an outcome
};

struct SpawnFailure {
  const char* stage = "";  // as in messages.proto, ExitInfo.stage
  int error_number = 0;
  // Of an execution: ExplainExecFailure of the child, which looked as what it would have been.
  std::string explanation = {};
};

// Clones into `leaf`: by clone3, or where that is refused by fork, the child moving itself. Does
// not wait for the outcome of the execution: opening directories and files may take as long as a
// disk or a network wants, and a stop must be heard meanwhile. The caller is the parent on whose
// death the payload is killed; it must be the process's only thread and have its signals blocked.
struct SpawnResult {
  Child child;
  std::optional<SpawnFailure> failure;  // then there is no child
};
SpawnResult Spawn(const Command& command, const cgroup::Leaf& leaf);

struct Outcome {
  enum class Kind { kPending, kExecuted, kFailed } kind = Kind::kPending;
  SpawnFailure failure;
};
// Does not block. A child that was killed before it could execute counts as executed: its end
// tells.
Outcome ReadOutcome(int outcome_pipe);

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_SPAWN_H_
