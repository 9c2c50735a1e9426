// The connection to the grpc-os-supervise of one instance.
#ifndef GRPC_OS_RUNTIME_INSTANCE_CONNECTION_H_
#define GRPC_OS_RUNTIME_INSTANCE_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/event_loop.h"
#include "core/process/supervision.h"
#include "protocol/messages.pb.h"
#include "runtime/instance_report.h"
#include "runtime/packet_channel.h"

namespace grpc_os::runtime {

// Connects to a supervisor, and again whenever the connection was lost, after 10 ms doubling to 500
// ms. Nothing is sent to or believed of one that does not prove to be this instance. Lives on the
// loop's thread.
class InstanceConnection final : private PacketChannel::Owner {
 public:
  class Events {
   public:
    virtual void OnInstanceConnected(const core::InstanceReport& snapshot) = 0;
    virtual void OnInstanceReport(const core::InstanceReport& report) = 0;
    virtual void OnInstancePresent(const core::InstanceReport& snapshot) = 0;
    // It is not connected, and an attempt failed or the connection was lost. Must not destroy the
    // connection.
    virtual void OnInstanceAway(const std::string& instance_id) = 0;
    virtual void OnError(const std::string& message) = 0;
    // Of a task; nothing more comes before ContinueOutput.
    virtual void OnTaskOutput(const std::string& /*instance_id*/,
                              const internal::TaskOutput& /*output*/) {}

   protected:
    ~Events() = default;
  };
  // Gives the pid of the answer.
  using Done = std::function<void(absl::StatusOr<int>)>;

  // Begins to connect, from the loop. `directory` is the instance's; reports after `after_seq` are
  // wanted. `events` outlives this object.
  InstanceConnection(EventLoop& loop, std::string directory, std::string instance_id,
                     int64_t after_seq, Events& events);
  ~InstanceConnection();

  // Whether a supervisor that proved to be this instance is on the line.
  bool connected() const { return connected_; }
  // Connects again, from the loop, so that a snapshot and the reports after `after_seq` will come.
  void ConnectAnew(int64_t after_seq);
  // The supervisor is being launched again: finds out at once whether the line is dead, and if so
  // tries soon.
  void Relaunching();
  // The last output was taken.
  void ContinueOutput();
  // Takes what the supervisor has said so far.
  void Receive();

  // `done` gets UNAVAILABLE if there is no connection or it is lost before the answer,
  // FAILED_PRECONDITION with supervise's words if it refuses. Never called from inside the call.
  void Call(internal::SuperviseRequest request, UniqueFd descriptor, Done done);
  // Remembered and told as soon as there is a connection.
  void Acknowledge(int64_t seq);
  void Release();

  // Asks for a sign of life, which one that was stopped (SIGSTOP) or hangs does not give; not while
  // it has not given the last, nor within `interval_ms` of asking. One that keeps silent is said.
  void Ping(int64_t interval_ms);
  // For how long it has not given the last one; 0: it has.
  int64_t SilentMs() const;

  // What `generation` of the spec executes, for messages about it.
  void Describe(int64_t generation, Execution execution);

  // As last told: the leaf cgroup and the main process; empty and 0 if not known.
  const std::string& cgroup_path() const { return cgroup_path_; }
  int pid() const { return pid_; }

 private:
  void OnPacket(protocol::Packet packet) override;
  void OnDrained() override;
  void OnClosed(const absl::Status& why) override;

  void Connect();
  void Disconnect();
  void ConnectLater();
  void TakeHello(const internal::InstanceStatus& status);
  void TakeReport(const internal::Report& report);
  void TakeResult(const internal::CallResult& result);
  core::InstanceReport Translate(const internal::InstanceStatus& status);
  Execution ExecutionOf(const internal::InstanceStatus& status) const;
  void Fail(Done done, absl::Status status);
  // Tells an acknowledgement and a release that are due.
  void Flush();
  void Report(const absl::Status& problem);

  EventLoop& loop_;
  const std::string directory_;
  const std::string instance_id_;
  Events& events_;
  std::unique_ptr<PacketChannel> channel_;
  EventLoop::TimerId timer_ = 0;
  int64_t delay_ms_;
  absl::Status reported_;  // the last problem that was told, to tell each once

  bool connected_ = false;
  uint64_t next_call_ = 1;
  std::map<uint64_t, Done> calls_;
  int64_t acked_ = 0;
  int64_t last_seq_ = 0;  // of the last report on this connection
  bool ack_due_ = false;
  bool release_wanted_ = false;
  bool release_due_ = false;

  int64_t pinged_ms_;
  // Shared with the answer, which may come later than the end of this; 0: none is awaited.
  const std::shared_ptr<int64_t> silent_since_ms_ = std::make_shared<int64_t>(0);

  std::map<int64_t, Execution> executions_;  // by generation, the newest few
  core::ProcessState state_ = core::ProcessState::kStarting;
  std::optional<core::ExitReport> last_exit_;
  std::string cgroup_path_;
  int pid_ = 0;
};

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_INSTANCE_CONNECTION_H_
