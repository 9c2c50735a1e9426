// Tasks: short runs under the account of a process, which last no longer than who asked for them.
#ifndef GRPC_OS_CORE_TASK_TASKS_H_
#define GRPC_OS_CORE_TASK_TASKS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/limits.h"
#include "core/process/process.h"
#include "core/scheduler.h"
#include "core/task/task_runner.h"

namespace grpc_os::core {

struct TaskSpec {
  // As which it runs: its id and name, account, directory, environment, volumes and port; the
  // command is the task's. It need not be one that is stored. What is said of restarts, stops,
  // probes and logs is not used.
  Process process;
  std::string user;                         // who asked; empty: the system, which has its own limit
  int64_t timeout_ms = limits::kTaskMaxMs;  // at most that
};

struct TaskEnd {
  ExitReport exit;
  bool timed_out = false;  // it was ended because its time was over
};

// Who hears of a task, on the core's thread, never from inside a call. It may call Tasks from here.
class TaskSink {
 public:
  virtual ~TaskSink() = default;
  virtual void OnStarted(int pid) = 0;
  // Nothing more comes before Continue.
  virtual void OnOutput(TaskStream stream, std::string bytes) = 0;
  // Exactly once, last, after all output. FAILED_PRECONDITION (EXEC_FAILED, ACCOUNT_REFUSED),
  // UNAVAILABLE (RUNTIME_UNAVAILABLE: what became of it is not known); CANCELLED,
  // DEADLINE_EXCEEDED: it was not executed any more.
  virtual void OnEnded(absl::StatusOr<TaskEnd> end) = 0;
};

// Lives on the core's thread. What is not known outside of the daemon, such as the number of tasks,
// ends with it: so do the tasks.
class Tasks {
 public:
  Tasks(TaskRunner& runner, Scheduler& scheduler);

  // Gives the id to refer to it by. RESOURCE_EXHAUSTED (LIMIT_REACHED): nothing was begun.
  absl::StatusOr<std::string> Start(const TaskSpec& spec, std::shared_ptr<TaskSink> sink);
  // The following do nothing for a task that has ended.
  void Continue(const std::string& id);
  // Ends it as a process is stopped: TERM, then KILL to all that came of it. What it still writes
  // is dropped.
  void Cancel(const std::string& id);

  int Count() const { return static_cast<int>(tasks_.size()); }

 private:
  struct Task {
    Process process;
    std::string user;
    std::shared_ptr<TaskSink> sink;
    bool timed_out = false;
    bool cancelled = false;
  };
  absl::Status CheckRoom(const std::string& user) const;
  void WatchTime(const std::string& id, int64_t left_ms);
  void OnEnded(const std::string& id, const absl::StatusOr<TaskRunEnd>& end);

  TaskRunner& runner_;
  Scheduler& scheduler_;
  std::map<std::string, Task> tasks_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // timers that come later see its end
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_TASK_TASKS_H_
