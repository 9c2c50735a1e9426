#include "core/process/processes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/failpoint.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/process/process_errors.h"
#include "core/process/processes_entry.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kStoreRetryMs = 500;

}  // namespace

void Processes::Draft::Tell(std::string action, std::map<std::string, std::string> attributes) {
  Event event;
  event.time_ms = now_ms;
  event.kind = "process";
  event.resource_id = process.id;
  event.name = process.name;
  event.action = std::move(action);
  event.attributes = std::move(attributes);
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

Processes::Processes(ProcessStore& store, Supervision& supervision, Scheduler& scheduler)
    : store_(store), supervision_(supervision), scheduler_(scheduler) {}

Processes::~Processes() = default;

std::string Processes::EtagOf(const Process& process) {
  return absl::StrCat("\"", process.change_number, "\"");
}

void Processes::Load(std::vector<Process> stored, int64_t revision, bool rebooted) {
  revision_ = revision;
  for (Process& process : stored) {
    const bool again =
        rebooted && process.desired == DesiredState::kRunning && IsAtRest(process.status.state);
    Entry& entry = AddEntry(std::move(process));
    entry.visible = true;
    entry.from_before_boot = rebooted;
    if (IsForcedRestart(entry.process.restart_number)) {
      entry.forced_restart_number = entry.process.restart_number;
    }
    if (again) {
      Submit(entry, {[](Draft& draft) {
                       draft.NewInstance();
                       return absl::OkStatus();
                     },
                     [](absl::StatusOr<int64_t>) {}, true});
    }
  }
}

Processes::Entry& Processes::AddEntry(Process process) {
  auto entry = std::make_unique<Entry>();
  entry->process = std::move(process);
  Entry& added = *entry;
  by_name_[added.process.name] = &added;
  if (!added.process.instance_id.empty()) by_instance_[added.process.instance_id] = &added;
  by_id_[added.process.id] = std::move(entry);
  return added;
}

void Processes::RemoveEntry(Entry& entry) {
  by_name_.erase(entry.process.name);
  by_instance_.erase(entry.process.instance_id);
  const std::string id = entry.process.id;
  by_id_.erase(id);
}

Processes::Entry* Processes::FindEntry(const std::string& reference) const {
  Entry* found = nullptr;
  if (auto it = by_id_.find(reference); it != by_id_.end()) {
    found = it->second.get();
  } else if (auto by_name = by_name_.find(reference); by_name != by_name_.end()) {
    found = by_name->second;
  }
  return found != nullptr && found->visible ? found : nullptr;
}

Processes::Entry* Processes::FindByInstance(const std::string& instance_id) const {
  auto it = by_instance_.find(instance_id);
  return it == by_instance_.end() ? nullptr : it->second;
}

absl::StatusOr<Processes::Entry*> Processes::Require(const std::string& reference) const {
  Entry* entry = FindEntry(reference);
  if (entry == nullptr) return ProcessNotFound(reference);
  return entry;
}

const Process* Processes::Find(const std::string& reference) const {
  const Entry* entry = FindEntry(reference);
  return entry == nullptr ? nullptr : &entry->process;
}

std::vector<const Process*> Processes::List(const std::string& after_name, int limit) const {
  std::vector<const Process*> found;
  for (auto it = by_name_.upper_bound(after_name);
       it != by_name_.end() && static_cast<int>(found.size()) < limit; ++it) {
    if (it->second->visible) found.push_back(&it->second->process);
  }
  return found;
}

int Processes::Count() const { return static_cast<int>(by_id_.size()); }

// ---- Commits ------------------------------------------------------------------------------------

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
    absl::Status status =
        draft->erase ? ProcessNotFound(entry.process.name) : mutation.apply(*draft);
    if (!status.ok()) {
      // The refusal may rest on a neighbour's change, so it too waits for the commit.
      mutation.done = [done = std::move(mutation.done), status](absl::StatusOr<int64_t> revision) {
        done(revision.ok() ? absl::StatusOr<int64_t>(status) : revision);
      };
      mutation.retry = false;
      mutation.origin.reset();  // a refusal is no part of the transaction
    }
  }
  entry.writing = true;
  ++commits_under_way_;
  const std::string id = entry.process.id;
  draft->unchanged =
      entry.visible && !draft->erase && draft->events.empty() && draft->process == entry.process;
  const bool asked_for = std::any_of(batch->begin(), batch->end(), [](const Mutation& mutation) {
    return mutation.origin.has_value();
  });
  if (draft->unchanged && !asked_for) {
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
  for (const Mutation& mutation : *batch) {
    if (!mutation.origin) continue;
    mutation.origin->LeaveIn(write.trace, SubjectOf(draft->process, mutation.awaited));
  }
  store_.Commit(std::move(write),
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
  --commits_under_way_;
  if (!revision.ok()) {
    const absl::Status status = FromStore(revision.status());
    std::vector<Mutation> facts;
    for (Mutation& mutation : *batch) {
      if (mutation.retry) {
        facts.push_back(std::move(mutation));
      } else {
        mutation.done(status);
      }
    }
    // Before what came meanwhile: facts are told in their order.
    const bool retry = !facts.empty();
    entry.pending.insert(entry.pending.begin(), std::make_move_iterator(facts.begin()),
                         std::make_move_iterator(facts.end()));
    if (!entry.visible) {
      RemoveEntry(entry);
    } else if (retry) {
      scheduler_.After(kStoreRetryMs, [this, process_id] {
        if (auto it = by_id_.find(process_id); it != by_id_.end()) Pump(*it->second);
      });
    } else {
      Pump(entry);
    }
    return;
  }
  const std::string old_instance = entry.process.instance_id;
  if (old_instance != draft->process.instance_id) {
    by_instance_.erase(old_instance);
    by_instance_[draft->process.instance_id] = &entry;
    entry.launching = entry.connected = entry.stop_sent = entry.from_before_boot = false;
    entry.supervisor_generation = entry.supervisor_restart_number = entry.spec_sent =
        entry.restart_sent = 0;
    entry.account_refusal.clear();
    entry.forced_restart_number = 0;
  }
  entry.forced_restart_number = std::max(entry.forced_restart_number, draft->forced_restart_number);
  revision_ = std::max(revision_, *revision);
  if (!draft->unchanged) draft->process.revision = *revision;
  entry.process = draft->process;
  entry.visible = true;
  Failpoint("osd.process.committed");
  for (Mutation& mutation : *batch) {
    if (mutation.origin) mutation.origin->written->store(true);
    mutation.done(*revision);
  }
  AfterCommit(entry, *draft);
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
    RemoveEntry(entry);
    for (Waiter& waiter : waiters)
      waiter.done(draft.erase_cause.ok() ? ProcessNotFound(name) : draft.erase_cause);
    for (Mutation& mutation : pending) mutation.done(ProcessNotFound(name));
    return;
  }
  CheckWaiters(entry);
  Reconcile(entry);
  Pump(entry);
}

