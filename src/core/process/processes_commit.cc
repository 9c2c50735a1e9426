// Processes: from what is to change to its commit, and what follows from that.
#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>

#include "base/failpoint.h"
#include "base/id.h"
#include "core/process/process_errors.h"
#include "core/process/processes.h"
#include "core/process/processes_entry.h"
#include "core/store_error.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kStoreRetryMs = 500;

}  // namespace

absl::Status Processes::PermissionOf(const Mutation& mutation) {
  return mutation.origin ? mutation.origin->CheckPermitted() : absl::OkStatus();
}

void Processes::Draft::Tell(std::string action, std::map<std::string, std::string> attributes) {
  Event event;
  event.time_ms = now_ms;
  event.kind = "process";
  event.resource_id = process.id;
  event.name = process.name;
  event.action = std::move(action);
  event.attributes = std::move(attributes);
  if (process.spec.system) event.attributes["system"] = "true";
  events.push_back(std::move(event));
}

void Processes::Draft::NewInstance() {
  if (!process.instance_id.empty()) release.push_back(process.instance_id);
  process.instance_id = RandomHex128();
  process.instance_seq = 0;
  process.restart_number = 0;
  const auto last_exit = process.status.last_exit;
  process.status = ProcessStatus{};
  process.status.last_exit = last_exit;
}

// One commit per process at a time; what comes meanwhile goes into the next one together.
void Processes::Submit(Entry& entry, Mutation mutation) {
  entry.pending.push_back(std::move(mutation));
  // Not at once: the caller may hold on to the entry, and what comes in the same round shares a
  // commit.
  scheduler_.Post([this, alive = std::weak_ptr<bool>(alive_), id = entry.process.id] {
    if (alive.expired()) return;
    if (auto it = by_id_.find(id); it != by_id_.end()) Pump(*it->second);
  });
}

void Processes::Pump(Entry& entry) {
  if (entry.writing || entry.pending.empty()) return;
  auto batch = std::make_shared<std::vector<Mutation>>(std::exchange(entry.pending, {}));
  auto draft = std::make_shared<Draft>();
  draft->process = entry.process;
  draft->now_ms = scheduler_.NowMs();
  for (Mutation& mutation : *batch) {
    mutation.refusal = draft->erase ? ProcessNotFound(entry.process.name) : mutation.apply(*draft);
    entry.claimed = draft->process;
  }
  const bool wanted = !draft->erase && draft->process.desired == DesiredState::kRunning;
  entry.claimed_port = wanted ? PortOf(draft->process.spec) : 0;
  entry.claimed_dependencies = draft->process.spec.depends_on;
  entry.writing = true;
  ++commits_under_way_;
  const std::string id = entry.process.id;
  draft->unchanged =
      entry.visible && !draft->erase && draft->events.empty() && draft->process == entry.process;
  Envelope envelope = Envelope::OfSystem();
  for (const Mutation& mutation : *batch) {
    // A refusal is no part of the transaction.
    if (mutation.origin && mutation.refusal.ok())
      envelope.Add(*mutation.origin, SubjectOf(draft->process, mutation.awaited));
  }
  if (draft->unchanged && !envelope.asked_for()) {
    OnCommitted(id, batch, draft, entry.process.revision);
    return;
  }
  ProcessWrite write;
  if (draft->unchanged) {
    // What was acknowledged is remembered, though there was nothing to do.
  } else if (draft->erase) {
    if (entry.visible) write.remove.push_back(id);
  } else {
    write.put.push_back(draft->process);
  }
  write.events = draft->events;
  // What follows from a stop takes the reserve too: it is answered once all of it is stored.
  const bool stopping = draft->process.desired == DesiredState::kStopped;
  write.may_use_reserve =
      draft->erase || std::any_of(batch->begin(), batch->end(), [stopping](const Mutation& one) {
        return one.refusal.ok() && (one.ends || (stopping && one.retry));
      });
  store_.Commit(std::move(write), std::move(envelope),
                [this, alive = std::weak_ptr<bool>(alive_), scheduler = &scheduler_, id, batch,
                 draft](absl::StatusOr<int64_t> revision) {
                  scheduler->Post([this, alive, id, batch, draft, revision] {
                    if (!alive.expired()) OnCommitted(id, batch, draft, revision);
                  });
                });
}

