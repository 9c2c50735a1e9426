#include "core/task/tasks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/id.h"
#include "core/error_reason.h"
#include "core/process/process_errors.h"

namespace grpc_os::core {
namespace {

// A timer cannot be taken back: one of a task that has ended is forgotten after so long.
constexpr int64_t kTimerMs = 60'000;

Process ProcessToRun(const Process& process) {
  Process run = process;
  run.instance_id = RandomHex128();
  run.instance_seq = 0;
  // Not created by this: what the messages of a failure say.
  run.provisional = false;
  const ProcessSpec defaults;
  run.spec.restart = RestartPolicy::kNever;
  run.spec.stop_signal = defaults.stop_signal;
  run.spec.stop_timeout_ms = defaults.stop_timeout_ms;
  // Its port is the process's: nothing of the task is looked for there.
  run.spec.ready = {};
  run.spec.ready.kind = ReadyKind::kDelay;
  run.spec.liveness = {};
  return run;
}

absl::Status TooMany(const std::string& message, const char* limit, int value) {
  return MakeError(absl::StatusCode::kResourceExhausted, message,
                   {.reason = reason::kLimitReached,
                    .metadata = {{"limit", limit}, {"value", absl::StrCat(value)}}});
}

absl::Status NotExecuted(const Process& process, const TaskRunEnd& end) {
  constexpr size_t kShown = 200;
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("nothing was run beside '", process.name, "': ", end.exit.message),
                   {.reason = reason::kExecFailed,
                    .metadata = {{"process", process.name},
                                 {"cause", end.exit.message},
                                 {"command", process.spec.command.substr(0, kShown)},
                                 {"stage", end.exec_failure->stage},
                                 {"errno", absl::StrCat(end.exec_failure->error_number)}}});
}

}  // namespace

Tasks::Tasks(TaskRunner& runner, Scheduler& scheduler) : runner_(runner), scheduler_(scheduler) {}

absl::Status Tasks::CheckRoom(const std::string& user) const {
  const auto of_kind = std::count_if(tasks_.begin(), tasks_.end(), [&](const auto& entry) {
    return entry.second.user.empty() == user.empty();
  });
  if (of_kind >= limits::kTasks) {
    return TooMany(absl::StrCat(limits::kTasks,
                                " commands run beside processes already; wait until one of them "
                                "has ended"),
                   "tasks", limits::kTasks);
  }
  const auto of_user = std::count_if(tasks_.begin(), tasks_.end(),
                                     [&](const auto& entry) { return entry.second.user == user; });
  if (user.empty() || of_user < limits::kTasksPerUser) return absl::OkStatus();
  return TooMany(absl::StrCat("'", user, "' runs ", limits::kTasksPerUser,
                              " commands beside processes already; wait until one of them has "
                              "ended, or end one with Ctrl-C where it was given"),
                 "tasks_per_user", limits::kTasksPerUser);
}

absl::StatusOr<std::string> Tasks::Start(const TaskSpec& spec, std::shared_ptr<TaskSink> sink) {
  if (absl::Status room = CheckRoom(spec.user); !room.ok()) return room;
  const Process process = ProcessToRun(spec.process);
  const std::string& id = process.instance_id;
  tasks_[id] = {process, spec.user, std::move(sink)};
  TaskRunner::Events events;
  events.on_started = [this, id](int pid) {
    if (const auto task = tasks_.find(id); task != tasks_.end()) task->second.sink->OnStarted(pid);
  };
  events.on_output = [this, id](TaskStream stream, std::string bytes) {
    const auto task = tasks_.find(id);
    if (task == tasks_.end()) return;
    if (task->second.cancelled) return runner_.Continue(id);
    task->second.sink->OnOutput(stream, std::move(bytes));
  };
  events.on_ended = [this, id](const absl::StatusOr<TaskRunEnd>& end) { OnEnded(id, end); };
  runner_.Run(process, std::move(events));
  WatchTime(id, std::clamp<int64_t>(spec.timeout_ms, 0, limits::kTaskMaxMs));
  return id;
}

void Tasks::WatchTime(const std::string& id, int64_t left_ms) {
  const int64_t step_ms = std::min(left_ms, kTimerMs);
  scheduler_.After(step_ms,
                   [this, id, left_ms = left_ms - step_ms, alive = std::weak_ptr<char>(alive_)] {
                     if (alive.expired()) return;
                     const auto task = tasks_.find(id);
                     if (task == tasks_.end()) return;
                     if (left_ms > 0) return WatchTime(id, left_ms);
                     task->second.timed_out = true;
                     runner_.Stop(id);
                   });
}

void Tasks::Continue(const std::string& id) {
  if (tasks_.contains(id)) runner_.Continue(id);
}

void Tasks::Cancel(const std::string& id) {
  const auto task = tasks_.find(id);
  if (task == tasks_.end() || std::exchange(task->second.cancelled, true)) return;
  runner_.Stop(id);
  runner_.Continue(id);
}

void Tasks::OnEnded(const std::string& id, const absl::StatusOr<TaskRunEnd>& end) {
  auto node = tasks_.extract(id);
  if (node.empty()) return;
  const Task& task = node.mapped();
  if (absl::IsFailedPrecondition(end.status())) {
    return task.sink->OnEnded(AccountRefused(task.process, std::string(end.status().message())));
  }
  if (absl::IsUnavailable(end.status())) {
    return task.sink->OnEnded(MakeError(absl::StatusCode::kUnavailable,
                                        std::string(end.status().message()),
                                        {.reason = reason::kRuntimeUnavailable}));
  }
  if (absl::IsCancelled(end.status()) && task.timed_out) {
    return task.sink->OnEnded(MakeError(absl::StatusCode::kDeadlineExceeded,
                                        "its time was over before it was executed",
                                        {.reason = reason::kDeadlinePassed}));
  }
  if (!end.ok()) return task.sink->OnEnded(end.status());
  if (end->exec_failure.has_value()) {
    return task.sink->OnEnded(NotExecuted(task.process, *end));
  }
  task.sink->OnEnded(TaskEnd{end->exit, task.timed_out});
}

}  // namespace grpc_os::core