// ---- Waiting ------------------------------------------------------------------------------------

void Processes::AddWaiter(Entry& entry, Waiter waiter) {
  if (entry.waiters.size() >= limits::kWaitersPerProcess) {
    return waiter.done(TooManyWaiters(entry.process));
  }
  entry.waiters.push_back(std::move(waiter));
}

void Processes::CheckWaiters(Entry& entry) {
  std::vector<std::pair<Done, absl::StatusOr<Process>>> answers;
  std::erase_if(entry.waiters, [&](Waiter& waiter) {
    const std::optional<absl::Status> result = waiter.check(entry);
    if (!result.has_value()) return false;
    answers.emplace_back(std::move(waiter.done),
                         result->ok() ? absl::StatusOr<Process>(entry.process) : *result);
    return true;
  });
  for (auto& [done, answer] : answers) done(std::move(answer));
}

namespace {

using Check = std::optional<absl::Status>;

}  // namespace

// ---- Use cases ----------------------------------------------------------------------------------

void Processes::RunUseCase(Entry& entry, const std::string& etag, std::function<void(Draft&)> apply,
                           Awaited awaited, Done done, std::optional<Origin> origin) {
  const std::string id = entry.process.id;
  auto shared_done = std::make_shared<Done>(std::move(done));
  Mutation mutation;
  mutation.apply = [etag, apply = std::move(apply)](Draft& draft) -> absl::Status {
    if (!etag.empty() && etag != EtagOf(draft.process)) {
      return EtagMismatch(draft.process, EtagOf(draft.process), etag);
    }
    apply(draft);
    return absl::OkStatus();
  };
  mutation.done = [this, id, awaited, shared_done](absl::StatusOr<int64_t> revision) {
    if (!revision.ok()) {
      (*shared_done)(revision.status());
      return;
    }
    Entry& committed = *by_id_.at(id);
    Waiter waiter = WaiterFor(awaited, committed.process);
    waiter.done = std::move(*shared_done);
    AddWaiter(committed, std::move(waiter));
  };
  mutation.origin = std::move(origin);
  mutation.awaited = awaited;
  Submit(entry, std::move(mutation));
}

