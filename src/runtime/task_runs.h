// core::TaskRunner over the sockets of grpc-os-init and grpc-os-supervise.
#ifndef GRPC_OS_RUNTIME_TASK_RUNS_H_
#define GRPC_OS_RUNTIME_TASK_RUNS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "core/task/task_runner.h"
#include "runtime/init_connection.h"
#include "runtime/instance_connection.h"

namespace grpc_os::runtime {

// Each run is an instance that init launches as a task: its supervisor relays the output over the
// connection to here, and ends what it runs when that connection ends, as it does with this
// program. Lives on the loop's thread.
class TaskRuns final : public core::TaskRunner, private InstanceConnection::Events {
 public:
  // `init` outlives this object; `on_error` is told what went wrong where no caller waits for it.
  TaskRuns(EventLoop& loop, std::string data_directory, InitConnection& init,
           std::function<void(const std::string&)> on_error);

  using RunEvents = core::TaskRunner::Events;
  void Run(const core::Process& process, RunEvents events) override;
  void Continue(const std::string& instance_id) override;
  void Stop(const std::string& instance_id) override;

  // As init tells it. False: it is no run of a task.
  bool OnGone(const std::string& instance_id, bool relaunching);

 private:
  struct OneRun {
    RunEvents events;
    std::unique_ptr<InstanceConnection> connection;  // once it is launched
    bool started = false;
    bool stop_wanted = false;
    bool gone = false;
    int64_t away_since_ms = 0;  // 0: it is connected, or was not yet
  };
  // InstanceConnection::Events:
  void OnInstanceConnected(const core::InstanceReport& snapshot) override;
  void OnInstanceReport(const core::InstanceReport& report) override;
  void OnInstancePresent(const core::InstanceReport& snapshot) override;
  void OnInstanceAway(const std::string& instance_id) override;
  void OnError(const std::string& message) override { on_error_(message); }
  void OnTaskOutput(const std::string& instance_id, const internal::TaskOutput& output) override;

  OneRun* Find(const std::string& instance_id);
  void OnLaunched(const core::Process& process, const absl::Status& status);
  void TakeStatus(const core::InstanceReport& report);
  static void SendStop(OneRun& run);
  // Has a supervisor that nobody will ask to execute anything end.
  void Dismiss(const std::string& instance_id) const;
  void End(const std::string& instance_id, absl::StatusOr<core::TaskRunEnd> end);

  EventLoop& loop_;
  const std::string data_directory_;
  InitConnection& init_;
  const std::function<void(const std::string&)> on_error_;
  std::map<std::string, OneRun> runs_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_TASK_RUNS_H_
