// The port to what the edge knows of targets, and counts of requests.
#ifndef GRPC_OS_CORE_DOMAIN_EDGE_ENDPOINTS_H_
#define GRPC_OS_CORE_DOMAIN_EDGE_ENDPOINTS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace grpc_os::core {

// Where the requests of one route go.
struct Endpoints {
  enum class State {
    kUp,    // to these
    kAway,  // they wait; one of these may be there again soon
    kOff,   // nowhere, and nobody will come: 503 at once
  };
  struct Endpoint {
    int port = 0;  // at 127.0.0.1
    int weight = 1;

    bool operator==(const Endpoint&) const = default;
  };
  State state = State::kOff;
  std::vector<Endpoint> endpoints = {};

  bool operator==(const Endpoints&) const = default;
};

// "dom_01…_0": of the route with this number, as the edge knows it.
std::string UpstreamName(const std::string& domain_id, size_t route);

struct RouteTraffic {
  int64_t requests = 0;  // since nginx runs
  int64_t client_errors = 0;
  int64_t server_errors = 0;
  int64_t waiting = 0;  // for a target, now
  // Of those that are no streams: how many took at most LatencyBoundMs(n), and more than the one
  // before; the last one has the rest.
  std::vector<int64_t> latencies;
};

struct EdgeTraffic {
  std::map<std::string, RouteTraffic> domains;  // by their ids
  std::map<int, int64_t> in_flight;             // requests that are to be waited for, by ports
};
inline constexpr size_t kLatencyBuckets = 21;
double LatencyBoundMs(size_t bucket);  // 10^(bucket/4)

// On the core's thread; `done` comes on it too, once, never from inside the call.
class EdgeEndpoints {
 public:
  virtual ~EdgeEndpoints() = default;

  // Writes all for the next start of the edge, and has the edge take them, if one runs. OK: all
  // requests that come from now on go by them.
  virtual void Set(const std::map<std::string, Endpoints>& all,
                   std::function<void(absl::Status)> done) = 0;
  virtual void ReadTraffic(std::function<void(absl::StatusOr<EdgeTraffic>)> done) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DOMAIN_EDGE_ENDPOINTS_H_
