// Deploys: how a process comes from one spec to the next, in one state or the other whatever
// happens meanwhile.
#ifndef GRPC_OS_CORE_DEPLOY_DEPLOYS_H_
#define GRPC_OS_CORE_DEPLOY_DEPLOYS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/change/change_queue.h"
#include "core/change/envelope.h"
#include "core/deploy/bundles.h"
#include "core/deploy/revision.h"
#include "core/logger.h"
#include "core/process/process_ports.h"
#include "core/process/processes.h"
#include "core/resource/catalogue.h"
#include "core/scheduler.h"

namespace grpc_os::core {

// Lives on the core's thread: every method and callback.
//
// A deploy is recorded (a revision that is `deploying`) before anything of the process changes; the
// process changes in one transaction, after which its spec says that it has this revision; then it
// is ready, or gets the spec of before in another transaction. So the next daemon knows from the
// process alone how far the last one came. One deploy of a process at a time.
class Deploys {
 public:
  // Runs `command` as a task of the process, as its spec has it. `done` comes on the core's thread;
  // an error: how it failed, with its last lines.
  using Release = std::function<void(const Process& process, const std::string& command,
                                     std::function<void(absl::Status)> done)>;
  struct Parts {
    Processes& processes;
    ResourceStore& store;
    Scheduler& scheduler;
    Logger& logger;
    Bundles& bundles;
    LogSource& logs;
    Release release;
  };
  explicit Deploys(Parts parts);

  // Takes what the store holds, before anything else. Blocks.
  absl::Status Load(int64_t revision) { return catalogue_.Load(revision); }
  // Once, when the processes are loaded: goes on with what the last daemon left, or ends it.
  void Recover();

  struct Wanted {
    std::string process;  // its name; checked before, as well as the spec
    ProcessSpec spec;
    std::string etag;  // of the process; empty: whatever it is
    int64_t rollback_of = 0;
    bool no_rollback = false;
    bool dockerfile = false;
    bool validate_only = false;
  };
  using Done = std::function<void(absl::StatusOr<Revision>)>;
  // What Deploy would refuse before it looks at the bundle.
  absl::Status Check(const Wanted& wanted, const Origin& origin) const;
  // See DeployService for the semantics and errors. `done` comes once the deploy is recorded, or
  // there is nothing to do.
  void Deploy(Wanted wanted, Origin origin, Done done);
  // What a rollback to `number` (0: the newest that was deployed before the current one) deploys.
  absl::StatusOr<Wanted> WantedOf(const Process& process, int64_t number) const;

  // Of the process of this name; where there is none, those of first deploys that failed. The
  // newest first.
  std::vector<Revision> List(const std::string& process) const;
  // 0: the newest.
  absl::StatusOr<Revision> Find(const std::string& process, int64_t number) const;
  // By the name of the revision.
  absl::StatusOr<Revision> FindNamed(const std::string& name) const {
    return catalogue_.Find(name);
  }
  // Whether the process has another spec than this revision, its current one.
  static bool Changed(const Process& process, const Revision& revision);

  // `done` comes once it is not being deployed any more, or its step is not `step` (if given), or
  // the time is over.
  uint64_t Wait(const Revision& revision, std::optional<DeployStep> step, int64_t timeout_ms,
                Done done);
  void StopWaiting(uint64_t waiter) { waiters_.erase(waiter); }

 private:
  struct Waiter {
    std::string name;
    std::optional<DeployStep> step;
    Done done;
  };

  std::vector<Revision> RevisionsOf(const std::string& process) const;
  int64_t NextNumber(const std::string& process) const;
  struct Planned {
    RevisionSpec spec;
    ProcessSpec before;
    bool nothing_to_do = false;  // then `spec` is that of the revision that the process has
  };
  absl::StatusOr<Planned> Plan(const Wanted& wanted) const;
  absl::StatusOr<Planned> PlanFor(const Wanted& wanted, const Origin& origin) const;
  void Remember(const std::string& name, Origin origin, Done done);
  void Record(const Planned& planned, Origin origin, Done done);

  // deploy_steps.cc.
  void Begin(const Revision& revision);
  void Start(const Revision& revision);
  void AwaitReady(const Revision& revision, int64_t waited_ms = 0);
  bool WasTakenAway(const Revision& revision);
  void OnNotReady(const Revision& revision, const std::string& why);
  void RollBack(const Revision& revision, const std::string& why);
  void AwaitOldOne(const Revision& revision, const std::string& why);
  void OnRolledBack(const Revision& revision, const std::string& why, const absl::Status& status);
  void Finish(const Revision& revision, RevisionState state, const std::string& message);
  // Tries until the store takes it.
  void SetStatus(const Revision& revision, RevisionStatus status, std::function<void()> then);

  void WithLog(const std::string& process_id, std::function<void(std::string)> then) const;
  void CheckWaiters(const Revision& revision);
  void Prune(const std::string& process);
  void Remove(const std::vector<Revision>& revisions);
  void OnDeleted(const Process& process);
  // Counts which bundles revisions have; removes what none has any more. What a process had before
  // a deploy is that of a revision that is kept.
  void Use(const RevisionSpec& spec);
  // `forget`: the object of a bundle too.
  void Unuse(const RevisionSpec& spec, bool forget);
  // On the core's thread, unless this is gone.
  template <typename Then>
  auto Posted(Then then) const {
    return [scheduler = &parts_.scheduler, alive = std::weak_ptr<char>(alive_),
            then = std::move(then)](auto result) {
      scheduler->Post([alive, then, result = std::move(result)]() mutable {
        if (!alive.expired()) then(std::move(result));
      });
    };
  }

  const Parts parts_;
  ChangeQueue changes_;
  Catalogue<Revision> catalogue_;
  std::map<std::string, int64_t> busy_;  // processes that are being deployed, and the number; 0:
                                         // it is not recorded yet
  struct Bundle {
    int uses = 0;
    int64_t used_ms = 0;  // last
  };
  std::map<std::string, int> places_;  // by name: how many revisions need each
  std::map<std::string, Bundle> bundles_;
  uint64_t next_waiter_ = 0;
  std::map<uint64_t, Waiter> waiters_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // callbacks that come later see its end
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DEPLOY_DEPLOYS_H_
