// core::Processes, what a new instance has: an id of its own, and a port that nobody else has.
#include <functional>
#include <set>

#include "core/process/process_errors.h"
#include "core/process/processes_entry.h"

namespace grpc_os::core {

Processes::Permit Processes::PermitOf(const std::optional<Origin>& origin) {
  return origin ? origin->permit : Permit();
}

// An error: there is no free port for it, so it has the one of before.
absl::Status Processes::BeginInstance(Draft& draft) const {
  draft.NewInstance();
  Process& process = draft.process;
  if (!process.spec.auto_port) return absl::OkStatus();
  int port = process.spec.port;
  if (absl::Status chosen = ChoosePort(process, port); !chosen.ok()) return chosen;
  if (port == process.spec.port) return absl::OkStatus();
  process.spec.port = port;
  if (process.revision == 0) return absl::OkStatus();  // it is being created
  ++process.generation;
  ++process.change_number;
  draft.Tell("updated", {{"generation", std::to_string(process.generation)}});
  return absl::OkStatus();
}

// Whether another process that is to run has the port of one that is to have a certain one.
absl::Status Processes::CheckPort(const Process& process, const Permit& permit) const {
  const int port = process.spec.auto_port ? 0 : PortOf(process.spec);
  if (port == 0) return absl::OkStatus();
  for (const auto& [id, entry] : by_id_) {
    if (id == process.id) continue;
    const bool wanted = entry->process.desired == DesiredState::kRunning;
    if (entry->claimed_port != port && !(wanted && PortOf(entry->process.spec) == port)) continue;
    const bool hidden = permit && !permit(entry->process.name).ok();
    return PortTaken(process, port, hidden ? nullptr : &entry->process);
  }
  return absl::OkStatus();
}

// `port`: the one that is to be tried first, then the one that was found. Ports of processes that
// are stopped are left to them.
absl::Status Processes::ChoosePort(const Process& process, int& port) const {
  std::set<int> taken;
  for (const auto& [id, entry] : by_id_) {
    if (id == process.id) continue;
    taken.insert(entry->claimed_port);
    taken.insert(PortOf(entry->process.spec));
  }
  const auto is_free = [&](int candidate) {
    return !taken.contains(candidate) && port_is_free_(candidate);
  };
  if (port > 0 && is_free(port)) return absl::OkStatus();
  const auto count =
      static_cast<size_t>(port_range_.last) - static_cast<size_t>(port_range_.first) + 1;
  // From a place of its own, so that systems on one machine do not all try the same one.
  const size_t begin = std::hash<std::string>()(process.id);
  for (size_t i = 0; i < count; ++i) {
    const int candidate = port_range_.first + static_cast<int>((begin + i) % count);
    if (!is_free(candidate)) continue;
    port = candidate;
    return absl::OkStatus();
  }
  return NoFreePort(port_range_.first, port_range_.last);
}

}  // namespace grpc_os::core
