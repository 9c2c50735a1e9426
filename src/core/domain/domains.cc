#include "core/domain/domains.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/failpoint.h"
#include "core/domain/assignment.h"
#include "core/domain/domain_errors.h"
#include "core/domain/domain_name.h"
#include "core/resource/resource_errors.h"

namespace grpc_os::core {
namespace {

constexpr char kReadProcess[] = "process.read";
constexpr int64_t kSyncRetryMs = 1'000;  // doubled up to
constexpr int64_t kSyncRetryMaxMs = 60'000;

// The spec of a domain that a process's spec names.
DomainSpec SpecFor(const std::string& process_id) {
  DomainSpec spec;
  spec.manager = process_id;
  spec.routes = {{.path = "/", .targets = {{.process = process_id}}}};
  return spec;
}

}  // namespace

Domains::Domains(Parts parts)
    : parts_(std::move(parts)),
      catalogue_(
          {.kind = kDomainKind,
           .store = parts_.store,
           .clock = parts_.scheduler,
           .changes = changes_,
           .rules = {.check =
                         [this](const Domain* before, const Domain* after, const Origin& origin) {
                           return before == nullptr ? CheckCreation(after->name, origin)
                                                    : CheckChange(*before, origin);
                         },
                     .committed =
                         [this](const Domain* before, const Domain* after) {
                           // A status is no change of what is wanted.
                           if (before != nullptr && after != nullptr &&
                               before->generation == after->generation)
                             return;
                           if (notified_.exchange(true)) return;  // of this one as well
                           parts_.scheduler.Post([this, alive = std::weak_ptr<char>(alive_)] {
                             if (!alive.expired()) OnCommitted();
                           });
                         }}}) {}

absl::Status Domains::Load(int64_t revision) {
  if (absl::Status status = catalogue_.Load(revision); !status.ok()) return status;
  for (const Domain& domain : List("", std::numeric_limits<int>::max())) {
    const std::string& manager = domain.spec.manager;
    if (!manager.empty() && manager != kManagedByFile) synced_[manager].insert(domain.name);
  }
  return absl::OkStatus();
}

std::string Domains::ManagerOf(
    const Domain& domain, const std::function<std::string(const std::string&)>& name_of) const {
  const std::string& manager = domain.spec.manager;
  if (manager.empty()) return "";
  if (manager != kManagedByFile) return absl::StrCat("process ", name_of(manager));
  return absl::StrCat("domains.conf:", domain.spec.line);
}

// ---- What users change --------------------------------------------------------------------------

// On any thread.
absl::Status Domains::CheckChange(const Domain& before, const Origin& origin) const {
  const std::string& manager = before.spec.manager;
  if (manager.empty()) return absl::OkStatus();
  if (manager == kManagedByFile)
    return DomainManaged(before.name, absl::StrCat(parts_.file, ":", before.spec.line));
  return ManagedByProcess(before.name, manager, origin);
}

absl::Status Domains::ManagedByProcess(const std::string& domain, const std::string& process_id,
                                       const Origin& origin) const {
  const std::string name = KnownName(process_id, origin);
  return DomainManaged(domain, absl::StrCat("process ", name.empty() ? process_id : name));
}

// On any thread. Its name is reserved: what no process has taken now, none takes any more.
absl::Status Domains::CheckCreation(const std::string& name, const Origin& origin) const {
  if (const std::string process_id = TakenBy(name); !process_id.empty())
    return ManagedByProcess(name, process_id, origin);
  return CountWith({}) > limits::kDomains ? TooManyResources(kDomainKind) : absl::OkStatus();
}

std::string Domains::TakenBy(const std::string& name, const std::string& except) const {
  auto claims = claims_.Lock();
  for (const auto& [id, taken] : claims->taken)
    if (id != except && taken.contains(name)) return id;
  return "";
}

// Domains, with those that are on their way to be one.
int Domains::CountWith(std::set<std::string> names) const {
  {
    auto claims = claims_.Lock();
    for (const auto& [id, taken] : claims->taken) names.insert(taken.begin(), taken.end());
    names.insert(claims->reserved.begin(), claims->reserved.end());
  }
  std::erase_if(names, [this](const std::string& name) { return Find(name).ok(); });
  return static_cast<int>(names.size()) + catalogue_.Count();
}

std::function<void()> Domains::Reserve(std::vector<std::string> names) {
  claims_.Lock()->reserved.insert(names.begin(), names.end());
  return [this, names = std::move(names)] {
    auto claims = claims_.Lock();
    for (const std::string& name : names) claims->reserved.erase(claims->reserved.find(name));
  };
}

std::string Domains::KnownName(const std::string& process_id, const Origin& origin) const {
  std::string name;
  {
    auto names = process_names_.Lock();
    if (const auto it = names->find(process_id); it != names->end()) name = it->second;
  }
  return name.empty() || !MayKnow(origin, name) ? "" : name;
}

void Domains::Create(Domain wanted, Origin origin, Done done) {
  SortRoutes(wanted.spec);
  auto answer = [this, name = wanted.name, origin, release = Reserve({wanted.name}),
                 done = std::move(done)](absl::StatusOr<Domain> made) {
    release();
    const auto row = Find(name);
    if (absl::IsAlreadyExists(made.status()) && row.ok())
      return done(row->spec.api ? DomainOfApi(row->name)
                                : DomainTaken(row->name, "/", OwnersOf(*row, &origin)));
    done(std::move(made));
  };
  catalogue_.Create(std::move(wanted), std::move(origin), std::move(answer));
}

void Domains::Update(Domain wanted, const std::string& etag, Origin origin, Done done) {
  SortRoutes(wanted.spec);
  const std::string name = wanted.name;
  catalogue_.Update(
      name, etag,
      [wanted = std::move(wanted.spec)](DomainSpec& spec) {
        const std::string manager = spec.manager;
        const int line = spec.line;
        spec = wanted;
        spec.manager = manager;
        spec.line = line;
        return absl::OkStatus();
      },
      std::move(origin), std::move(done));
}

void Domains::Delete(const std::string& name, const std::string& etag, Origin origin,
                     std::function<void(absl::Status)> done) {
  catalogue_.Delete(name, etag, std::move(origin),
                    [done = std::move(done)](const absl::StatusOr<int64_t>& revision) {
                      done(revision.status());
                    });
}

void Domains::Assign(Assignment wanted, Origin origin, Done done) {
  Repeat(std::move(wanted), std::move(origin), std::move(done), 2);
}

// Another call may make or delete the domain in between.
void Domains::Repeat(Assignment wanted, Origin origin, Done done, int tries) {
  const bool there = !absl::IsNotFound(Find(wanted.domain).status());
  const auto answer = [this, wanted, origin, done = std::move(done), there,
                       tries](absl::StatusOr<Domain> result) {
    const bool lost =
        there ? absl::IsNotFound(result.status()) : absl::IsAlreadyExists(result.status());
    if (!lost || tries == 0) return done(std::move(result));
    Repeat(wanted, origin, done, tries - 1);
  };
  if (!there) {
    Domain domain;
    domain.name = wanted.domain;
    if (absl::Status status = ApplyAssignment(wanted, domain.spec); !status.ok())
      return answer(status);
    return Create(std::move(domain), std::move(origin), answer);
  }
  auto change = [this, wanted, origin](DomainSpec& spec) {
    Domain before;
    before.name = wanted.domain;
    before.spec = spec;
    if (absl::Status managed = CheckChange(before, origin); !managed.ok()) return managed;
    return ApplyAssignment(wanted, spec);
  };
  catalogue_.Update(wanted.domain, "", std::move(change), std::move(origin), answer);
}

void Domains::Unassign(const std::string& name, const std::string& process, const std::string& path,
                       const std::string& process_name, Origin origin, Left done) {
  const auto found = Find(name);
  bool all = process.empty() && path.empty();
  if (found.ok() && !all) {
    DomainSpec rest = found->spec;
    all = TakeOutTargets(process, path, rest) && rest.routes.empty();
  }
  // Another call may change it in between, so that something is left, or nothing.
  const auto again = [this, name, process, path, process_name, origin, done] {
    parts_.scheduler.Post([this, alive = std::weak_ptr<char>(alive_), name, process, path,
                           process_name, origin, done] {
      if (!alive.expired()) Unassign(name, process, path, process_name, origin, done);
    });
  };
  if (!found.ok() || all) {
    const std::string etag = found.ok() && !(process.empty() && path.empty()) ? EtagOf(*found) : "";
    return Delete(name, etag, std::move(origin), [done, again](absl::Status status) {
      if (absl::IsAborted(status)) return again();
      if (!status.ok()) return done(status);
      done(std::optional<Domain>());
    });
  }
  auto change = [this, domain = found->name, process, process_name, path,
                 origin](DomainSpec& spec) {
    Domain before;
    before.name = domain;
    before.spec = spec;
    if (absl::Status managed = CheckChange(before, origin); !managed.ok()) return managed;
    if (!TakeOutTargets(process, path, spec)) {
      std::set<std::string> nameless;
      for (const DomainRoute& route : spec.routes)
        for (const DomainTarget& target : route.targets)
          if (KnownName(target.process, origin).empty()) nameless.insert(target.process);
      return NotLedThere(domain, process_name, path, {nameless.begin(), nameless.end()});
    }
    return spec.routes.empty() ? absl::AbortedError("nothing is left") : absl::OkStatus();
  };
  catalogue_.Update(name, "", std::move(change), std::move(origin),
                    [done, again](absl::StatusOr<Domain> left) {
                      if (absl::IsAborted(left.status())) return again();
                      if (!left.ok()) return done(left.status());
                      done(std::optional<Domain>(*std::move(left)));
                    });
}

// ---- What domains.conf says ---------------------------------------------------------------------

// Empty: the file may have it.
std::string Domains::FileConflict(const Domain* before, const Domain* after) const {
  if (before == nullptr ? TakenBy(after->name).empty() : before->spec.manager == kManagedByFile)
    return "";
  const std::string& name = before == nullptr ? after->name : before->name;
  const std::string line = after == nullptr ? "" : absl::StrCat("line ", after->spec.line, ": ");
  return absl::StrCat(
      line, "'", name,
      before != nullptr && before->spec.manager.empty()
          ? absl::StrCat("' belongs to a user already; free it with `unassign ", name, "`")
          : "' belongs to a process already; take it out of `domains:` of its "
            "process.yml and deploy that");
}

Domains::FileChanges Domains::Compare(const std::vector<Domain>& wanted) const {
  FileChanges changes;
  std::set<std::string> names;
  for (const Domain& domain : wanted) {
    names.insert(domain.name);
    const auto before = Find(domain.name);
    if (!before.ok()) {
      changes.created.push_back(domain.name);
      continue;
    }
    DomainSpec spec = domain.spec;
    spec.line = before->spec.line;  // it moved, that is all
    if (before->spec != spec) {
      changes.changed.push_back(domain.name);
    } else {
      ++changes.unchanged;
    }
  }
  for (const Domain& domain : List("", std::numeric_limits<int>::max()))
    if (domain.spec.manager == kManagedByFile && !names.contains(domain.name))
      changes.removed.push_back(domain.name);
  return changes;
}

void Domains::SetFileDomains(std::vector<Domain> wanted, bool only_compare,
                             std::function<void(absl::StatusOr<FileChanges>)> done) {
  std::vector<std::string> conflicts, names;
  for (Domain& domain : wanted) {
    SortRoutes(domain.spec);
    domain.spec.manager = kManagedByFile;
    names.push_back(domain.name);
    const auto before = Find(domain.name);
    if (std::string why = FileConflict(before.ok() ? &*before : nullptr, &domain); !why.empty())
      conflicts.push_back(std::move(why));
  }
  if (!conflicts.empty())
    return done(DomainsFileRefused(parts_.file, absl::StrJoin(conflicts, "; ")));
  FileChanges changes = Compare(wanted);
  if (only_compare) return done(changes);
  std::vector<std::string> remove = changes.removed;
  catalogue_.ChangeAll(
      std::move(remove), std::move(wanted),
      [this](const Domain* before, const Domain* after) {
        const std::string why = FileConflict(before, after);
        return why.empty() ? absl::OkStatus() : DomainsFileRefused(parts_.file, why);
      },
      [changes = std::move(changes), release = Reserve(std::move(names)),
       done = std::move(done)](const absl::StatusOr<int64_t>& revision) {
        release();
        if (!revision.ok()) return done(revision.status());
        done(changes);
      });
}

// ---- What processes name ------------------------------------------------------------------------

Origin Domains::PermitUse(const std::vector<std::string>& names, Origin origin) const {
  if (names.empty()) return origin;
  // Copied first: what asks for these must not hold itself.
  const auto asker = std::make_shared<Origin>(origin);
  origin.permit = [this, asker, names](std::string_view process) {
    absl::Status status = asker->permit ? asker->permit(process) : absl::OkStatus();
    for (const std::string& name : names)
      if (status.ok()) status = parts_.may(*asker, kDomainWrite, name);
    return status;
  };
  return origin;
}

// Those that whoever asks may know. Where nobody asks, it may be on another thread than the core's.
std::vector<std::string> Domains::OwnersOf(const Domain& domain, const Origin* origin) const {
  std::vector<std::string> owners;
  if (origin == nullptr) return owners;
  for (const DomainRoute& route : domain.spec.routes) {
    for (const DomainTarget& target : route.targets) {
      if (std::string name = KnownName(target.process, *origin); !name.empty())
        owners.push_back(std::move(name));
    }
  }
  return owners;
}

absl::Status Domains::CheckFree(const std::string& name, const std::string& process_id,
                                const Origin* origin) const {
  // Whoever reserved it has a row before letting go: what is reserved is asked first.
  const bool reserved = origin != nullptr && [&] {
    auto claims = claims_.Lock();
    const auto taken = claims->taken.find(process_id);
    const bool has_it = taken != claims->taken.end() && taken->second.contains(name);
    return !has_it && claims->reserved.contains(name);
  }();
  if (const auto row = Find(name); row.ok() && row->spec.manager != process_id) {
    if (row->spec.manager == kManagedByFile)
      return DomainManaged(name, absl::StrCat(parts_.file, ":", row->spec.line));
    if (row->spec.api) return DomainOfApi(name);
    const auto owners = OwnersOf(*row, origin);
    return row->spec.manager.empty() ? DomainAssigned(name, owners) : DomainNamed(name, owners);
  }
  if (const std::string other = TakenBy(name, process_id); !other.empty()) {
    Domain domain;
    domain.spec = SpecFor(other);
    return DomainNamed(name, OwnersOf(domain, origin));
  }
  return reserved ? DomainAssigned(name, {}) : absl::OkStatus();
}

absl::Status Domains::Take(const Process& process, const Origin* origin) {
  Violations violations;
  const auto& names = process.spec.domains;
  for (size_t i = 0; i < names.size(); ++i)
    CheckDomainName(names[i], absl::StrCat("process.spec.domains[", i, "]"),
                    parts_.is_public_suffix, violations);
  if (!violations.empty()) return violations.ToStatus();
  for (const std::string& name : names)
    if (absl::Status free = CheckFree(name, process.id, origin); !free.ok()) return free;
  // What it had may be taken back by nobody who asks.
  if (origin != nullptr && !names.empty() &&
      CountWith({names.begin(), names.end()}) > limits::kDomains)
    return TooManyResources(kDomainKind);
  claims_.Lock()->taken[process.id].insert(names.begin(), names.end());
  return absl::OkStatus();
}

void Domains::Settle(const Process& process, bool there) {
  std::set<std::string> names;
  if (there) names = {process.spec.domains.begin(), process.spec.domains.end()};
  if (there) {
    process_names_.Lock()->insert_or_assign(process.id, process.name);
  } else {
    process_names_.Lock()->erase(process.id);
  }
  if (names.empty()) {
    claims_.Lock()->taken.erase(process.id);
    named_.erase(process.id);
  } else {
    claims_.Lock()->taken[process.id] = names;
    named_[process.id] = std::move(names);
  }
  SyncProcess(process.id);
}

void Domains::SyncAll() {
  std::vector<std::string> ids;
  for (const auto& [id, names] : synced_) ids.push_back(id);
  for (const std::string& id : ids) SyncProcess(id);
}

// One change at a time; it is looked at anew afterwards.
void Domains::SyncProcess(const std::string& process_id) {
  const auto named = named_.find(process_id);
  const auto synced = synced_.find(process_id);
  const std::set<std::string> wanted =
      named == named_.end() ? std::set<std::string>() : named->second;
  const std::set<std::string> rows =
      synced == synced_.end() ? std::set<std::string>() : synced->second;
  Sync& sync = syncs_[process_id];
  if (sync.changing || (sync.waiting && sync.tried == wanted)) return;
  if (wanted == rows) {
    if (!sync.waiting) syncs_.erase(process_id);
    return;
  }
  if (sync.tried != wanted) sync.retry_ms = kSyncRetryMs;
  sync.tried = wanted;
  std::vector<std::string> remove;
  std::set_difference(rows.begin(), rows.end(), wanted.begin(), wanted.end(),
                      std::back_inserter(remove));
  std::vector<Domain> put;
  std::set<std::string> now, of_others;
  for (const std::string& name : wanted) {
    const auto row = Find(name);
    // Such a one does not keep back the others.
    if (row.ok() && row->spec.manager != process_id) {
      of_others.insert(name);
      if (!sync.of_others.contains(name))
        LogUnsynced(process_id, absl::StrCat("'", name, "' belongs to somebody else"));
      continue;
    }
    now.insert(name);
    if (rows.contains(name)) continue;
    Domain domain;
    domain.name = name;
    domain.spec = SpecFor(process_id);
    put.push_back(std::move(domain));
  }
  sync.of_others = std::move(of_others);
  if (remove.empty() && put.empty()) return SyncLater(process_id);
  sync.changing = true;
  catalogue_.ChangeAll(
      std::move(remove), std::move(put),
      [process_id](const Domain* before, const Domain*) {
        return before == nullptr || before->spec.manager == process_id
                   ? absl::OkStatus()
                   : DomainTaken(before->name, "/", {});
      },
      [this, alive = std::weak_ptr<char>(alive_), process_id,
       now = std::move(now)](const absl::StatusOr<int64_t>& revision) {
        if (alive.expired()) return;
        parts_.scheduler.Post([this, alive, process_id, now, status = revision.status()] {
          if (alive.expired()) return;
          syncs_[process_id].changing = false;
          if (status.ok()) {
            synced_[process_id] = now;
            if (now.empty()) synced_.erase(process_id);
          } else {
            LogUnsynced(process_id, std::string(status.message()));
            SyncLater(process_id);
          }
          SyncProcess(process_id);
        });
      });
}

// One timer a process.
void Domains::SyncLater(const std::string& process_id) {
  Sync& sync = syncs_[process_id];
  if (sync.waiting) return;
  sync.waiting = true;
  parts_.scheduler.After(sync.retry_ms, [this, alive = std::weak_ptr<char>(alive_), process_id] {
    if (alive.expired()) return;
    syncs_[process_id].waiting = false;
    SyncProcess(process_id);
  });
  sync.retry_ms = std::min(2 * sync.retry_ms, kSyncRetryMaxMs);
}

void Domains::LogUnsynced(const std::string& process_id, std::string_view why) const {
  parts_.logger.Write(LogLevel::kError, "the domains of a process are not stored",
                      {{"process", process_id}, {"error", std::string(why)}});
}

// ---- What became of them ------------------------------------------------------------------------

std::shared_ptr<void> Domains::WhenGone(const std::string& id, std::function<void()> gone) {
  const auto kept = std::make_shared<Gone>(std::move(gone));
  when_gone_.Lock()->emplace(id, kept);
  // It may be gone already.
  parts_.scheduler.Post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) NotifyGone();
  });
  return kept;
}

