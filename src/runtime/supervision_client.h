// core::Supervision over the sockets of grpc-os-init and grpc-os-supervise.
#ifndef GRPC_OS_RUNTIME_SUPERVISION_CLIENT_H_
#define GRPC_OS_RUNTIME_SUPERVISION_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "core/process/supervision.h"
#include "core/task/task_runner.h"

namespace grpc_os::runtime {

// Lives on the thread of `loop`. Reconnects to init for ever (every 100 ms) and to an instance
// until init says that it is gone, or does not list it. A report that was not acknowledged comes
// again after a reconnection. Launch also answers INTERNAL with init's words (it could not),
// RESOURCE_EXHAUSTED (too many launches wait). Callbacks that are still due when this object is
// destroyed are dropped.
class SupervisionClient final : public core::Supervision {
 public:
  struct Options {
    std::string data_directory;
    // Whether init runs with --user, and the cgroup mode, are learnt from init; `on_init` is called
    // at each (re)connection.
    std::function<void(const std::string& cgroup_mode, bool shielded)> on_init;
    // init asks this daemon to end.
    std::function<void()> on_shutdown;
    // What went wrong where no caller waits for an answer, as a sentence; standard error if empty.
    std::function<void(const std::string& message)> on_error;
    // Each supervisor is asked for a sign of life so often, in ms; where there are very many, less
    // often (100 a second).
    int64_t ping_interval_ms = 10'000;
  };
  SupervisionClient(EventLoop& loop, Options options);
  ~SupervisionClient() override;

  // Begins to connect. `observer` outlives this object.
  void Start(core::SupervisionObserver& observer);
  // Tells init that the daemon serves.
  void ReportReady();

  void Launch(const core::Process& process, std::function<void(absl::Status)> done) override;
  void Attach(const std::string& instance_id, int64_t after_seq) override;
  void SetSpec(const core::Process& process, std::function<void(absl::Status)> done) override;
  void Stop(const std::string& instance_id, std::function<void(absl::Status)> done) override;
  void Restart(const std::string& instance_id, int64_t restart_number, bool only_if_waiting,
               std::function<void(absl::Status)> done) override;
  void Signal(const std::string& instance_id, int signal,
              std::function<void(absl::StatusOr<int>)> done) override;
  void Acknowledge(const std::string& instance_id, int64_t seq) override;
  void Release(const std::string& instance_id) override;
  void RemoveRemains(const std::string& process_id, const std::string& process_name) override;

  // Runs of tasks over the same connection to init.
  core::TaskRunner& tasks();

  // The instances whose supervisors have not given a sign of life for ping_interval_ms.
  std::vector<std::string> Silent() const;

  // What the processes of an instance use now, read from /proc through its cgroup (mode none: of
  // the main process only). About 10 µs per process.
  struct Usage {
    int64_t memory_bytes = 0;
    int64_t cpu_time_ms = 0;
  };
  Usage UsageOf(const std::string& instance_id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_SUPERVISION_CLIENT_H_