void Processes::OnCommitted(const std::string& process_id,
                            std::shared_ptr<std::vector<Mutation>> batch,
                            std::shared_ptr<Draft> draft, absl::StatusOr<int64_t> revision) {
  Entry& entry = *by_id_.at(process_id);  // nothing removes an entry that is being written
  entry.writing = false;
  entry.claimed_port = 0;
  entry.claimed_dependencies.clear();
  entry.claimed.reset();
  --commits_under_way_;
  if (!revision.ok()) {
    SettleClaims(entry);
    const bool not_permitted = IsNotPermitted(revision.status());
    std::vector<Mutation> again;
    for (Mutation& mutation : *batch) {
      if (!not_permitted) {
        if (mutation.retry) {
          again.push_back(std::move(mutation));
        } else {
          mutation.done(FromStore(revision.status()));
        }
        continue;
      }
      // Of those who share the draft, only who may not change it any more is refused.
      if (const absl::Status status = PermissionOf(mutation); !status.ok()) {
        mutation.done(status);
      } else {
        again.push_back(std::move(mutation));
      }
    }
    // Before what came meanwhile: reports keep their order.
    const bool any = !again.empty();
    entry.pending.insert(entry.pending.begin(), std::make_move_iterator(again.begin()),
                         std::make_move_iterator(again.end()));
    if (!entry.visible && !any) {
      RemoveEntry(entry);
    } else if (any && !not_permitted) {
      ViewUnsaved(entry, scheduler_.NowMs());
      RetryLater(entry);
    } else {
      if (entry.unsaved) ViewUnsaved(entry, scheduler_.NowMs());
      Pump(entry);
    }
    return;
  }
  const std::string old_instance = entry.process.instance_id;
  if (old_instance != draft->process.instance_id) {
    by_instance_.erase(old_instance);
    by_instance_[draft->process.instance_id] = &entry;
    entry.launching = entry.connected = entry.stop_sent = entry.from_before_boot = false;
    entry.spec_unanswered = entry.spec_refused = entry.replacing = false;
    entry.supervisor_generation = entry.supervisor_restart_number = entry.spec_sent =
        entry.restart_sent = 0;
    entry.takes_over = draft->takes_over;
    entry.account_refusal.clear();
    entry.forced_restart_number = 0;
  }
  entry.forced_restart_number = std::max(entry.forced_restart_number, draft->forced_restart_number);
  revision_ = std::max(revision_, *revision);
  if (!draft->unchanged) draft->process.revision = *revision;
  entry.process = draft->process;
  entry.visible = !draft->erase;  // before anyone is answered
  SettleClaims(entry);
  entry.visible = true;
  if (IsAhead(entry)) {
    ViewUnsaved(entry, scheduler_.NowMs());
  } else {
    entry.present.reset();
    entry.unsaved.reset();
  }
  Failpoint("osd.process.committed");
  for (Mutation& mutation : *batch) {
    mutation.done(mutation.refusal.ok() ? revision : mutation.refusal);
  }
  if (!draft->erase) NotifyTraffic(entry);
  AfterCommit(entry, *draft);
}

// One timer for each process, however many calls are refused meanwhile.
void Processes::RetryLater(Entry& entry) {
  if (std::exchange(entry.retry_due, true)) return;
  scheduler_.After(kStoreRetryMs, [this, id = entry.process.id] {
    const auto it = by_id_.find(id);
    if (it == by_id_.end()) return;
    it->second->retry_due = false;
    Pump(*it->second);
  });
}

// Whether the supervisor of its instance has told more than is stored.
bool Processes::IsAhead(const Entry& entry) {
  return entry.present && entry.present->instance_id == entry.process.instance_id &&
         entry.present->newest_seq > entry.process.instance_seq;
}

void Processes::ViewUnsaved(Entry& entry, int64_t now_ms) {
  Unsaved view;
  view.since_ms = entry.unsaved ? entry.unsaved->since_ms : now_ms;
  Draft draft;
  draft.process = entry.process;
  draft.now_ms = now_ms;
  for (const Mutation& mutation : entry.pending) {
    if (!mutation.retry) continue;
    ++view.reports;
    if (!draft.erase) (void)mutation.apply(draft);  // facts refuse nothing
  }
  if (!draft.erase && IsAhead(entry) && entry.present->instance_id == draft.process.instance_id) {
    const auto last_exit = draft.process.status.last_exit;
    draft.process.status = entry.present->status;
    if (!draft.process.status.last_exit) draft.process.status.last_exit = last_exit;
    draft.process.instance_seq = std::max(draft.process.instance_seq, entry.present->newest_seq);
    ++view.reports;
  }
  view.process = std::move(draft.process);
  entry.unsaved.reset();
  if (view.reports > 0) entry.unsaved = std::move(view);
  NotifyTraffic(entry);
}

void Processes::NotifyTraffic(const Entry& entry) const {
  if (traffic_ == nullptr) return;
  traffic_->OnChanged(entry.unsaved ? entry.unsaved->process : entry.process, entry.visible);
}

void Processes::AfterCommit(Entry& entry, const Draft& draft) {
  if (draft.acknowledge > 0)
    supervision_.Acknowledge(draft.acknowledge_instance, draft.acknowledge);
  for (const std::string& instance : draft.release) ReleaseInstance(instance);
  if (draft.erase) {
    ReleaseInstance(entry.process.instance_id);
    supervision_.RemoveRemains(entry.process.id, entry.process.name);
    std::vector<Waiter> waiters = std::exchange(entry.waiters, {});
    std::vector<Mutation> pending = std::exchange(entry.pending, {});
    const std::string name = entry.process.name;
    TellIfItRests(entry, /*deleted=*/true);
    const Process deleted = entry.process;
    RemoveEntry(entry);
    deleted_(deleted);
    for (Waiter& waiter : waiters)
      waiter.done(draft.erase_cause.ok() ? ProcessNotFound(name) : draft.erase_cause);
    for (Mutation& mutation : pending) mutation.done(ProcessNotFound(name));
    return;
  }
  CheckWaiters(entry);
  TellIfItRests(entry, /*deleted=*/false);
  Reconcile(entry);
  WakeDependents(entry.process.name);
  Pump(entry);
}

}  // namespace grpc_os::core
