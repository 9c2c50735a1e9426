// core::Processes, the part that makes the world follow: what supervisors tell, and what is asked
// of them.
#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/signal_name.h"
#include "core/error_reason.h"
#include "core/process/process_errors.h"
#include "core/process/processes_entry.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kLaunchRetryMs = 1000;

// The actions that become events; the others only change the status.
constexpr const char* kTold[] = {"started",   "ready",   "not_ready",     "not_live",
                                 "exited",    "backoff", "crash_looping", "stopped",
                                 "completed", "failed",  "unkillable"};
static_assert(std::all_of(std::begin(kTold), std::end(kTold), IsEventAction));

std::map<std::string, std::string> AttributesOf(const InstanceReport& report) {
  const ProcessStatus& status = report.status;
  std::map<std::string, std::string> attributes;
  if (report.action == "started" || report.action == "ready") {
    attributes["pid"] = absl::StrCat(status.pid);
    attributes["generation"] = absl::StrCat(status.running_generation);
  }
  if (report.action == "backoff" || report.action == "crash_looping") {
    attributes["delay_ms"] =
        absl::StrCat(std::max<int64_t>(status.next_restart_time_ms - report.time_ms, 0));
  }
  if (report.action == "exited" && status.last_exit.has_value()) {
    const ExitReport& exit = *status.last_exit;
    attributes["reason"] = ToString(exit.reason);
    if (exit.exit_code.has_value()) attributes["exit_code"] = absl::StrCat(*exit.exit_code);
    if (exit.signal != 0) attributes["signal"] = SignalName(exit.signal);
    attributes["requested"] = exit.requested ? "true" : "false";
    attributes["attempt"] = absl::StrCat(exit.attempt);
  }
  constexpr std::string_view kExplained[] = {"failed", "unkillable", "not_ready", "not_live"};
  if (!status.message.empty() && std::find(std::begin(kExplained), std::end(kExplained),
                                           report.action) != std::end(kExplained)) {
    attributes["message"] = status.message;
  }
  return attributes;
}

}  // namespace

// ---- Facts --------------------------------------------------------------------------------------

void Processes::OnInstances(const std::vector<std::string>& instance_ids) {
  instances_known_ = true;
  known_instances_ = std::set<std::string>(instance_ids.begin(), instance_ids.end());
  std::erase_if(attached_,
                [this](const std::string& id) { return !known_instances_.contains(id); });
  std::erase_if(orphans_, [this](const std::string& id) { return !known_instances_.contains(id); });
  for (const std::string& id : instance_ids) {
    if (FindByInstance(id) != nullptr || !attached_.insert(id).second) continue;
    orphans_.insert(id);
    supervision_.Attach(id, 0);
  }
  for (auto& [id, entry] : by_id_) {
    if (!known_instances_.contains(entry->process.instance_id)) entry->connected = false;
    Reconcile(*entry);
  }
}

void Processes::OnConnected(const InstanceReport& snapshot) {
  Entry* entry = FindByInstance(snapshot.instance_id);
  if (entry == nullptr) {
    if (IsAtRest(snapshot.status.state)) ReleaseInstance(snapshot.instance_id);
    return;
  }
  entry->connected = true;
  entry->stop_sent = false;
  entry->spec_sent = 0;
  entry->spec_unanswered = entry->spec_refused = entry->replacing = false;
  entry->restart_sent = 0;
  entry->awaited_seq = snapshot.newest_seq;
  // It may be another one than the one that was ahead. What it is itself ahead, it tells next.
  if (std::exchange(entry->present, std::nullopt) && !entry->writing) {
    ViewUnsaved(*entry, scheduler_.NowMs());
  }
  entry->supervisor_generation = snapshot.status.observed_generation;
  entry->supervisor_restart_number =
      std::max(entry->supervisor_restart_number, snapshot.restart_number);
  Reconcile(*entry);
  WakeDependents(entry->process.name);
}

void Processes::OnReport(const InstanceReport& report) {
  Entry* entry = FindByInstance(report.instance_id);
  if (entry == nullptr) {
    if (IsAtRest(report.status.state)) ReleaseInstance(report.instance_id);
    return;
  }
  Mutation mutation;
  mutation.apply = [this, report](Draft& draft) {
    ApplyReport(draft, report);
    return absl::OkStatus();
  };
  mutation.done = [this, report](absl::StatusOr<int64_t> revision) {
    Entry* told = FindByInstance(report.instance_id);
    if (!revision.ok() || told == nullptr) return;
    told->supervisor_generation =
        std::max(told->supervisor_generation, report.status.observed_generation);
    told->supervisor_restart_number =
        std::max(told->supervisor_restart_number, report.restart_number);
    told->exec_failure = report.exec_failure;
  };
  mutation.retry = true;
  Submit(*entry, std::move(mutation));
}

