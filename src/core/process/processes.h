// The processes of this machine: what users want of them, and the reconciliation that makes it so.
#ifndef GRPC_OS_CORE_PROCESS_PROCESSES_H_
#define GRPC_OS_CORE_PROCESS_PROCESSES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/change/envelope.h"
#include "core/process/process.h"
#include "core/process/process_claims.h"
#include "core/process/process_store.h"
#include "core/process/process_traffic.h"
#include "core/process/supervision.h"
#include "core/scheduler.h"

namespace grpc_os::core {

// Of TCP, both included.
struct PortRange {
  int first = 20'000;
  int last = 32'000;
};

// Lives on the core's thread: every method and callback. What Find, List, answers and waiters go by
// is always committed. While the store cannot take what supervisors report (a full disk), the
// newest of that is to be had beside it, from UnsavedOf alone: whoever shows it says that it is not
// stored.
//
// A use case commits the user's wish, then waits for the world to follow; its `Done` is called
// exactly once, never from inside the call. If the daemon dies in between, the wish stands and the
// next daemon makes the world follow.
class Processes final : public SupervisionObserver {
 public:
  using Done = std::function<void(absl::StatusOr<Process>)>;

  Processes(ProcessStore& store, Supervision& supervision, Scheduler& scheduler);
  ~Processes() override;

  // Asked before anything is begun anew (Create, Start, Restart), which takes room beside the
  // store's: what it refuses, they refuse.
  void SetRoomCheck(std::function<absl::Status()> check) { check_room_ = std::move(check); }

  // Where automatic ports come from, and whether nobody on this machine listens on one, to be asked
  // on the core's thread. Without it any port is free.
  void SetPorts(PortRange range, std::function<bool(int)> is_free) {
    port_range_ = range;
    port_is_free_ = std::move(is_free);
  }
  // Asked before a spec is taken over, and told what became of it. Outlives this.
  void AddClaims(ProcessClaims& claims) { claims_.push_back(&claims); }

  // Asked before a process that runs is stopped. Outlives this.
  void SetTraffic(ProcessTraffic& traffic) { traffic_ = &traffic; }

  // Called with each process that is gone for good.
  void SetDeleted(std::function<void(const Process&)> deleted) { deleted_ = std::move(deleted); }

  // Before Load, where this system is a copy of one that may run elsewhere (`why`, a clause): until
  // Resume nothing is launched, and what is wanted to run is `held`.
  void Hold(std::string why) { held_ = std::move(why); }
  const std::string& held() const { return held_; }  // why; empty: nothing is held
  int CountHeld() const;
  // What is held runs, as after a reboot.
  void Resume();

  // Takes what the store holds, before anything else. `rebooted`: the machine was restarted since
  // the last daemon.
  void Load(std::vector<Process> stored, int64_t revision, bool rebooted);

  // By id or name; nullptr if there is none. Valid until the next call.
  const Process* Find(const std::string& reference) const;
  // In the order of names, those after `after_name`, at most `limit`.
  enum class Whose { kAll, kUsers, kSystem };
  std::vector<const Process*> List(const std::string& after_name, int limit,
                                   Whose whose = Whose::kAll) const;
  int Count() const;
  // What was reported of a process and could not be stored yet; it is tried again until it is.
  struct Unsaved {
    Process process;       // as it will be once all of it is stored
    int reports = 0;       // how many wait; those that its supervisor keeps count as one
    int64_t since_ms = 0;  // when the store first refused one of them
  };
  // By id; nullptr: everything is stored. Valid until the next call.
  const Unsaved* UnsavedOf(const std::string& id) const;
  // Of one that Find or List gave: what is not stored, or else what is.
  const ProcessStatus& NewestStatus(const Process& process) const;
  // What a pending process waits for before it is launched, as it is now: "waits for db to be
  // ready". Of processes that whoever asks may not know, only what is wanted of them is said.
  // Empty: it does not wait.
  using MayKnow = std::function<bool(std::string_view)>;
  std::string WhyPending(const Process& process, const MayKnow& may_know) const;
  // Of all processes: the reports that wait, and since when.
  struct UnsavedTotal {
    int64_t reports = 0;
    int64_t since_ms = 0;
  };
  UnsavedTotal TotalUnsaved() const;
  // Everything of processes up to this revision of the store is in what Find and List show.
  // `newest`: the store's newest, read just now.
  int64_t Revision(int64_t newest) const { return commits_under_way_ == 0 ? newest : revision_; }
  // Whether what Find, List and UnsavedOf show is of now: after the start of a daemon, false until
  // each supervisor has told what happened while there was none.
  bool Settled() const;
  // Instances that run without a process in the store.
  std::vector<std::string> Unowned() const;

