// The domains of this machine, and who may change which.
#ifndef GRPC_OS_CORE_DOMAIN_DOMAINS_H_
#define GRPC_OS_CORE_DOMAIN_DOMAINS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/guarded.h"
#include "core/change/change_queue.h"
#include "core/change/envelope.h"
#include "core/domain/assignment.h"
#include "core/domain/domain.h"
#include "core/logger.h"
#include "core/process/process_claims.h"
#include "core/reconcile/reconciliation.h"
#include "core/resource/catalogue.h"
#include "core/scheduler.h"

namespace grpc_os::core {

// A domain is of users, of domains.conf, or of the process whose spec names it; who has it alone
// changes it. Find and List are thread-safe; all else is of the core's thread. Answers come on some
// thread.
class Domains final : public ProcessClaims {
 public:
  struct Parts {
    ResourceStore& store;
    Scheduler& scheduler;
    Logger& logger;
    // Of whoever asks, beside the permission of their call.
    std::function<absl::Status(const Origin& origin, const char* permission, std::string_view name)>
        may;
    std::function<bool(std::string_view)> is_public_suffix;
    std::string file;  // domains.conf, as people know it
  };
  explicit Domains(Parts parts);

  // Takes what the store holds, before the processes are loaded. Blocks.
  absl::Status Load(int64_t revision);
  // `changed` is called on the core's thread after something was committed. Once.
  void SetChanged(std::function<void()> changed) { changed_ = std::move(changed); }

  absl::StatusOr<Domain> Find(const std::string& reference) const {
    return catalogue_.Find(reference);
  }
  std::vector<Domain> List(const std::string& after, int limit) const {
    return catalogue_.List(after, limit);
  }
  int64_t Revision(int64_t newest) const { return catalogue_.Revision(newest); }
  // "domains.conf:12", "process web"; empty: users. `name_of` a process's id.
  std::string ManagerOf(const Domain& domain,
                        const std::function<std::string(const std::string&)>& name_of) const;
  // `gone` comes on the core's thread once there is no domain of this id, unless what this gives
  // was let go before. Thread-safe.
  std::shared_ptr<void> WhenGone(const std::string& id, std::function<void()> gone);
  bool IsPublicSuffix(std::string_view name) const { return parts_.is_public_suffix(name); }
  const std::string& file() const { return parts_.file; }

  // Specs are checked, and name processes by their ids.
  using Done = std::function<void(absl::StatusOr<Domain>)>;
  void Create(Domain wanted, Origin origin, Done done);
  void Update(Domain wanted, const std::string& etag, Origin origin, Done done);
  void Delete(const std::string& name, const std::string& etag, Origin origin,
              std::function<void(absl::Status)> done);
  void Assign(Assignment wanted, Origin origin, Done done);
  // Empty `process` (an id), `path`: all. `done` gets what is left; nullopt: nothing, it is gone.
  using Left = std::function<void(absl::StatusOr<std::optional<Domain>>)>;
  void Unassign(const std::string& name, const std::string& process, const std::string& path,
                const std::string& process_name, Origin origin, Left done);

  // What domains.conf says, checked: in one transaction these are all that it has. Refused, with
  // the lines, if one of them is somebody else's.
  struct FileChanges {
    std::vector<std::string> created, changed, removed;
    int unchanged = 0;
  };
  void SetFileDomains(std::vector<Domain> wanted, bool only_compare,
                      std::function<void(absl::StatusOr<FileChanges>)> done);

  // What the reconciler made of it.
  void OnOutcome(const std::string& id, const PlaneOutcome& outcome);
  std::optional<PlaneOutcome> OutcomeOf(const std::string& id) const;
  // Whether whoever asks may know the process of this name.
  bool MayKnow(const Origin& origin, const std::string& process) const;

  // The origin of a change that gives a process these domains, with the permissions that it needs
  // for them.
  Origin PermitUse(const std::vector<std::string>& names, Origin origin) const;

  // Once the processes are loaded: what those that are gone left behind goes.
  void SyncAll();

  // ProcessClaims:
  absl::Status Take(const Process& process, const Origin* origin) override;
  void Settle(const Process& process, bool there) override;

 private:
  absl::Status CheckChange(const Domain& before, const Origin& origin) const;
  absl::Status ManagedByProcess(const std::string& domain, const std::string& process_id,
                                const Origin& origin) const;
  absl::Status CheckCreation(const std::string& name, const Origin& origin) const;
  // The id of a process, empty: none.
  std::string TakenBy(const std::string& name, const std::string& except = "") const;
  int CountWith(std::set<std::string> names) const;
  // No process takes these until what it gives was called. Thread-safe.
  std::function<void()> Reserve(std::vector<std::string> names);
  // Empty: whoever asks may not know it, or it is gone.
  std::string KnownName(const std::string& process_id, const Origin& origin) const;
  void Repeat(Assignment wanted, Origin origin, Done done, int tries);
  std::string FileConflict(const Domain* before, const Domain* after) const;
  FileChanges Compare(const std::vector<Domain>& wanted) const;
  void OnCommitted();
  void NotifyGone();
  // Rows of what processes name.
  void SyncProcess(const std::string& process_id);
  void SyncLater(const std::string& process_id);
  void LogUnsynced(const std::string& process_id, std::string_view why) const;
  std::vector<std::string> OwnersOf(const Domain& domain, const Origin* origin) const;
  absl::Status CheckFree(const std::string& name, const std::string& process_id,
                         const Origin* origin) const;

  const Parts parts_;
  ChangeQueue changes_;
  Catalogue<Domain> catalogue_;
  std::function<void()> changed_ = [] {};
  std::atomic<bool> notified_{false};  // that something was committed, which is not looked at yet
  std::map<std::string, PlaneOutcome> outcomes_;  // by the ids of domains
  // By the ids of processes: what their specs name; what has rows.
  std::map<std::string, std::set<std::string>> named_, synced_;
  // Who may get a row of a name.
  struct Claims {
    // By the ids of processes: what they name, and what they take in a change under way.
    std::map<std::string, std::set<std::string>> taken;
    std::multiset<std::string> reserved;  // by creations under way, of users and of the file
  };
  mutable Guarded<Claims> claims_;
  mutable Guarded<std::map<std::string, std::string>> process_names_;
  // How a process gets its rows.
  struct Sync {
    bool changing = false;
    bool waiting = false;                    // for another try
    std::set<std::string> tried, of_others;  // what it named at the last try
    int64_t retry_ms = 0;
  };
  std::map<std::string, Sync> syncs_;
  using Gone = std::function<void()>;
  Guarded<std::multimap<std::string, std::weak_ptr<Gone>>> when_gone_;  // by the ids of domains
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DOMAIN_DOMAINS_H_
