// Processes: calls that are answered once something has come true.
#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"
#include "core/process/process_errors.h"
#include "core/process/processes.h"
#include "core/process/processes_entry.h"

namespace grpc_os::core {
namespace {

using Check = std::optional<absl::Status>;

// Nothing of it runs, nor will by itself.
bool RestsForGood(const Process& process) {
  return IsAtRest(process.status.state) && (process.desired != DesiredState::kRunning ||
                                            process.status.state == ProcessState::kFailed);
}

}  // namespace

// Those who only wait never keep the answer of a change from who asked for it.
void Processes::AddWaiter(Entry& entry, Waiter waiter) {
  const auto full = [&entry, of_wait = waiter.id != 0] {
    return std::count_if(entry.waiters.begin(), entry.waiters.end(), [of_wait](const Waiter& one) {
             return (one.id != 0) == of_wait;
           }) >= limits::kWaitersPerProcess;
  };
  if (full()) {
    std::erase_if(entry.waiters, [](const Waiter& one) {
      return one.findings != nullptr && one.findings->Lock()->ended;
    });
    if (full()) return waiter.done(TooManyWaiters(entry.process));
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

// "ID CHANGE_NUMBER AWAITED"
std::string Processes::SubjectOf(const Process& process, Awaited awaited) {
  return absl::StrCat(process.id, " ", process.change_number, " ", static_cast<int>(awaited));
}

Processes::Waiter Processes::WaiterFor(Awaited awaited, const Process& wished) const {
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

// Done once its command was executed for the wish that was just committed.
Processes::Waiter Processes::StartedWaiter(const Process& wished) const {
  Waiter waiter;
  waiter.check = [this, instance = wished.instance_id,
                  number = wished.restart_number](const Entry& entry) -> Check {
    const Process& process = entry.process;
    const ProcessState state = process.status.state;
    if (process.desired == DesiredState::kStopped) return Superseded(process);
    if (state == ProcessState::kHeld && !held_.empty()) return SystemHeld(held_);
    if (state == ProcessState::kFailed) {
      return entry.account_refusal.empty() ? ExecFailed(process, entry.exec_failure)
                                           : AccountRefused(process, entry.account_refusal);
    }
    if (state == ProcessState::kPending && !entry.awaited.empty() &&
        !process.status.message.empty())
      return absl::OkStatus();  // it was told that it waits
    if (state == ProcessState::kPending || state == ProcessState::kStarting ||
        state == ProcessState::kStopping || state == ProcessState::kStopped ||
        state == ProcessState::kHeld)
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

std::shared_ptr<void> Processes::WhenAtRest(const std::string& id, std::function<void()> then) {
  auto wanted = std::make_shared<std::function<void()>>(std::move(then));
  const auto found = by_id_.find(id);
  if (found != by_id_.end() && !RestsForGood(found->second->process)) {
    auto& all = found->second->when_at_rest;
    std::erase_if(all, [](const auto& one) { return one.expired(); });
    all.push_back(wanted);
  } else {
    scheduler_.Post([weak = std::weak_ptr(wanted)] {
      if (const auto still = weak.lock()) (*still)();
    });
  }
  return wanted;
}

void Processes::TellIfItRests(Entry& entry, bool deleted) {
  if (!deleted && !RestsForGood(entry.process)) return;
  for (const auto& weak : std::exchange(entry.when_at_rest, {})) {
    if (const auto wanted = weak.lock()) (*wanted)();
  }
}

Processes::WaiterPlace Processes::Wait(const std::string& reference, Condition condition,
                                       int64_t timeout_ms,
                                       std::function<void(absl::StatusOr<Waited>)> done,
                                       int64_t generation) {
  auto found = Require(reference);
  if (!found.ok()) {
    scheduler_.Post([done = std::move(done), status = found.status()] { done(status); });
    return {};
  }
  Waiter waiter;
  waiter.id = ++next_waiter_;
  waiter.check = [condition, generation](const Entry& entry) -> Check {
    const Process& process = entry.process;
    const bool at_rest = IsAtRest(process.status.state);
    if (condition == Condition::kAtRest) return at_rest ? Check(absl::OkStatus()) : std::nullopt;
    const bool running = process.status.state == ProcessState::kRunning &&
                         process.status.running_generation >= generation;
    if (running && (condition == Condition::kRunning || process.status.ready))
      return absl::OkStatus();
    if (RestsForGood(process)) {
      return NotRunning(process, "and will not run by itself");
    }
    return std::nullopt;
  };
  waiter.done = [done](absl::StatusOr<Process> process) {
    if (!process.ok()) return done(process.status());
    done(Waited{*std::move(process), true});
  };
  waiter.timed_out = [done = std::move(done)](const Process& process) {
    done(Waited{process, false});
  };
  WaiterPlace place = {(*found)->process.id, waiter.id};
  AddWaiter(**found, std::move(waiter));
  scheduler_.Post([this, alive = std::weak_ptr<bool>(alive_), id = place.process_id] {
    if (alive.expired()) return;
    if (auto it = by_id_.find(id); it != by_id_.end()) CheckWaiters(*it->second);
  });
  // Nothing that belongs to the call: its wait may end long before.
  scheduler_.After(timeout_ms, [this, place] {
    if (const auto late = TakeWaiter(place); late)
      late->timed_out(by_id_.at(place.process_id)->process);
  });
  return place;
}

std::optional<Processes::Waiter> Processes::TakeWaiter(const WaiterPlace& place) {
  const auto it = by_id_.find(place.process_id);
  if (it == by_id_.end()) return std::nullopt;
  std::vector<Waiter>& waiters = it->second->waiters;
  const auto found = std::find_if(waiters.begin(), waiters.end(),
                                  [&place](const Waiter& one) { return one.id == place.waiter; });
  if (found == waiters.end()) return std::nullopt;
  std::optional<Waiter> taken = std::move(*found);
  waiters.erase(found);
  return taken;
}

void Processes::StopWaiting(const WaiterPlace& place) {
  if (place.waiter != 0) TakeWaiter(place);
}

}  // namespace grpc_os::core
