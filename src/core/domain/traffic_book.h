// Rates and latencies of domains, from what the edge has counted.
#ifndef GRPC_OS_CORE_DOMAIN_TRAFFIC_BOOK_H_
#define GRPC_OS_CORE_DOMAIN_TRAFFIC_BOOK_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "core/domain/edge_endpoints.h"

namespace grpc_os::core {

struct TrafficRates {
  double requests_per_second = 0;
  double errors_per_second = 0;  // 5xx
  double latency_p95_ms = 0;     // 0: no requests
  int64_t requests = 0;          // since nginx runs
  int64_t errors = 0;
  int64_t waiting = 0;
};

// What was counted of one domain.
struct DomainCounts {
  std::string name;
  RouteTraffic counts;
};

// Not thread-safe.
class TrafficBook {
 public:
  // Counts as they are now. Those that are lower than before are of an edge that was started anew.
  void Add(int64_t now_ms, const EdgeTraffic& traffic);
  void Clear() { samples_.clear(); }
  // Of the last minute, or since the first counts.
  TrafficRates RatesOf(const std::string& domain_id) const;
  // All that was counted last.
  const std::map<std::string, RouteTraffic>& Counts() const { return last_.domains; }

  static constexpr int64_t kWindowMs = 60'000;
  static constexpr int64_t kSampleMs = 10'000;  // between two that are kept

 private:
  struct Sample {
    int64_t time_ms = 0;
    EdgeTraffic traffic;
  };
  std::deque<Sample> samples_;  // the oldest first
  int64_t last_ms_ = 0;
  EdgeTraffic last_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_DOMAIN_TRAFFIC_BOOK_H_
