// The port through which tasks are run.
#ifndef GRPC_OS_CORE_TASK_TASK_RUNNER_H_
#define GRPC_OS_CORE_TASK_TASK_RUNNER_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "core/process/process.h"
#include "core/process/supervision.h"

namespace grpc_os::core {

enum class TaskStream { kStdout, kStderr };

// How a run ended. It was not executed at all if `exec_failure` is set.
struct TaskRunEnd {
  ExitReport exit;
  std::optional<ExecFailure> exec_failure;
};

// All methods belong to the core's thread; the events come on it too, never from inside a call.
class TaskRunner {
 public:
  virtual ~TaskRunner() = default;

  struct Events {
    std::function<void(int pid)> on_started;
    // After each of them nothing more comes before Continue, and what runs has to wait when its
    // pipe is full.
    std::function<void(TaskStream stream, std::string bytes)> on_output;
    // Once, last. FAILED_PRECONDITION: the account is refused; UNAVAILABLE: what became of it is
    // not known; INTERNAL: it could not be launched.
    std::function<void(absl::StatusOr<TaskRunEnd>)> on_ended;
  };
  // Executes the command of process.spec once, under process.instance_id, which is new.
  virtual void Run(const Process& process, Events events) = 0;
  virtual void Continue(const std::string& instance_id) = 0;
  // Ends it as a process is stopped. Before it was executed it is not any more: CANCELLED.
  virtual void Stop(const std::string& instance_id) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_TASK_TASK_RUNNER_H_
