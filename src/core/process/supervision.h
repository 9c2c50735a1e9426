// The port through which processes are run.
#ifndef GRPC_OS_CORE_PROCESS_SUPERVISION_H_
#define GRPC_OS_CORE_PROCESS_SUPERVISION_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/process/process.h"

namespace grpc_os::core {

// Where an execution failed, and the system's errno.
struct ExecFailure {
  std::string stage;  // "exec", "chdir", "setuid", …
  int error_number = 0;
};

// What a supervisor tells of its instance. `status.state` is one of kStarting … kUnkillable.
struct InstanceReport {
  std::string instance_id;
  std::string process_id;
  int64_t seq = 0;         // numbered from 1 on, gaps are possible; 0 in a snapshot
  int64_t newest_seq = 0;  // in a snapshot: the reports up to this one come after it
  int64_t time_ms = 0;
  std::string action;  // see protocol/messages.proto, Report.action; "" in a snapshot
  ProcessStatus status;
  int64_t restart_number = 0;
  bool ever_started = false;
  std::optional<ExecFailure> exec_failure;  // of the last execution
};

// Told to the core, always on the loop's thread.
class SupervisionObserver {
 public:
  virtual ~SupervisionObserver() = default;
  // init answered: these instances exist (supervisors alive or being launched again). Comes at the
  // start and whenever the connection to init was made anew.
  virtual void OnInstances(const std::vector<std::string>& instance_ids) = 0;
  // A supervisor proved its identity and tells its present state. Comes after each (re)connection,
  // before its reports.
  virtual void OnConnected(const InstanceReport& snapshot) = 0;
  virtual void OnReport(const InstanceReport& report) = 0;
  // A supervisor that cannot write its journal (a full disk) tells its present state: a snapshot,
  // ahead of the reports that lead to it. They come once they are written.
  virtual void OnPresent(const InstanceReport& snapshot) = 0;
  // The supervisor ended and will not come again (released, or its directory is gone).
  virtual void OnGone(const std::string& instance_id) = 0;
};

// All methods belong to the loop's thread; the callbacks come on it too, never from inside the
// call. A callback gets UNAVAILABLE when the other side went away before it answered: what was
// asked may or may not have happened.
class Supervision {
 public:
  virtual ~Supervision() = default;

  // Has init launch a supervisor for process.instance_id (idempotent), and connects to it.
  // FAILED_PRECONDITION: the account is refused. While init is away the call waits for it.
  virtual void Launch(const Process& process, std::function<void(absl::Status)> done) = 0;
  // Connects to an instance that exists already; reports after `after_seq` will come.
  virtual void Attach(const std::string& instance_id, int64_t after_seq) = 0;
  // The following need a connected instance, else UNAVAILABLE.
  virtual void SetSpec(const Process& process, std::function<void(absl::Status)> done) = 0;
  virtual void Stop(const std::string& instance_id, std::function<void(absl::Status)> done) = 0;
  virtual void Restart(const std::string& instance_id, int64_t restart_number, bool only_if_waiting,
                       std::function<void(absl::Status)> done) = 0;
  // Gives the pid that was signalled. FAILED_PRECONDITION: nothing runs.
  virtual void Signal(const std::string& instance_id, int signal,
                      std::function<void(absl::StatusOr<int>)> done) = 0;
  // The reports up to `seq` are durable.
  virtual void Acknowledge(const std::string& instance_id, int64_t seq) = 0;
  // It is in a final state and its reports are durable: let it go.
  virtual void Release(const std::string& instance_id) = 0;
  // Removes what a deleted process left: its logs and default working directory (only if that is
  // empty).
  virtual void RemoveRemains(const std::string& process_id, const std::string& process_name) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_SUPERVISION_H_