// "ID CHANGE_NUMBER AWAITED"
std::string Processes::SubjectOf(const Process& process, Awaited awaited) {
  return absl::StrCat(process.id, " ", process.change_number, " ", static_cast<int>(awaited));
}

Processes::Waiter Processes::WaiterFor(Awaited awaited, const Process& wished) {
  switch (awaited) {
    case Awaited::kStarted:
      return StartedWaiter(wished);
    case Awaited::kStopped:
      return StoppedWaiter();
    case Awaited::kNothing:
      break;
  }
  return Waiter{0, [](const Entry&) -> Check { return absl::OkStatus(); }, nullptr};
}

void Processes::Repeat(const std::string& subject, Done done) {
  const std::vector<std::string> parts = absl::StrSplit(subject, ' ');
  Entry* entry = FindEntry(parts.front());
  if (entry == nullptr) {
    return scheduler_.Post([done = std::move(done), id = parts.front()] {
      done(ProcessNotFound(id));  // it was there when this was first asked for
    });
  }
  int64_t change_number = 0;
  int awaited = 0;
  const bool its_last_change = parts.size() == 3 && absl::SimpleAtoi(parts[1], &change_number) &&
                               absl::SimpleAtoi(parts[2], &awaited) &&
                               change_number == entry->process.change_number;
  Waiter waiter = WaiterFor(its_last_change ? static_cast<Awaited>(awaited) : Awaited::kNothing,
                            entry->process);
  waiter.done = std::move(done);
  AddWaiter(*entry, std::move(waiter));
  scheduler_.Post([this, alive = std::weak_ptr<bool>(alive_), id = entry->process.id] {
    if (alive.expired()) return;
    if (auto it = by_id_.find(id); it != by_id_.end()) CheckWaiters(*it->second);
  });
}

void Processes::Create(Process process, Done done, std::optional<Origin> origin) {
  const auto refuse = [this, &done](absl::Status status) {
    scheduler_.Post([done = std::move(done), status = std::move(status)] { done(status); });
  };
  if (auto it = by_name_.find(process.name); it != by_name_.end()) {
    return refuse(NameTaken(process.name, it->second->visible ? &it->second->process : nullptr));
  }
  if (process.id.empty()) process.id = NewId("proc_", scheduler_.NowMs());
  if (auto it = by_id_.find(process.id); it != by_id_.end()) {
    return refuse(IdTaken(process.id, it->second->process.name));
  }
  if (Count() >= limits::kProcesses) {
    return refuse(TooManyProcesses(Count()));
  }
  process.create_time_ms = process.update_time_ms = scheduler_.NowMs();
  Entry& entry = AddEntry(std::move(process));
  RunUseCase(
      entry, "",
      [](Draft& draft) {
        draft.NewInstance();
        draft.Tell("created", {{"generation", "1"}});
      },
      Awaited::kStarted, std::move(done), std::move(origin));
}

// Done once its command was executed for the wish that was just committed.
Processes::Waiter Processes::StartedWaiter(const Process& wished) {
  Waiter waiter;
  waiter.check = [instance = wished.instance_id,
                  number = wished.restart_number](const Entry& entry) -> Check {
    const Process& process = entry.process;
    const ProcessState state = process.status.state;
    if (process.desired == DesiredState::kStopped) return Superseded(process);
    if (state == ProcessState::kFailed) {
      return entry.account_refusal.empty() ? ExecFailed(process, entry.exec_failure)
                                           : AccountRefused(process, entry.account_refusal);
    }
    if (state == ProcessState::kPending || state == ProcessState::kStarting ||
        state == ProcessState::kStopping || state == ProcessState::kStopped)
      return std::nullopt;
    if (process.instance_id == instance && entry.supervisor_restart_number < number)
      return std::nullopt;
    if (state == ProcessState::kUnkillable) {
      return Unkillable(process);
    }
    return absl::OkStatus();
  };
  return waiter;
}