void Processes::OnPresent(const InstanceReport& snapshot) {
  Entry* entry = FindByInstance(snapshot.instance_id);
  if (entry == nullptr) return;
  entry->present = snapshot;
  ViewUnsaved(*entry, scheduler_.NowMs());
}

void Processes::ApplyReport(Draft& draft, const InstanceReport& report) const {
  Process& process = draft.process;
  if (report.instance_id != process.instance_id || report.seq <= process.instance_seq) return;
  process.instance_seq = report.seq;
  draft.acknowledge = report.seq;
  draft.acknowledge_instance = report.instance_id;
  const auto last_exit = process.status.last_exit;
  process.status = report.status;
  if (!process.status.last_exit.has_value()) process.status.last_exit = last_exit;
  if (report.ever_started) process.provisional = false;
  if (std::find(std::begin(kTold), std::end(kTold), report.action) != std::end(kTold)) {
    draft.now_ms = report.time_ms;
    draft.Tell(report.action, AttributesOf(report));
  }
  const ProcessState state = process.status.state;
  if (state == ProcessState::kFailed && process.provisional) {
    draft.erase = true;
    draft.erase_cause = ExecFailed(process, report.exec_failure);
    draft.Tell("deleted", {{"reason", "exec_failed"}});
  } else if (IsAtRest(state) && process.desired == DesiredState::kRunning) {
    // It ended by itself before it heard that it is to run again; or it was stopped with its
    // supervisor (shut-down), or wished to run again while it was being stopped.
    const bool begins_anew =
        report.restart_number < process.restart_number || state == ProcessState::kStopped;
    if (begins_anew) {
      const Entry* entry = FindByInstance(report.instance_id);
      draft.takes_over = entry != nullptr && entry->replacing;
      BeginInstance(draft).IgnoreError();  // without a free port, with the one of before
    } else if (state == ProcessState::kExited) {
      process.desired = DesiredState::kCompleted;
      ++process.change_number;
    }
  }
}

void Processes::OnGone(const std::string& instance_id) {
  known_instances_.erase(instance_id);
  attached_.erase(instance_id);
  orphans_.erase(instance_id);
  if (Entry* entry = FindByInstance(instance_id); entry != nullptr) {
    entry->connected = false;
    Reconcile(*entry);
  }
}

bool Processes::Settled() const {
  return instances_known_ && std::all_of(by_id_.begin(), by_id_.end(),
                                         [](const auto& item) { return IsSettled(*item.second); });
}

bool Processes::IsSettled(const Entry& entry) {
  if (!entry.unsaved && (entry.writing || !entry.pending.empty())) return false;
  const Process& newest = entry.unsaved ? entry.unsaved->process : entry.process;
  const ProcessState state = newest.status.state;
  if (IsAtRest(state) || state == ProcessState::kPending) return true;
  return entry.connected && newest.instance_seq >= entry.awaited_seq;
}

std::vector<std::string> Processes::Unowned() const { return {orphans_.begin(), orphans_.end()}; }

// ---- What follows from them ---------------------------------------------------------------------

// Idempotent; called whenever something changed. Acts only on what is committed.
void Processes::Reconcile(Entry& entry) {
  if (!instances_known_ || !entry.visible || entry.writing || !entry.pending.empty()) return;
  const Process& process = entry.process;
  const bool wanted = process.desired == DesiredState::kRunning;
  Await(entry, {});
  if (process.status.state == ProcessState::kHeld && wanted && held_.empty()) {
    ResumeProcess(entry);
    return;
  }
  if (IsAtRest(process.status.state)) {
    AttachOnce(process);  // the daemon before this one may have died with the release unsent
    ReleaseInstance(process.instance_id);
    return;
  }
  if (entry.launching) return;
  if (!known_instances_.contains(process.instance_id)) {
    if (wanted && !held_.empty()) {
      HoldProcess(entry);
    } else if (wanted && process.status.state == ProcessState::kPending) {
      if (MayLaunch(entry)) LaunchInstance(entry);
    } else {
      ReplaceLost(entry);
    }
    return;
  }
  AttachOnce(process);
  if (!entry.connected) return;
  if (wanted) {
    ReconcileRunning(entry);
  } else {
    ReconcileStopped(entry);
  }
}

