// core::Processes, what is waited for before an instance is begun. Only that waits: once it was
// begun, what becomes of the others does nothing to it.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/process/dependencies.h"
#include "core/process/process_errors.h"
#include "core/process/processes_entry.h"

namespace grpc_os::core {

absl::Status Processes::CheckDependencies(const Process& process, const Permit& permit) const {
  if (process.spec.depends_on.empty()) return absl::OkStatus();
  const std::vector<std::string> cycle = FindCycle(process.name, [&](const std::string& name) {
    std::vector<std::string> names;
    const auto add = [&names](const std::vector<Dependency>& dependencies) {
      for (const Dependency& dependency : dependencies) names.push_back(dependency.process);
    };
    if (name == process.name) {
      add(process.spec.depends_on);
    } else if (const auto found = by_name_.find(name); found != by_name_.end()) {
      add(found->second->process.spec.depends_on);
      add(found->second->claimed_dependencies);
    }
    return names;
  });
  if (cycle.empty()) return absl::OkStatus();
  std::vector<std::string> shown;
  for (const std::string& name : cycle) {
    const bool hidden = name != process.name && permit && !permit(name).ok();
    if (!hidden || shown.back() != "…") shown.push_back(hidden ? "…" : name);
  }
  return DependencyCycle(process, absl::StrJoin(shown, " → "));
}

// What a dependency's supervisor has not told yet, or what could not be stored yet, may undo what
// is stored.
bool Processes::IsMet(const Dependency& dependency) const {
  const Entry* entry = FindEntry(dependency.process);
  return entry != nullptr && !entry->unsaved && IsSettled(*entry) &&
         HasCome(dependency.condition, entry->process);
}

std::string Processes::WaitsFor(const Process& process, const MayKnow& may_know) const {
  std::vector<std::string> wanted;
  for (const Dependency& one : process.spec.depends_on) {
    if (IsMet(one)) continue;
    wanted.push_back(may_know(one.process) ? Wanted(one, Find(one.process)) : Wanted(one));
  }
  return wanted.empty() ? "" : absl::StrCat("waits for ", absl::StrJoin(wanted, "; for "));
}

std::string Processes::WhyPending(const Process& process, const MayKnow& may_know) const {
  const auto found = by_id_.find(process.id);
  if (found == by_id_.end() || found->second->awaited.empty()) return "";
  return WaitsFor(found->second->process, may_know);
}

// Replaces what it waits for.
void Processes::Await(Entry& entry, std::vector<std::string> names) {
  for (const std::string& name : entry.awaited) awaited_.erase({name, entry.process.id});
  entry.awaited = std::move(names);
  for (const std::string& name : entry.awaited) awaited_.emplace(name, entry.process.id);
}

// Whether a pending process may be launched. If not, it is looked at again when one of those that
// it waits for has changed.
bool Processes::MayLaunch(Entry& entry) {
  if (entry.takes_over) return true;
  std::vector<std::string> names;
  for (const Dependency& one : entry.process.spec.depends_on)
    if (!IsMet(one)) names.push_back(one.process);
  Await(entry, std::move(names));
  if (entry.awaited.empty()) return true;
  if (entry.process.status.message.empty()) TellThatItWaits(entry);
  return false;
}

// Once for each instance: the message says so. Why it waits now is not stored.
void Processes::TellThatItWaits(Entry& entry) {
  Submit(entry, {[this, instance = entry.process.instance_id](Draft& draft) {
                   Process& process = draft.process;
                   if (process.instance_id != instance ||
                       process.status.state != ProcessState::kPending ||
                       process.desired != DesiredState::kRunning)
                     return absl::OkStatus();
                   const std::string why = WaitsFor(process, [](auto) { return false; });
                   if (why.empty()) return absl::OkStatus();
                   process.status.message = why;
                   process.provisional = false;  // whoever created it is answered now
                   draft.Tell("waiting", {{"message", why}});
                   return absl::OkStatus();
                 },
                 [](absl::StatusOr<int64_t>) {}, true});
}

// A process of that name has changed.
void Processes::WakeDependents(const std::string& name) {
  std::vector<std::string> ids;
  for (auto it = awaited_.lower_bound({name, ""}); it != awaited_.end() && it->first == name; ++it)
    ids.push_back(it->second);
  for (const std::string& id : ids) Reconcile(*by_id_.at(id));
}

}  // namespace grpc_os::core
