// The connection to grpc-os-init.
#ifndef GRPC_OS_RUNTIME_INIT_CONNECTION_H_
#define GRPC_OS_RUNTIME_INIT_CONNECTION_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/event_loop.h"
#include "core/process/process.h"
#include "protocol/messages.pb.h"
#include "runtime/launch_spec.h"
#include "runtime/packet_channel.h"

namespace grpc_os::runtime {

// Connects to init, and again whenever the connection was lost; keeps the launches that init has
// not answered and asks again for them. Lives on the loop's thread.
class InitConnection final : private PacketChannel::Owner {
 public:
  class Events {
   public:
    // Once per connection, before anything else.
    virtual void OnInit(const std::string& cgroup_mode, bool shielded,
                        const std::vector<std::string>& instance_ids) = 0;
    virtual void OnInstanceGone(const std::string& instance_id, bool relaunching) = 0;
    virtual void OnShutdown() = 0;
    virtual void OnError(const std::string& message) = 0;

   protected:
    ~Events() = default;
  };
  using Done = std::function<void(absl::Status)>;

  // `events` outlives this object. `account` is this program's own.
  InitConnection(EventLoop& loop, std::string data_directory,
                 std::optional<AccountVariables> account, Events& events);
  ~InitConnection();

  void Start();
  void ReportReady();
  // Has init launch process.instance_id. `done` is never called from inside the call.
  // FAILED_PRECONDITION: the account is refused; RESOURCE_EXHAUSTED: too many launches wait;
  // INTERNAL: init could not.
  // `task`: the run of a task (messages.proto, Launch.task), UNAVAILABLE from an init of before.
  void Launch(const core::Process& process, Done done, bool task = false);
  // Takes back a launch that init was not asked for yet, and forgets its `done`. False: it was.
  bool Withdraw(const std::string& instance_id);
  // Has init remove processes/<name> if it is empty. Lost if init is away: the directory stays.
  void RemoveProcessDirectory(const std::string& process_name);
  // The spec as this machine runs it; needs no connection.
  absl::StatusOr<internal::LaunchSpec> SpecOf(const core::Process& process) const;

  // Whether init has told on the present connection what it has.
  bool established() const { return established_; }
  // Whether this instance exists as far as init has told, or is asked for.
  bool Expects(const std::string& instance_id) const;

 private:
  struct PendingLaunch {
    core::Process process;
    bool task = false;
    std::vector<Done> done;
    bool sent = false;  // on the present connection
  };

  void OnPacket(protocol::Packet packet) override;
  void OnDrained() override;
  void OnClosed(const absl::Status& why) override;

  void Connect();
  void ConnectLater();
  void TakeInstances(const internal::InstanceList& part);
  void TakeLaunchResult(const internal::LaunchResult& result);
  void TakeGone(const internal::InstanceGone& gone);
  void SendLaunches();
  absl::Status SendLaunch(const PendingLaunch& pending);
  // Forgets the launch and answers it.
  void Answer(const std::string& instance_id, const absl::Status& status);
  void Fail(Done done, absl::Status status);
  void Report(const absl::Status& problem);

  EventLoop& loop_;
  const std::string data_directory_;
  const std::optional<AccountVariables> account_;
  Events& events_;
  std::unique_ptr<PacketChannel> channel_;
  EventLoop::TimerId timer_ = 0;
  absl::Status reported_;  // the last problem of connecting that was told, to tell each once

  bool established_ = false;
  bool daemon_ready_ = false;
  bool shielded_ = false;
  bool launches_tasks_ = false;
  bool launches_system_ = false;
  std::string cgroup_mode_;
  std::vector<std::string> listed_;  // parts of the list so far
  std::set<std::string> known_;      // instances that exist

  std::map<std::string, PendingLaunch> launches_;  // by instance
  std::deque<std::string> unsent_;                 // instances of launches_, in the order of asking
  int unanswered_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace grpc_os::runtime

#endif  // GRPC_OS_RUNTIME_INIT_CONNECTION_H_
