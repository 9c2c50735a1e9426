// The supervisors.
#ifndef GRPC_OS_INIT_INSTANCES_H_
#define GRPC_OS_INIT_INSTANCES_H_

#include <sys/resource.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "cgroup/cgroup.h"
#include "init/accounts.h"
#include "init/data_directory.h"
#include "init/instance_directories.h"
#include "init/log.h"
#include "init/reaper.h"
#include "init/relaunch_delay.h"
#include "init/stop_plan.h"
#include "protocol/messages.pb.h"

namespace grpc_os::init {

// Launches one supervisor per instance, adopts those that a former init launched, and launches dead
// ones again. Lives on the loop's thread.
class Instances {
 public:
  struct Settings {
    std::string supervise;                      // the program, absolute
    std::vector<std::string> environment;       // of supervisors
    cgroup::Tree tree;                          // for new instances
    const AllowedAccounts* accounts = nullptr;  // null: without --user, as the next
    const AllowedAccounts* system_accounts = nullptr;
    // RLIMIT_NOFILE of supervisors, and so of processes; nullopt: ours, which is raised.
    std::optional<rlimit> files;
    // A supervisor died and will be launched again (true), or has ended for good.
    std::function<void(const std::string& instance_id, bool relaunching)> on_gone;
    // While all are stopped, at once and then every few seconds: that takes at most so long from
    // now. `text`, for people, is not empty every ten seconds: who is waited for.
    std::function<void(const std::string& text, int64_t within_ms)> on_stopping;
  };
  Instances(EventLoop& loop, Reaper& reaper, const DataDirectory& data, Log& log,
            Settings settings);
  Instances(const Instances&) = delete;
  Instances& operator=(const Instances&) = delete;
  ~Instances();

  // Another boot: forgets the instances of the last one, but for those that were shut down and have
  // that to tell. A living one, which cannot be of another boot, is kept.
  void ForgetDead();
  // Finds what is in run/i. The dead are launched again if `relaunch`, else left.
  [[nodiscard]] absl::Status Adopt(bool relaunch);
  // Idempotent by instance id. PERMISSION_DENIED: the account is refused, or its capability.
  absl::Status Launch(const internal::Launch& request, int spec_memfd);
  // Those that live or are about to be launched again, but tasks.
  std::vector<std::string> Ids() const;
  // To be called each second: supervisors whose sockets or directories were removed make them
  // again. Looks at kLooksAtOnce.
  void KeepSockets();
  static constexpr size_t kLooksAtOnce = 500;
  // From now on nothing is launched again.
  void Freeze() { frozen_ = true; }
  // Has every supervisor stop its process and end itself, each after those that depend on it, as
  // all do on the system's own: see StopPlan. Each has the time that it says it needs; then it is
  // killed. `done` is called once all have ended, or were killed and have not; `left`, for people,
  // is not empty if something is left.
  void StopAll(std::function<void(const std::string& left)> done);

 private:
  enum class State { kAlive, kWaiting, kEnded };
  struct Instance {
    internal::Launch record;
    State state = State::kWaiting;
    pid_t child = 0;        // 0: a former init's
    UniqueFd connection;    // to a former init's, whose end is that of the supervisor; or to ask
    int64_t attach_ms = 0;  // waited for the last attempt to connect
    // While all are stopped: whether it was asked how long it needs, and what it said.
    bool asked = false;
    std::optional<int64_t> stop_ms;
    int64_t give_up_ms = 0;   // it was killed; 0: was not
    int64_t clear_by_ms = 0;  // for what its dead supervisor left outside of its leaf
    bool died = false;        // a task: its first supervisor
    bool removed = false;     // its socket was, and that was said
    RelaunchDelay delay{1'000, 60'000, 60'000};
    EventLoop::TimerId timer = 0;
  };

  // Whether a cgroup tree of that path is this data directory's.
  bool IsOwnTree(const std::string& path) const;
  // Connects to the supervisor. False: it is surely dead. If that cannot be told just now, it
  // counts as alive and is tried again: a living one must never be launched a second time.
  bool Attach(Instance& instance);
  absl::Status Connect(Instance& instance);
  void AttachLater(Instance& instance);
  void Disconnect(Instance& instance);
  void OnConnectionEvent(const std::string& instance_id);
  void OnAnswer(Instance& instance, const std::string& bytes);
  // Makes the socket, finds the account, executes the supervisor.
  absl::Status Start(Instance& instance, int spec_memfd);
  absl::StatusOr<std::optional<Account>> ProcessAccount(const internal::Launch& record) const;
  std::vector<std::string> Arguments(const internal::Launch& record,
                                     const std::optional<Account>& account) const;
  void KeepSocket(Instance& instance);
  void OnChildEnd(const std::string& instance_id, pid_t child, int wait_status);
  void OnDeath(Instance& instance);
  void Relaunch(const std::string& instance_id);
  void End(Instance& instance, bool remove);
  void Forget(const std::string& instance_id);
  void ForgetEndedOf(const std::string& process_id, const std::string& but);
  static absl::StatusOr<cgroup::Leaf> LeafOf(const Instance& instance);
  static void KillLeaf(const Instance& instance);
  void BeginStop(Instance& instance);
  void AskStopTime(Instance& instance);
  void BeginStopsIfAllAnswered();
  void BeginStops();
  void ContinueStops();
  void StopDue();
  void ReportStopping(int64_t now_ms);
  void Kill(Instance& instance);
  void GiveUp(Instance& instance);
  bool AnyAlive() const;
  void FinishStopIfNoneAlive();

  EventLoop& loop_;
  Reaper& reaper_;
  const DataDirectory& data_;
  Log& log_;
  const Settings settings_;
  const InstanceDirectories directories_;
  std::map<std::string, std::unique_ptr<Instance>> instances_;
  std::string looked_at_;  // the last one whose socket was
  bool frozen_ = false;
  std::function<void(const std::string&)> on_stopped_;
  bool asking_ = false;  // how long each needs
  StopPlan plan_;
  EventLoop::TimerId stop_timer_ = 0;
  int64_t next_report_ms_ = 0;
  int64_t next_text_ms_ = 0;
  int64_t strays_until_ms_ = 0;
  std::string left_;
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_INSTANCES_H_