  // `process` has a validated name and spec, and an id if the caller chose one. See ProcessService
  // for the semantics and errors of all of these. The origin goes into the transaction; none:
  // nobody asked for it, and only so a system process is made, changed, started and stopped.
  void Create(Process process, Done done, std::optional<Origin> origin = std::nullopt);
  // Refuses, having changed nothing, or changes.
  using Change = std::function<absl::Status(ProcessSpec&)>;
  void Update(const std::string& reference, const std::string& etag, Change change, Done done,
              std::optional<Origin> origin = std::nullopt);
  // For the system itself: makes the spec another one and begins a new instance with it,
  // stop-first, as a restart does; answers as Start. `even_if_stopped`: also where it is stopped,
  // or else ABORTED (SUPERSEDED). Errors name no process but this one.
  void Deploy(const std::string& id, Change change, bool even_if_stopped, Done done);
  // What Deploy, or Create, of a process that is to be so would refuse now, for whoever asks.
  absl::Status CheckDeploy(const Process& wanted, const Origin& origin) const;
  void Start(const std::string& reference, const std::string& etag, Done done,
             std::optional<Origin> origin = std::nullopt);
  void Stop(const std::string& reference, const std::string& etag, Done done,
            std::optional<Origin> origin = std::nullopt);
  void Restart(const std::string& reference, const std::string& etag, Done done,
               std::optional<Origin> origin = std::nullopt);
  void Delete(const std::string& reference, const std::string& etag, bool force,
              std::function<void(absl::StatusOr<int64_t>)> done,
              std::optional<Origin> origin = std::nullopt);
  // What a change of the above but Delete, which was committed with this subject, is answered with
  // when it is asked for again: it waits for what the first call waited for.
  void Repeat(const std::string& subject, Done done);
  void Signal(const std::string& reference, int signal,
              std::function<void(absl::StatusOr<int>)> done);

  enum class Condition { kRunning, kReady, kAtRest };
  struct Waited {
    Process process;
    bool satisfied = false;
  };
  struct WaiterPlace {
    std::string process_id;
    uint64_t waiter = 0;
  };
  // `generation`: of kRunning and kReady, of the spec that must run at least.
  WaiterPlace Wait(const std::string& reference, Condition condition, int64_t timeout_ms,
                   std::function<void(absl::StatusOr<Waited>)> done, int64_t generation = 0);
  // Nobody waits for that answer any more: `done` does not come, if it has not.
  void StopWaiting(const WaiterPlace& place);

  // Calls `then` once, as soon as the process is at rest and will not run by itself, or is deleted,
  // unless the answer is let go of (on any thread) before. An unknown id is one that was deleted.
  std::shared_ptr<void> WhenAtRest(const std::string& id, std::function<void()> then);

  // SupervisionObserver:
  void OnInstances(const std::vector<std::string>& instance_ids) override;
  void OnConnected(const InstanceReport& snapshot) override;
  void OnReport(const InstanceReport& report) override;
  void OnPresent(const InstanceReport& snapshot) override;
  void OnGone(const std::string& instance_id) override;

  static std::string EtagOf(const Process& process);

 private:
  struct Entry;
  struct Draft;
  struct Mutation;
  struct Waiter;

  Entry* FindEntry(const std::string& reference) const;
  Entry* FindByInstance(const std::string& instance_id) const;
  Entry& AddEntry(Process process);
  void RemoveEntry(Entry& entry);
  absl::Status TakeClaims(const Process& process, const Origin* origin) const;
  void SettleClaims(const Process& process, bool there) const;
  void SettleClaims(const Entry& entry) const;
  absl::StatusOr<Entry*> Require(const std::string& reference) const;
  // The process, if whoever asks may change it: what is forbidden and what is not there answer
  // alike.
  absl::StatusOr<Entry*> Require(const std::string& reference, std::optional<Origin>& origin) const;
  // The same; of a user's call also: no system process.
  absl::StatusOr<Entry*> RequireChangeable(const std::string& reference,
                                           std::optional<Origin>& origin) const;