// Done once nothing of it is left.
Processes::Waiter Processes::StoppedWaiter() {
  Waiter waiter;
  waiter.check = [](const Entry& waited) -> Check {
    const Process& process = waited.process;
    if (process.desired != DesiredState::kStopped) return Superseded(process);
    if (process.status.state == ProcessState::kUnkillable) {
      return Unkillable(process);
    }
    return IsAtRest(process.status.state) ? Check(absl::OkStatus()) : std::nullopt;
  };
  return waiter;
}

void Processes::Update(const std::string& reference, const std::string& etag, Change change,
                       Done done, std::optional<Origin> origin) {
  auto entry = Require(reference);
  if (!entry.ok())
    return scheduler_.Post([done = std::move(done), status = entry.status()] { done(status); });
  RunUseCase(
      **entry, etag,
      [change = std::move(change)](Draft& draft) {
        ProcessSpec spec = draft.process.spec;
        change(spec);
        if (spec == draft.process.spec) return;
        draft.process.spec = std::move(spec);
        ++draft.process.generation;
        ++draft.process.change_number;
        draft.process.update_time_ms = draft.now_ms;
        draft.Tell("updated", {{"generation", absl::StrCat(draft.process.generation)}});
      },
      Awaited::kNothing, std::move(done), std::move(origin));
}

// What Start and Restart share: the wish to run, for a process in whatever state.
void Processes::WishRunning(Draft& draft, const char* event, bool even_if_running) {
  Process& process = draft.process;
  const ProcessState state = process.status.state;
  const bool waiting = state == ProcessState::kBackoff || state == ProcessState::kCrashLooping;
  const bool wanted = process.desired == DesiredState::kRunning;
  if (wanted && !IsAtRest(state) && !waiting && !even_if_running) return;
  if (IsAtRest(state)) {
    draft.NewInstance();
  } else if (state != ProcessState::kPending) {
    // Also for one that is on its way down: its supervisor, or a new one, begins anew from there.
    process.restart_number = NextRestartNumber(process.restart_number, even_if_running);
    if (even_if_running) draft.forced_restart_number = process.restart_number;
  }
  process.desired = DesiredState::kRunning;
  ++process.change_number;
  process.update_time_ms = draft.now_ms;
  draft.Tell(event);
}

void Processes::Start(const std::string& reference, const std::string& etag, Done done,
                      std::optional<Origin> origin) {
  auto entry = Require(reference);
  if (!entry.ok())
    return scheduler_.Post([done = std::move(done), status = entry.status()] { done(status); });
  RunUseCase(
      **entry, etag, [](Draft& draft) { WishRunning(draft, "start_requested", false); },
      Awaited::kStarted, std::move(done), std::move(origin));
}

void Processes::Restart(const std::string& reference, const std::string& etag, Done done,
                        std::optional<Origin> origin) {
  auto entry = Require(reference);
  if (!entry.ok())
    return scheduler_.Post([done = std::move(done), status = entry.status()] { done(status); });
  RunUseCase(
      **entry, etag, [](Draft& draft) { WishRunning(draft, "restart_requested", true); },
      Awaited::kStarted, std::move(done), std::move(origin));
}

void Processes::Stop(const std::string& reference, const std::string& etag, Done done,
                     std::optional<Origin> origin) {
  auto entry = Require(reference);
  if (!entry.ok())
    return scheduler_.Post([done = std::move(done), status = entry.status()] { done(status); });
  RunUseCase(
      **entry, etag,
      [](Draft& draft) {
        if (draft.process.desired == DesiredState::kStopped) return;
        draft.process.desired = DesiredState::kStopped;
        ++draft.process.change_number;
        draft.process.update_time_ms = draft.now_ms;
        draft.Tell("stop_requested");
      },
      Awaited::kStopped, std::move(done), std::move(origin));
}