void Processes::AttachOnce(const Process& process) {
  const std::string& instance = process.instance_id;
  if (known_instances_.contains(instance) && attached_.insert(instance).second) {
    supervision_.Attach(instance, process.instance_seq);
  }
}

void Processes::ReconcileRunning(Entry& entry) {
  const Process& process = entry.process;
  entry.stop_sent = false;
  if (std::max(entry.supervisor_generation, entry.spec_sent) < process.generation) {
    entry.spec_sent = process.generation;
    entry.spec_unanswered = true;
    supervision_.SetSpec(process, [this, instance = process.instance_id](absl::Status status) {
      // Lost with the connection: sent again on the next.
      Entry* answered = FindByInstance(instance);
      if (answered == nullptr || absl::IsUnavailable(status)) return;
      answered->spec_unanswered = false;
      answered->spec_refused = absl::IsFailedPrecondition(status);
      Reconcile(*answered);
    });
  }
  // Whether a restart can have that spec decides on how it is done.
  if (entry.spec_unanswered || entry.replacing) return;
  const bool waiting = process.status.state == ProcessState::kBackoff ||
                       process.status.state == ProcessState::kCrashLooping;
  if (waiting && process.spec.auto_port && !port_is_free_(process.spec.port)) {
    return ReplaceInstance(entry);
  }
  if (std::max(entry.supervisor_restart_number, entry.restart_sent) < process.restart_number) {
    const bool forced = entry.forced_restart_number > entry.supervisor_restart_number;
    if (forced && !IsDrained(entry)) return;
    if ((forced || waiting) && (entry.spec_refused || process.spec.auto_port)) {
      return ReplaceInstance(entry);
    }
    entry.restart_sent = process.restart_number;
    supervision_.Restart(process.instance_id, process.restart_number,
                         entry.forced_restart_number <= entry.supervisor_restart_number,
                         [](absl::Status) {});
  } else if (entry.restart_sent <= entry.supervisor_restart_number) {
    EndDrain(entry);
  }
}

// Whether what runs has no requests any more; else Reconcile comes again once that is so.
bool Processes::IsDrained(Entry& entry) {
  const Process& process = entry.process;
  if (traffic_ == nullptr || process.status.state != ProcessState::kRunning) return true;
  const int64_t execution = process.status.start_time_ms;
  if (entry.drain_of == execution) return entry.drained;
  entry.drain_of = execution;
  entry.drained = !traffic_->Drain(process, [this, alive = std::weak_ptr<bool>(alive_), execution,
                                             instance = process.instance_id] {
    Entry* drained = alive.expired() ? nullptr : FindByInstance(instance);
    if (drained == nullptr || drained->drain_of != execution) return;
    drained->drained = true;
    Reconcile(*drained);
  });
  return entry.drained;
}

void Processes::EndDrain(Entry& entry) const {
  const Process& process = entry.process;
  if (entry.drain_of == 0 || process.status.state != ProcessState::kRunning) return;
  if (entry.drain_of == process.status.start_time_ms) traffic_->EndDrain(process);
  entry.drain_of = 0;
}

// Stops it, though it is wanted: when it has stopped, a new instance begins. For what a restart by
// the same supervisor cannot do: take a spec that this one does not know, look for a free port
// while nothing of the process has it.
void Processes::ReplaceInstance(Entry& entry) {
  entry.replacing = true;
  supervision_.Stop(entry.process.instance_id, [](absl::Status) {});
}

void Processes::ReconcileStopped(Entry& entry) {
  if (entry.stop_sent || !IsDrained(entry)) return;
  entry.stop_sent = true;
  Failpoint("osd.stop.committed");
  supervision_.Stop(entry.process.instance_id, [](absl::Status) {});
}

void Processes::LaunchInstance(Entry& entry) {
  entry.launching = true;
  const std::string instance = entry.process.instance_id;
  Failpoint("osd.launch.before");
  supervision_.Launch(entry.process, [this, instance](absl::Status status) {
    Failpoint("osd.launch.after");
    Entry* launched = FindByInstance(instance);
    if (launched != nullptr) launched->launching = false;
    if (status.ok()) {
      known_instances_.insert(instance);
      attached_.insert(instance);
      if (launched == nullptr) orphans_.insert(instance);
    } else if (launched != nullptr) {
      OnLaunchRefused(*launched, instance, status);
      return;
    }
    if (launched != nullptr) Reconcile(*launched);
  });
}

