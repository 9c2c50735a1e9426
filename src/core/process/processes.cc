// Processes: what there is, and what may be asked of it.
#include "core/process/processes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "base/limits.h"
#include "core/process/process_errors.h"
#include "core/process/processes_entry.h"
#include "core/process/validate.h"

namespace grpc_os::core {

Processes::Processes(ProcessStore& store, Supervision& supervision, Scheduler& scheduler)
    : store_(store), supervision_(supervision), scheduler_(scheduler) {}

Processes::~Processes() = default;

std::string Processes::EtagOf(const Process& process) {
  return absl::StrCat("\"", process.change_number, "\"");
}

void Processes::Load(std::vector<Process> stored, int64_t revision, bool rebooted) {
  revision_ = revision;
  for (Process& process : stored) {
    const bool again = rebooted && process.desired == DesiredState::kRunning &&
                       IsAtRest(process.status.state) &&
                       process.status.state != ProcessState::kHeld;  // which Reconcile begins anew
    Entry& entry = AddEntry(std::move(process));
    entry.visible = true;
    SettleClaims(entry);
    entry.from_before_boot = rebooted;
    if (IsForcedRestart(entry.process.restart_number)) {
      entry.forced_restart_number = entry.process.restart_number;
    }
    if (again) {
      Submit(entry, {[this](Draft& draft) {
                       BeginInstance(draft).IgnoreError();
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

absl::Status Processes::TakeClaims(const Process& process, const Origin* origin) const {
  for (ProcessClaims* claims : claims_) {
    absl::Status taken = claims->Take(process, origin);
    if (taken.ok()) continue;
    if (const Entry* entry = FindEntry(process.id); entry != nullptr) {
      SettleClaims(*entry);
    } else {
      SettleClaims(process, false);
    }
    return taken;
  }
  return absl::OkStatus();
}

void Processes::SettleClaims(const Process& process, bool there) const {
  for (ProcessClaims* claims : claims_) claims->Settle(process, there);
}

// What the commit under way took stays taken.
void Processes::SettleClaims(const Entry& entry) const {
  SettleClaims(entry.process, entry.visible);
  if (!entry.claimed) return;
  for (ProcessClaims* claims : claims_) claims->Take(*entry.claimed, nullptr).IgnoreError();
}

void Processes::RemoveEntry(Entry& entry) {
  Await(entry, {});
  entry.visible = false;
  SettleClaims(entry);
  NotifyTraffic(entry);
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

absl::StatusOr<Processes::Entry*> Processes::Require(const std::string& reference,
                                                     std::optional<Origin>& origin) const {
  Entry* entry = FindEntry(reference);
  const bool by_id = LooksLikeId(reference);
  if (origin && (entry != nullptr || !by_id)) {
    if (entry != nullptr) {
      origin->SetFound(reference, entry->process.name);
    } else {
      origin->name = reference;
    }
    if (by_id && origin->HidesName()) return ProcessNotFound(reference);
    if (absl::Status status = origin->CheckPermitted(); !status.ok()) return status;
  }
  return Require(reference);
}

absl::StatusOr<Processes::Entry*> Processes::RequireChangeable(
    const std::string& reference, std::optional<Origin>& origin) const {
  absl::StatusOr<Entry*> entry = Require(reference, origin);
  if (entry.ok() && origin && (*entry)->process.spec.system)
    return SystemProcessRefused((*entry)->process);
  return entry;
}

const Process* Processes::Find(const std::string& reference) const {
  const Entry* entry = FindEntry(reference);
  return entry == nullptr ? nullptr : &entry->process;
}

std::vector<const Process*> Processes::List(const std::string& after_name, int limit,
                                            Whose whose) const {
  std::vector<const Process*> found;
  for (auto it = by_name_.upper_bound(after_name);
       it != by_name_.end() && static_cast<int>(found.size()) < limit; ++it) {
    const bool system = it->second->process.spec.system;
    const bool wanted = whose == Whose::kAll || system == (whose == Whose::kSystem);
    if (wanted && it->second->visible) found.push_back(&it->second->process);
  }
  return found;
}

int Processes::Count() const { return static_cast<int>(by_id_.size()); }

const Processes::Unsaved* Processes::UnsavedOf(const std::string& id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() || !it->second->unsaved ? nullptr : &*it->second->unsaved;
}

const ProcessStatus& Processes::NewestStatus(const Process& process) const {
  const Unsaved* unsaved = UnsavedOf(process.id);
  return unsaved == nullptr ? process.status : unsaved->process.status;
}

Processes::UnsavedTotal Processes::TotalUnsaved() const {
  UnsavedTotal total;
  for (const auto& [id, entry] : by_id_) {
    if (!entry->unsaved) continue;
    const int64_t since_ms = entry->unsaved->since_ms;
    total.since_ms = total.reports == 0 ? since_ms : std::min(total.since_ms, since_ms);
    total.reports += entry->unsaved->reports;
  }
  return total;
}

int Processes::CountHeld() const {
  return static_cast<int>(std::count_if(by_id_.begin(), by_id_.end(), [](const auto& item) {
    const Process& process = item.second->process;
    return process.status.state == ProcessState::kHeld && !process.spec.system;
  }));
}

void Processes::Resume() {
  held_.clear();
  for (auto& [id, entry] : by_id_) Reconcile(*entry);
}

// One that lives under a supervisor of this system is none that could run twice.
absl::Status Processes::CheckNotHeld(const Process& process) const {
  const ProcessState state = process.status.state;
  if (held_.empty() || (!IsAtRest(state) && state != ProcessState::kPending)) {
    return absl::OkStatus();
  }
  return SystemHeld(held_);
}

// ---- Use cases ----------------------------------------------------------------------------------

void Processes::RunUseCase(Entry& entry, const std::string& etag,
                           std::function<absl::Status(Draft&)> apply, Awaited awaited, Done done,
                           std::optional<Origin> origin) {
  const std::string id = entry.process.id;
  auto shared_done = std::make_shared<Done>(std::move(done));
  Mutation mutation;
  mutation.apply = [etag, apply = std::move(apply)](Draft& draft) -> absl::Status {
    if (!etag.empty() && etag != EtagOf(draft.process)) {
      return EtagMismatch(draft.process, EtagOf(draft.process), etag);
    }
    return apply(draft);
  };
  mutation.done = [this, id, awaited, shared_done, findings = origin ? origin->findings : nullptr](
                      absl::StatusOr<int64_t> revision) {
    if (!revision.ok()) {
      (*shared_done)(revision.status());
      return;
    }
    Entry& committed = *by_id_.at(id);
    Waiter waiter = WaiterFor(awaited, committed.process);
    waiter.done = std::move(*shared_done);
    waiter.findings = findings;
    AddWaiter(committed, std::move(waiter));
  };
  mutation.origin = std::move(origin);
  mutation.awaited = awaited;
  mutation.ends = awaited == Awaited::kStopped;
  Submit(entry, std::move(mutation));
}

void Processes::Create(Process process, Done done, std::optional<Origin> origin) {
  const auto refuse = [this, &done](absl::Status status) {
    scheduler_.Post([done = std::move(done), status = std::move(status)] { done(status); });
  };
  if (origin) {
    origin->name = process.name;
    if (absl::Status status = origin->CheckPermitted(); !status.ok()) return refuse(status);
    if (absl::Status own = CheckNotReserved(process.name, "process.name"); !own.ok())
      return refuse(own);
  }
  if (auto it = by_name_.find(process.name); it != by_name_.end()) {
    return refuse(NameTaken(process.name, it->second->visible ? &it->second->process : nullptr));
  }
  if (process.id.empty()) process.id = NewId("proc_", scheduler_.NowMs());
  if (auto it = by_id_.find(process.id); it != by_id_.end()) {
    const std::string& owner = it->second->process.name;
    const bool hidden = origin && origin->permit && !origin->permit(owner).ok();
    return refuse(IdTaken(process.id, hidden ? "" : owner));
  }
  if (Count() >= limits::kProcesses && !process.spec.system) {
    return refuse(TooManyProcesses(Count()));
  }
  if (absl::Status held = CheckNotHeld(process); !held.ok()) return refuse(held);
  if (absl::Status room = check_room_(); !room.ok()) return refuse(room);
  // The system itself deploys for somebody who may not know of the others.
  const Permit permit = origin || process.spec.deployed == 0 ? PermitOf(origin) : HideOthers;
  if (absl::Status port = process.spec.auto_port ? ChoosePort(process, process.spec.port)
                                                 : CheckPort(process, permit);
      !port.ok())
    return refuse(port);
  if (absl::Status cycle = CheckDependencies(process, PermitOf(origin)); !cycle.ok())
    return refuse(cycle);
  if (absl::Status taken = TakeClaims(process, origin ? &*origin : nullptr); !taken.ok())
    return refuse(taken);
  process.create_time_ms = process.update_time_ms = scheduler_.NowMs();
  Entry& entry = AddEntry(std::move(process));
  RunUseCase(
      entry, "",
      [this](Draft& draft) {
        BeginInstance(draft).IgnoreError();  // it has a port already
        draft.Tell("created", {{"generation", "1"}});
        return absl::OkStatus();
      },
      Awaited::kStarted, std::move(done), std::move(origin));
}

// `to_run`: it is begun anew with it, whatever was wanted before.
absl::Status Processes::ChangeSpec(Draft& draft, const Change& change, bool to_run,
                                   const Permit& permit, const Origin* asker) const {
  Process changed = draft.process;
  ProcessSpec& spec = changed.spec;
  if (absl::Status status = change(spec); !status.ok()) return status;
  const ProcessSpec& before = draft.process.spec;
  if (spec.auto_port && spec.port == 0 && before.auto_port) spec.port = before.port;
  if (spec == before) return absl::OkStatus();
  if (PortOf(spec) != PortOf(before) || spec.auto_port != before.auto_port) {
    absl::Status ports = spec.auto_port ? ChoosePort(changed, spec.port)
                         : to_run || changed.desired == DesiredState::kRunning
                             ? CheckPort(changed, permit)
                             : absl::OkStatus();
    if (!ports.ok()) return ports;
  }
  if (spec.depends_on != before.depends_on) {
    if (absl::Status cycle = CheckDependencies(changed, permit); !cycle.ok()) return cycle;
  }
  if (absl::Status taken = TakeClaims(changed, asker); !taken.ok()) return taken;
  draft.process.spec = std::move(spec);
  ++draft.process.generation;
  ++draft.process.change_number;
  draft.process.update_time_ms = draft.now_ms;
  draft.Tell("updated", {{"generation", absl::StrCat(draft.process.generation)}});
  return absl::OkStatus();
}

void Processes::Update(const std::string& reference, const std::string& etag, Change change,
                       Done done, std::optional<Origin> origin) {
  auto entry = RequireChangeable(reference, origin);
  if (!entry.ok())
    return scheduler_.Post([done = std::move(done), status = entry.status()] { done(status); });
  // Before the origin goes on: in which order arguments are taken is not said.
  const auto permit = PermitOf(origin);
  const std::optional<Origin> asker = origin;
  RunUseCase(
      **entry, etag,
      [this, change = std::move(change), permit, asker](Draft& draft) {
        return ChangeSpec(draft, change, false, permit, asker ? &*asker : nullptr);
      },
      Awaited::kNothing, std::move(done), std::move(origin));
}

void Processes::Deploy(const std::string& id, Change change, bool even_if_stopped, Done done) {
  auto entry = Require(id);
  if (!entry.ok())
    return scheduler_.Post([done = std::move(done), status = entry.status()] { done(status); });
  RunUseCase(
      **entry, "",
      [this, change = std::move(change), even_if_stopped](Draft& draft) {
        if (absl::Status held = CheckNotHeld(draft.process); !held.ok()) return held;
        if (draft.process.desired == DesiredState::kStopped && !even_if_stopped)
          return Superseded(draft.process);
        const Draft before = draft;
        absl::Status status = ChangeSpec(draft, change, true, HideOthers, nullptr);
        // A supervisor refuses the spec of another deploy, so this restart is a new instance.
        if (status.ok()) status = WishRunning(draft, "deployed", true, HideOthers);
        if (status.ok()) ReplaceLaunched(draft);
        if (!status.ok()) draft = before;
        return status;
      },
      Awaited::kStarted, std::move(done), std::nullopt);
}

// One that is being launched just now may have the spec of before: then it is restarted too.
void Processes::ReplaceLaunched(Draft& draft) const {
  Process& process = draft.process;
  if (process.status.state != ProcessState::kPending) return;
  const Entry* entry = FindByInstance(process.instance_id);
  if (entry == nullptr || (!entry->launching && !known_instances_.contains(process.instance_id)))
    return;
  process.restart_number = NextRestartNumber(process.restart_number, true);
  draft.forced_restart_number = process.restart_number;
}

absl::Status Processes::HideOthers(std::string_view /*name*/) {
  return absl::PermissionDeniedError("nobody is to know");
}

absl::Status Processes::CheckDeploy(const Process& wanted, const Origin& origin) const {
  const Entry* entry = FindEntry(wanted.id);
  if (entry != nullptr && entry->process.spec.system) return SystemProcessRefused(entry->process);
  if (entry == nullptr) {
    if (absl::Status own = CheckNotReserved(wanted.name, "process"); !own.ok()) return own;
    if (Count() >= limits::kProcesses) return TooManyProcesses(Count());
  }
  const auto permit = PermitOf(origin);
  if (absl::Status port = CheckPort(wanted, permit); !port.ok()) return port;
  if (absl::Status cycle = CheckDependencies(wanted, permit); !cycle.ok()) return cycle;
  absl::Status taken = TakeClaims(wanted, &origin);
  if (entry != nullptr) {
    SettleClaims(*entry);
  } else {
    SettleClaims(wanted, false);
  }
  // One that is not there is made first.
  return absl::IsNotFound(taken) ? absl::OkStatus() : taken;
}

// What Start and Restart share: the wish to run, for a process in whatever state.
absl::Status Processes::WishRunning(Draft& draft, const char* event, bool even_if_running,
                                    const Permit& permit) const {
  Process& process = draft.process;
  const ProcessState state = process.status.state;
  const bool waiting = state == ProcessState::kBackoff || state == ProcessState::kCrashLooping;
  const bool wanted = process.desired == DesiredState::kRunning;
  if (wanted && !IsAtRest(state) && !waiting && !even_if_running) return absl::OkStatus();
  if (absl::Status room = check_room_(); !room.ok()) return room;
  if (!wanted || IsAtRest(state)) {
    if (absl::Status status = CheckPort(process, permit); !status.ok()) return status;
  }
  if (IsAtRest(state)) {
    if (absl::Status status = BeginInstance(draft); !status.ok()) return status;
  } else if (state != ProcessState::kPending) {
    // Also for one that is on its way down: its supervisor, or a new one, begins anew from there.
    process.restart_number = NextRestartNumber(process.restart_number, even_if_running);
    if (even_if_running) draft.forced_restart_number = process.restart_number;
  }
  process.desired = DesiredState::kRunning;
  ++process.change_number;
  process.update_time_ms = draft.now_ms;
  draft.Tell(event);
  return absl::OkStatus();
}

void Processes::Start(const std::string& reference, const std::string& etag, Done done,
                      std::optional<Origin> origin) {
  auto entry = RequireChangeable(reference, origin);
  if (!entry.ok())
    return scheduler_.Post([done = std::move(done), status = entry.status()] { done(status); });
  const auto permit = PermitOf(origin);  // before the origin goes on, as above
  RunUseCase(
      **entry, etag,
      [this, permit](Draft& draft) {
        if (absl::Status held = CheckNotHeld(draft.process); !held.ok()) return held;
        return WishRunning(draft, "start_requested", false, permit);
      },
      Awaited::kStarted, std::move(done), std::move(origin));
}

void Processes::Restart(const std::string& reference, const std::string& etag, Done done,
                        std::optional<Origin> origin) {
  auto entry = Require(reference, origin);
  if (!entry.ok())
    return scheduler_.Post([done = std::move(done), status = entry.status()] { done(status); });
  const auto permit = PermitOf(origin);  // before the origin goes on, as above
  RunUseCase(
      **entry, etag,
      [this, permit, asked = origin.has_value()](Draft& draft) {
        if (absl::Status held = CheckNotHeld(draft.process); !held.ok()) return held;
        // Of a system process, users decide nothing: what the daemon has stopped stays so.
        const bool wanted = draft.process.desired == DesiredState::kRunning;
        if (asked && draft.process.spec.system && !wanted)
          return SystemProcessRefused(draft.process);
        return WishRunning(draft, "restart_requested", true, permit);
      },
      Awaited::kStarted, std::move(done), std::move(origin));
}

void Processes::Stop(const std::string& reference, const std::string& etag, Done done,
                     std::optional<Origin> origin) {
  auto entry = RequireChangeable(reference, origin);
  if (!entry.ok())
    return scheduler_.Post([done = std::move(done), status = entry.status()] { done(status); });
  RunUseCase(
      **entry, etag,
      [](Draft& draft) {
        if (draft.process.desired == DesiredState::kStopped) return absl::OkStatus();
        draft.process.desired = DesiredState::kStopped;
        ++draft.process.change_number;
        draft.process.update_time_ms = draft.now_ms;
        draft.Tell("stop_requested");
        if (draft.process.status.state == ProcessState::kHeld) {
          draft.process.status.state = ProcessState::kStopped;
          draft.Tell("stopped");
        }
        return absl::OkStatus();
      },
      Awaited::kStopped, std::move(done), std::move(origin));
}

void Processes::Delete(const std::string& reference, const std::string& etag, bool force,
                       std::function<void(absl::StatusOr<int64_t>)> done,
                       std::optional<Origin> origin) {
  auto entry = RequireChangeable(reference, origin);
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
  mutation.apply = [this, etag](Draft& draft) -> absl::Status {
    const Process& process = draft.process;
    if (!etag.empty() && etag != EtagOf(process)) {
      return EtagMismatch(process, EtagOf(process), etag);
    }
    const bool waits =
        process.status.state == ProcessState::kPending && !by_id_.at(process.id)->awaited.empty();
    if (!IsAtRest(process.status.state) && !waits) {
      return StillRunning(process);
    }
    draft.erase = true;
    draft.Tell("deleted");
    return absl::OkStatus();
  };
  mutation.done = std::move(done);
  mutation.ends = true;
  mutation.origin = std::move(origin);
  Submit(**entry, std::move(mutation));
}

void Processes::Signal(const std::string& reference, int signal,
                       std::function<void(absl::StatusOr<int>)> done) {
  auto entry = Require(reference);
  if (!entry.ok())
    return scheduler_.Post([done = std::move(done), status = entry.status()] { done(status); });
  // By the newest that is known: the supervisor checks it anyway, and nothing is stored.
  const auto& unsaved = (*entry)->unsaved;
  const Process process = unsaved ? unsaved->process : (*entry)->process;
  if (process.status.state != ProcessState::kRunning &&
      process.status.state != ProcessState::kStopping) {
    return scheduler_.Post(
        [done = std::move(done), refusal = NotRunning(process, "there is nothing to signal")] {
          done(refusal);
        });
  }
  supervision_.Signal(process.instance_id, signal,
                      [process, done = std::move(done)](absl::StatusOr<int> pid) {
                        if (pid.ok()) return done(pid);
                        if (pid.status().code() == absl::StatusCode::kFailedPrecondition) {
                          return done(NotRunning(process, "there is nothing to signal any more"));
                        }
                        done(SupervisorSilent(process));
                      });
}

}  // namespace grpc_os::core