  void Submit(Entry& entry, Mutation mutation);
  void Pump(Entry& entry);
  static absl::Status PermissionOf(const Mutation& mutation);
  void RetryLater(Entry& entry);
  void ViewUnsaved(Entry& entry, int64_t now_ms);
  static bool IsAhead(const Entry& entry);
  static bool IsSettled(const Entry& entry);
  void OnCommitted(const std::string& process_id, std::shared_ptr<std::vector<Mutation>> batch,
                   std::shared_ptr<Draft> draft, absl::StatusOr<int64_t> revision);
  void AfterCommit(Entry& entry, const Draft& draft);
  void CheckWaiters(Entry& entry);
  void TellIfItRests(Entry& entry, bool deleted);
  void AddWaiter(Entry& entry, Waiter waiter);
  // nullopt: that wait has ended.
  std::optional<Waiter> TakeWaiter(const WaiterPlace& place);
  enum class Awaited { kNothing, kStarted, kStopped };
  // Whether the caller may know of the process of this name; empty: yes.
  using Permit = std::function<absl::Status(std::string_view)>;
  void RunUseCase(Entry& entry, const std::string& etag, std::function<absl::Status(Draft&)> apply,
                  Awaited awaited, Done done, std::optional<Origin> origin);

  static std::string SubjectOf(const Process& process, Awaited awaited);
  Waiter WaiterFor(Awaited awaited, const Process& wished) const;
  Waiter StartedWaiter(const Process& wished) const;
  static Waiter StoppedWaiter();
  absl::Status ChangeSpec(Draft& draft, const Change& change, bool to_run, const Permit& permit,
                          const Origin* asker) const;
  void ReplaceLaunched(Draft& draft) const;
  static absl::Status HideOthers(std::string_view name);
  absl::Status WishRunning(Draft& draft, const char* event, bool even_if_running,
                           const Permit& permit) const;

  void Reconcile(Entry& entry);
  void AttachOnce(const Process& process);
  void ReconcileRunning(Entry& entry);
  void ReconcileStopped(Entry& entry);
  void ReplaceInstance(Entry& entry);
  bool IsDrained(Entry& entry);
  void EndDrain(Entry& entry) const;
  void NotifyTraffic(const Entry& entry) const;
  void LaunchInstance(Entry& entry);
  void ReplaceLost(Entry& entry);
  void HoldProcess(Entry& entry);
  void ResumeProcess(Entry& entry);
  absl::Status CheckNotHeld(const Process& process) const;
  void ReleaseInstance(const std::string& instance_id);
  // processes_dependencies.cc: what it waits for before that.
  absl::Status CheckDependencies(const Process& process, const Permit& permit) const;
  bool IsMet(const Dependency& dependency) const;
  std::string WaitsFor(const Process& process, const MayKnow& may_know) const;
  void Await(Entry& entry, std::vector<std::string> names);
  bool MayLaunch(Entry& entry);
  void TellThatItWaits(Entry& entry);
  void WakeDependents(const std::string& name);
  void ApplyReport(Draft& draft, const InstanceReport& report) const;
  // processes_instance.cc: what a new instance has.
  static Permit PermitOf(const std::optional<Origin>& origin);
  absl::Status BeginInstance(Draft& draft) const;
  absl::Status CheckPort(const Process& process, const Permit& permit) const;
  absl::Status ChoosePort(const Process& process, int& port) const;
  void OnLaunchRefused(Entry& entry, const std::string& instance_id, const absl::Status& status);

  ProcessStore& store_;
  Supervision& supervision_;
  Scheduler& scheduler_;
  uint64_t next_waiter_ = 0;
  std::vector<ProcessClaims*> claims_;
  ProcessTraffic* traffic_ = nullptr;
  std::function<void(const Process&)> deleted_ = [](const Process&) {};
  int64_t revision_ = 0;  // of the last commit of ours
  int commits_under_way_ = 0;
  bool instances_known_ = false;
  std::string held_;
  std::function<absl::Status()> check_room_ = [] { return absl::OkStatus(); };
  PortRange port_range_;
  std::function<bool(int)> port_is_free_ = [](int) { return true; };
  std::map<std::string, std::unique_ptr<Entry>> by_id_;
  std::map<std::string, Entry*> by_name_;
  std::map<std::string, Entry*> by_instance_;
  std::set<std::string> known_instances_;                  // that init says exist
  std::set<std::string> attached_;                         // that we asked to be connected to
  std::set<std::string> orphans_;                          // exist, but belong to no process
  std::set<std::pair<std::string, std::string>> awaited_;  // a name, and the id of who waits for it
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // callbacks that come later see its end
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_PROCESSES_H_