void Processes::OnLaunchRefused(Entry& entry, const std::string& instance_id,
                                const absl::Status& status) {
  if (status.code() != absl::StatusCode::kFailedPrecondition) {  // such as fork: out of processes
    scheduler_.After(kLaunchRetryMs, [this, instance_id] {
      if (Entry* again = FindByInstance(instance_id); again != nullptr) Reconcile(*again);
    });
    return;
  }
  entry.account_refusal = std::string(status.message());
  Submit(entry, {[instance_id, message = entry.account_refusal](Draft& draft) {
                   Process& process = draft.process;
                   if (process.instance_id != instance_id) return absl::OkStatus();
                   process.status.state = ProcessState::kFailed;
                   process.status.message = message;
                   draft.Tell("failed", {{"message", message}});
                   if (process.provisional) {
                     draft.erase = true;
                     draft.erase_cause = AccountRefused(process, message);
                     draft.Tell("deleted", {{"reason", "account_refused"}});
                   }
                   return absl::OkStatus();
                 },
                 [](absl::StatusOr<int64_t>) {}, true});
}

// The instance is no more, and nobody saw how its process ended.
void Processes::ReplaceLost(Entry& entry) {
  const bool rebooted = entry.from_before_boot;
  const std::string instance = entry.process.instance_id;
  Submit(entry, {[this, rebooted, instance](Draft& draft) {
                   Process& process = draft.process;
                   if (process.instance_id != instance) return absl::OkStatus();
                   const ProcessState state = process.status.state;
                   if (state != ProcessState::kPending && state != ProcessState::kBackoff &&
                       state != ProcessState::kCrashLooping) {
                     ExitReport exit;
                     exit.reason =
                         rebooted ? ExitReason::kHostRestarted : ExitReason::kSupervisorLost;
                     exit.start_time_ms = process.status.start_time_ms;
                     exit.message = rebooted ? "the machine was restarted"
                                             : "its supervisor is gone; how it ended is not known";
                     draft.Tell("exited", {{"reason", ToString(exit.reason)}});
                     process.status.last_exit = std::move(exit);
                   }
                   if (process.desired == DesiredState::kRunning) {
                     BeginInstance(draft).IgnoreError();
                   } else {
                     const auto last_exit = process.status.last_exit;
                     process.status = ProcessStatus{};
                     process.status.last_exit = last_exit;
                     process.status.state = ProcessState::kStopped;
                     draft.Tell("stopped");
                   }
                   return absl::OkStatus();
                 },
                 [](absl::StatusOr<int64_t>) {}, true});
}

// What the store tells of it is of the system that this one is a copy of.
void Processes::HoldProcess(Entry& entry) {
  const std::string instance = entry.process.instance_id;
  Submit(entry, {[this, instance](Draft& draft) {
                   Process& process = draft.process;
                   if (process.instance_id != instance || held_.empty() ||
                       process.desired != DesiredState::kRunning) {
                     return absl::OkStatus();
                   }
                   const auto last_exit = process.status.last_exit;
                   process.status = ProcessStatus{};
                   process.status.last_exit = last_exit;
                   process.status.state = ProcessState::kHeld;
                   process.provisional = false;  // whoever created it was answered elsewhere
                   draft.Tell("held");
                   return absl::OkStatus();
                 },
                 [](absl::StatusOr<int64_t>) {}, true});
}

void Processes::ResumeProcess(Entry& entry) {
  Submit(entry, {[this](Draft& draft) {
                   const Process& process = draft.process;
                   if (process.status.state != ProcessState::kHeld ||
                       process.desired != DesiredState::kRunning) {
                     return absl::OkStatus();
                   }
                   BeginInstance(draft).IgnoreError();
                   draft.Tell("resumed");
                   return absl::OkStatus();
                 },
                 [](absl::StatusOr<int64_t>) {}, true});
}

void Processes::ReleaseInstance(const std::string& instance_id) {
  if (!known_instances_.contains(instance_id)) return;
  supervision_.Release(instance_id);
}

}  // namespace grpc_os::core