void Domains::NotifyGone() {
  std::vector<std::shared_ptr<Gone>> due;
  std::erase_if(*when_gone_.Lock(), [&](const auto& item) {
    auto kept = item.second.lock();
    if (kept == nullptr) return true;
    if (!absl::IsNotFound(Find(item.first).status())) return false;
    due.push_back(std::move(kept));
    return true;
  });
  for (const auto& gone : due) (*gone)();
}

void Domains::OnCommitted() {
  notified_ = false;  // before it is looked at what there is
  NotifyGone();
  std::erase_if(outcomes_, [this](const auto& item) { return !Find(item.first).ok(); });
  changed_();
}

void Domains::OnOutcome(const std::string& id, const PlaneOutcome& outcome) {
  outcomes_[id] = outcome;
  DomainStatus status{.active_generation = outcome.active_generation, .message = outcome.message};
  if (outcome.state == PlaneOutcome::State::kActive) status.state = DomainState::kActive;
  if (outcome.state == PlaneOutcome::State::kRejected) status.state = DomainState::kRejected;
  Failpoint("osd.domain.outcome");
  // What is not stored (the disk is full) is found again by the next daemon.
  catalogue_.SetStatus(id, outcome.generation, std::move(status),
                       [](const absl::StatusOr<Domain>&) {});
}

std::optional<PlaneOutcome> Domains::OutcomeOf(const std::string& id) const {
  const auto it = outcomes_.find(id);
  if (it == outcomes_.end()) return std::nullopt;
  return it->second;
}

bool Domains::MayKnow(const Origin& origin, const std::string& process) const {
  return parts_.may(origin, kReadProcess, process).ok();
}

}  // namespace grpc_os::core
