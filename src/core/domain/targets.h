// Which processes the routes of domains lead to, as these come and go.
#ifndef GRPC_OS_CORE_DOMAIN_TARGETS_H_
#define GRPC_OS_CORE_DOMAIN_TARGETS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/domain/domain.h"
#include "core/domain/edge_endpoints.h"
#include "core/process/process_traffic.h"
#include "core/process/processes.h"
#include "core/scheduler.h"

namespace grpc_os::core {

enum class TargetState { kUp, kAway, kStopped, kDraining, kMissing };

// Keeps the edge's endpoints, takes a process out of routing before it is stopped and waits for the
// requests that it has. Lives on the core's thread.
class Targets final : public ProcessTraffic {
 public:
  struct Parts {
    const Processes& processes;
    Scheduler& scheduler;
    EdgeEndpoints& edge;
    std::function<std::vector<Domain>()> domains;
  };
  explicit Targets(Parts parts) : parts_(std::move(parts)) {}

  // The domains changed. Also once at the start.
  void OnDomains();
  // The edge was started: it is given all anew.
  void Renew();
  // Whether the edge had no room for all that was sent last.
  bool full() const { return full_; }
  // `done` comes once the edge has all that is known now, or did not take it.
  void WhenSet(std::function<void()> done);

  // A target as it is now.
  struct View {
    std::string path;
    std::string process;          // its name; of one that is not there, what the domain says
    std::string process_id = {};  // empty: it is not there
    int port = 0;
    int weight = 1;
    TargetState state = TargetState::kMissing;
    int64_t since_ms = 0;  // as this daemon has seen it
    int64_t in_flight = 0;
  };
  std::vector<View> ViewOf(const Domain& domain) const;
  // The last counts of the edge; nullopt: it does not run.
  void OnTraffic(const EdgeTraffic& traffic) { in_flight_ = traffic.in_flight; }

  // ProcessTraffic:
  bool Drain(const Process& process, std::function<void()> done) override;
  void EndDrain(const Process& process) override;
  void OnChanged(const Process& process, bool there) override;

  static constexpr int64_t kPollMs = 25;          // of requests that are waited for
  static constexpr int64_t kRetryMs = 200;        // after the edge did not answer
  static constexpr int64_t kFullRetryMs = 5'000;  // after it had no room
  static constexpr int64_t kUnreachedMs = 500;    // a drain does not wait longer for such an edge

 private:
  struct Seen {
    TargetState state = TargetState::kMissing;
    int64_t since_ms = 0;
  };
  struct Drained {
    int64_t execution = 0;  // the start of what is not to have requests
    int64_t deadline_ms = 0;
    int64_t begun_ms = 0;
    std::set<int> ports;
    std::function<void()> done;
  };
  const Process* Resolve(const DomainTarget& target) const;
  TargetState StateOf(const Process* process, int port) const;
  Endpoints EndpointsOf(const DomainRoute& route) const;
  void Note(const Process& process);
  void Refresh(const std::set<std::string>& domain_ids);
  void Send();
  void OnSent(const absl::Status& status);
  void PollDrain(const std::string& process_id);

  const Parts parts_;
  std::map<std::string, Domain> domains_;  // by their ids
  // The ids of domains, by what their targets say: ids or names of processes.
  std::map<std::string, std::set<std::string>> used_by_;
  std::map<std::string, Endpoints> wanted_;  // by upstreams
  bool sending_ = false;
  bool changed_ = false;  // since what is being sent
  bool retrying_ = false;
  bool full_ = false;
  std::vector<std::function<void()>> waiting_;   // for what is known now
  std::vector<std::function<void()>> answered_;  // by what is being sent, once it is
  std::map<std::string, Seen> seen_;             // by the ids of processes
  std::map<std::string, Drained> drains_;        // by the ids of processes
  std::map<int, int64_t> in_flight_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DOMAIN_TARGETS_H_
