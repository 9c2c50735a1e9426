// One client's task: from core::Tasks to a StreamCall, at the client's pace.
#ifndef GRPC_OS_SERVICES_TASK_STREAM_H_
#define GRPC_OS_SERVICES_TASK_STREAM_H_

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "core/scheduler.h"
#include "core/task/tasks.h"
#include "grpc_os/v1/process_services.pb.h"
#include "services/stream_call.h"

namespace grpc_os::services {

// Lives as long as the call or the task refers to it; all but what the call asks for is on the
// core's thread. When the call ends, so does the task.
class TaskStream final : public core::TaskSink, public std::enable_shared_from_this<TaskStream> {
 public:
  using TaskCall = StreamCall<v1::RunTaskResponse>;
  TaskStream(std::shared_ptr<TaskCall> call, core::Tasks& tasks, core::Scheduler& scheduler,
             std::string name)
      : call_(std::move(call)), tasks_(tasks), scheduler_(scheduler), name_(std::move(name)) {}

  // Whether it was begun; if not, the call is ended.
  bool Start(const core::TaskSpec& spec);

  void OnStarted(int pid) override;
  void OnOutput(core::TaskStream stream, std::string bytes) override;
  void OnEnded(absl::StatusOr<core::TaskEnd> end) override;

 private:
  void Send(v1::RunTaskResponse message);
  void OnTaken();
  void WatchRights();
  void OnGone();

  std::shared_ptr<TaskCall> call_;  // null once nobody listens: the task may last longer
  core::Tasks& tasks_;
  core::Scheduler& scheduler_;
  const std::string name_;  // of the process
  std::string task_;
  std::deque<v1::RunTaskResponse> waiting_;
  bool sending_ = false;
  bool continue_ = false;  // the task waits until all of this is taken
  bool ended_ = false;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_TASK_STREAM_H_
