#include "core/domain/targets.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"

namespace grpc_os::core {

std::string UpstreamName(const std::string& domain_id, size_t route) {
  return absl::StrCat(domain_id, "_", route);
}

double LatencyBoundMs(size_t bucket) { return std::pow(10.0, static_cast<double>(bucket) / 4); }

// ---- What the edge is to know -------------------------------------------------------------------

const Process* Targets::Resolve(const DomainTarget& target) const {
  return parts_.processes.Find(target.process);
}

TargetState Targets::StateOf(const Process* process, int port) const {
  if (process == nullptr || port == 0) return TargetState::kMissing;
  const ProcessStatus& status = parts_.processes.NewestStatus(*process);
  if (const auto it = drains_.find(process->id); it != drains_.end() &&
                                                 it->second.execution == status.start_time_ms &&
                                                 !IsAtRest(status.state))
    return TargetState::kDraining;
  if (status.state == ProcessState::kRunning && status.ready) return TargetState::kUp;
  const bool comes_back = process->desired == DesiredState::kRunning &&
                          (!IsAtRest(status.state) || status.state == ProcessState::kStopped);
  return comes_back ? TargetState::kAway : TargetState::kStopped;
}

Endpoints Targets::EndpointsOf(const DomainRoute& route) const {
  Endpoints up{.state = Endpoints::State::kUp};
  Endpoints away{.state = Endpoints::State::kAway};
  for (const DomainTarget& target : route.targets) {
    const Process* process = Resolve(target);
    if (process == nullptr) continue;
    const int port = target.port != 0 ? target.port : PortOf(process->spec);
    const TargetState state = StateOf(process, port);
    // What is drained because it restarts will be there again; what is stopped will not.
    const bool again = state == TargetState::kAway || (state == TargetState::kDraining &&
                                                       process->desired == DesiredState::kRunning);
    if (state != TargetState::kUp && !again) continue;
    Endpoints& list = again ? away : up;
    list.endpoints.push_back({port, target.weight});
  }
  if (!up.endpoints.empty()) return up;
  if (!away.endpoints.empty()) return away;
  return {};
}

void Targets::OnDomains() {
  std::map<std::string, Domain> domains;
  for (Domain& domain : parts_.domains()) domains.emplace(domain.id, std::move(domain));
  domains_ = std::move(domains);
  used_by_.clear();
  std::set<std::string> all, upstreams;
  for (const auto& [id, domain] : domains_) {
    all.insert(id);
    for (size_t i = 0; i < domain.spec.routes.size(); ++i) {
      upstreams.insert(UpstreamName(id, i));
      for (const DomainTarget& target : domain.spec.routes[i].targets) {
        used_by_[target.process].insert(id);
        if (const Process* process = Resolve(target); process != nullptr) Note(*process);
      }
    }
  }
  if (std::erase_if(wanted_, [&](const auto& item) { return !upstreams.contains(item.first); }) > 0)
    changed_ = true;
  Refresh(all);
  if (changed_) Send();
}

void Targets::Note(const Process& process) {
  Seen& seen = seen_[process.id];
  const TargetState state = StateOf(&process, 1);
  if (seen.since_ms != 0 && seen.state == state) return;
  seen = {state, parts_.scheduler.NowMs()};
}

void Targets::Refresh(const std::set<std::string>& domain_ids) {
  for (const std::string& id : domain_ids) {
    const Domain& domain = domains_.at(id);
    for (size_t i = 0; i < domain.spec.routes.size(); ++i) {
      Endpoints endpoints = EndpointsOf(domain.spec.routes[i]);
      const auto [it, added] = wanted_.try_emplace(UpstreamName(id, i));
      if (!added && it->second == endpoints) continue;
      it->second = std::move(endpoints);
      changed_ = true;
    }
  }
}

void Targets::OnChanged(const Process& process, bool there) {
  std::set<std::string> ids;
  for (const std::string& reference : {process.id, process.name})
    if (const auto it = used_by_.find(reference); it != used_by_.end())
      ids.insert(it->second.begin(), it->second.end());
  if (ids.empty()) {
    seen_.erase(process.id);
    return;
  }
  Note(process);
  if (!there) {
    seen_.erase(process.id);
    drains_.erase(process.id);
  }
  Refresh(ids);
  if (changed_) Send();
}

void Targets::Renew() {
  changed_ = true;
  Send();
}

void Targets::WhenSet(std::function<void()> done) {
  if (!changed_ && !sending_) {
    return parts_.scheduler.Post([alive = std::weak_ptr<char>(alive_), done = std::move(done)] {
      if (!alive.expired()) done();
    });
  }
  // What is being sent is all that is known, unless something changed since.
  (changed_ ? waiting_ : answered_).push_back(std::move(done));
  if (changed_) Send();
}

// One at a time, each with all that is known then.
void Targets::Send() {
  if (sending_) return;
  sending_ = true;
  changed_ = false;
  answered_ = std::exchange(waiting_, {});
  Failpoint("osd.domain.endpoints");
  parts_.edge.Set(wanted_, [this, alive = std::weak_ptr<char>(alive_)](const absl::Status& status) {
    if (!alive.expired()) OnSent(status);
  });
}

void Targets::OnSent(const absl::Status& status) {
  sending_ = false;
  if (!status.ok()) changed_ = true;
  full_ = absl::IsResourceExhausted(status);
  for (const auto& done : std::exchange(answered_, {})) done();
  if (!changed_) return;
  if (status.ok()) return Send();
  if (std::exchange(retrying_, true)) return;
  parts_.scheduler.After(full_ ? kFullRetryMs : kRetryMs,
                         [this, alive = std::weak_ptr<char>(alive_)] {
                           if (alive.expired()) return;
                           retrying_ = false;
                           if (changed_) Send();
                         });
}

// ---- Stops --------------------------------------------------------------------------------------

bool Targets::Drain(const Process& process, std::function<void()> done) {
#ifdef GRPC_OS_MUTATION_no_drain
  return false;
#endif
  Drained drain;
  int64_t longest = 0;
  for (const std::string& reference : {process.id, process.name}) {
    const auto it = used_by_.find(reference);
    if (it == used_by_.end()) continue;
    for (const std::string& id : it->second) {
      const DomainSpec& spec = domains_.at(id).spec;
      longest = std::max(longest, spec.drain_ms);
      for (const DomainRoute& route : spec.routes) {
        for (const DomainTarget& target : route.targets) {
          if (target.process != process.id && target.process != process.name) continue;
          const int port = target.port != 0 ? target.port : PortOf(process.spec);
          if (port != 0) drain.ports.insert(port);
        }
      }
    }
  }
  if (drain.ports.empty()) return false;
  drain.execution = process.status.start_time_ms;
  drain.begun_ms = parts_.scheduler.NowMs();
  drain.deadline_ms = drain.begun_ms + std::min(longest, process.spec.stop_timeout_ms);
  drain.done = std::move(done);
  drains_[process.id] = std::move(drain);
  OnChanged(process, true);
  Failpoint("osd.domain.draining");
  WhenSet([this, id = process.id] { PollDrain(id); });
  // However long the edge takes to answer.
  parts_.scheduler.After(std::min(longest, process.spec.stop_timeout_ms) + kUnreachedMs,
                         [this, alive = std::weak_ptr<char>(alive_), id = process.id,
                          begun_ms = parts_.scheduler.NowMs()] {
                           if (alive.expired()) return;
                           const auto it = drains_.find(id);
                           if (it == drains_.end() || it->second.begun_ms != begun_ms) return;
                           if (const auto end = std::exchange(it->second.done, nullptr)) end();
                         });
  return true;
}

void Targets::PollDrain(const std::string& process_id) {
  const auto it = drains_.find(process_id);
  if (it == drains_.end() || it->second.done == nullptr) return;
  parts_.edge.ReadTraffic([this, alive = std::weak_ptr<char>(alive_),
                           process_id](const absl::StatusOr<EdgeTraffic>& traffic) {
    if (alive.expired()) return;
    const auto found = drains_.find(process_id);
    if (found == drains_.end() || found->second.done == nullptr) return;
    Drained& drain = found->second;
    const int64_t now = parts_.scheduler.NowMs();
    bool over = now >= drain.deadline_ms;
    if (traffic.ok()) {
      OnTraffic(*traffic);
      over = over || std::none_of(drain.ports.begin(), drain.ports.end(), [&](int port) {
               const auto count = traffic->in_flight.find(port);
               return count != traffic->in_flight.end() && count->second > 0;
             });
    } else {
      over = over || now >= drain.begun_ms + kUnreachedMs || absl::IsUnavailable(traffic.status());
    }
    if (over) return std::exchange(drain.done, nullptr)();
    parts_.scheduler.After(kPollMs, [this, alive, process_id] {
      if (!alive.expired()) PollDrain(process_id);
    });
  });
}

void Targets::EndDrain(const Process& process) {
  drains_.erase(process.id);
  OnChanged(process, true);
}

// ---- What people see ----------------------------------------------------------------------------

std::vector<Targets::View> Targets::ViewOf(const Domain& domain) const {
  std::vector<View> views;
  for (const DomainRoute& route : domain.spec.routes) {
    for (const DomainTarget& target : route.targets) {
      View view{.path = route.path,
                .process = target.process,
                .port = target.port,
                .weight = target.weight};
      if (const Process* process = Resolve(target); process != nullptr) {
        view.process = process->name;
        view.process_id = process->id;
        if (view.port == 0) view.port = PortOf(process->spec);
        view.state = StateOf(process, view.port);
        if (const auto it = seen_.find(process->id); it != seen_.end())
          view.since_ms = it->second.since_ms;
        if (const auto it = in_flight_.find(view.port); it != in_flight_.end())
          view.in_flight = it->second;
      }
      views.push_back(std::move(view));
    }
  }
  return views;
}

}  // namespace grpc_os::core