void Processes::Delete(const std::string& reference, const std::string& etag, bool force,
                       std::function<void(absl::StatusOr<int64_t>)> done,
                       std::optional<Origin> origin) {
  auto entry = Require(reference);
  if (!entry.ok())
    return scheduler_.Post([done = std::move(done), status = entry.status()] { done(status); });
  if (force && !IsAtRest((*entry)->process.status.state)) {
    std::optional<Origin> stop = origin;
    if (stop) {
      stop->request.reset();  // only the whole of it is not to be repeated
      stop->record.result = "STARTED";
      stop->written = std::make_shared<std::atomic<bool>>(false);
    }
    Stop(
        reference, etag,
        [this, reference, done = std::move(done), origin](absl::StatusOr<Process> stopped) {
          if (!stopped.ok()) return done(stopped.status());
          Delete(stopped->id, "", false, done, origin);
        },
        stop);
    return;
  }
  Mutation mutation;
  mutation.apply = [etag](Draft& draft) -> absl::Status {
    const Process& process = draft.process;
    if (!etag.empty() && etag != EtagOf(process)) {
      return EtagMismatch(process, EtagOf(process), etag);
    }
    if (!IsAtRest(process.status.state)) {
      return StillRunning(process);
    }
    draft.erase = true;
    draft.Tell("deleted");
    return absl::OkStatus();
  };
  mutation.done = std::move(done);
  mutation.origin = std::move(origin);
  Submit(**entry, std::move(mutation));
}

void Processes::Signal(const std::string& reference, int signal,
                       std::function<void(absl::StatusOr<int>)> done) {
  auto entry = Require(reference);
  absl::Status refusal = entry.status();
  if (entry.ok() && ((*entry)->process.status.state != ProcessState::kRunning &&
                     (*entry)->process.status.state != ProcessState::kStopping)) {
    const Process& process = (*entry)->process;
    refusal = NotRunning(process, "there is nothing to signal");
  }
  if (!refusal.ok()) return scheduler_.Post([done = std::move(done), refusal] { done(refusal); });
  const Process process = (*entry)->process;
  supervision_.Signal(process.instance_id, signal,
                      [process, done = std::move(done)](absl::StatusOr<int> pid) {
                        if (pid.ok()) return done(pid);
                        if (pid.status().code() == absl::StatusCode::kFailedPrecondition) {
                          return done(NotRunning(process, "there is nothing to signal any more"));
                        }
                        done(SupervisorSilent(process));
                      });
}

void Processes::Wait(const std::string& reference, Condition condition, int64_t timeout_ms,
                     std::function<void(absl::StatusOr<Waited>)> done) {
  auto found = Require(reference);
  if (!found.ok())
    return scheduler_.Post([done = std::move(done), status = found.status()] { done(status); });
  Waiter waiter;
  waiter.id = ++next_waiter_;
  waiter.check = [condition](const Entry& entry) -> Check {
    const Process& process = entry.process;
    const bool at_rest = IsAtRest(process.status.state);
    if (condition == Condition::kAtRest) return at_rest ? Check(absl::OkStatus()) : std::nullopt;
    const bool running = process.status.state == ProcessState::kRunning;
    if (running && (condition == Condition::kRunning || process.status.ready))
      return absl::OkStatus();
    if (at_rest && (process.desired != DesiredState::kRunning ||
                    process.status.state == ProcessState::kFailed)) {
      return NotRunning(process, "and will not run by itself");
    }
    return std::nullopt;
  };
  waiter.done = [done](absl::StatusOr<Process> process) {
    if (!process.ok()) return done(process.status());
    done(Waited{*std::move(process), true});
  };
  const std::string id = (*found)->process.id;
  const uint64_t waiter_id = waiter.id;
  AddWaiter(**found, std::move(waiter));
  scheduler_.Post([this, alive = std::weak_ptr<bool>(alive_), id] {
    if (alive.expired()) return;
    if (auto it = by_id_.find(id); it != by_id_.end()) CheckWaiters(*it->second);
  });
  scheduler_.After(timeout_ms, [this, id, waiter_id, done = std::move(done)] {
    auto it = by_id_.find(id);
    if (it == by_id_.end()) return;
    Entry& entry = *it->second;
    const size_t removed =
        std::erase_if(entry.waiters, [&](const Waiter& one) { return one.id == waiter_id; });
    if (removed > 0) done(Waited{entry.process, false});
  });
}

}  // namespace grpc_os::core
