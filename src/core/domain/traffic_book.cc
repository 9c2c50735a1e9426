#include "core/domain/traffic_book.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace grpc_os::core {
namespace {

// The upper bound of the bucket that the 95th of 100 is in.
double Percentile95(const std::vector<int64_t>& counts) {
  const int64_t total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  if (total == 0) return 0;
  const int64_t rank = (total * 95 + 99) / 100;
  int64_t seen = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    seen += counts[i];
    if (seen >= rank) return LatencyBoundMs(i);
  }
  return LatencyBoundMs(counts.size());
}

}  // namespace

void TrafficBook::Add(int64_t now_ms, const EdgeTraffic& traffic) {
  const bool anew = std::any_of(last_.domains.begin(), last_.domains.end(), [&](const auto& item) {
    const auto it = traffic.domains.find(item.first);
    return it != traffic.domains.end() && it->second.requests < item.second.requests;
  });
  if (anew) samples_.clear();
  // A clock that was set back makes no sample that is younger than now.
  while (!samples_.empty() && (samples_.back().time_ms > now_ms)) samples_.pop_back();
  while (samples_.size() > 1 && samples_[1].time_ms <= now_ms - kWindowMs) samples_.pop_front();
  if (samples_.empty() || now_ms - samples_.back().time_ms >= kSampleMs)
    samples_.push_back({now_ms, traffic});
  last_ms_ = now_ms;
  last_ = traffic;
}

TrafficRates TrafficBook::RatesOf(const std::string& domain_id) const {
  TrafficRates rates;
  const auto now = last_.domains.find(domain_id);
  if (now == last_.domains.end()) return rates;
  rates.requests = now->second.requests;
  rates.errors = now->second.server_errors;
  rates.waiting = now->second.waiting;
  if (samples_.empty()) return rates;
  RouteTraffic before;
  if (const auto it = samples_.front().traffic.domains.find(domain_id);
      it != samples_.front().traffic.domains.end())
    before = it->second;
  const double seconds = static_cast<double>(last_ms_ - samples_.front().time_ms) / 1000;
  if (seconds <= 0) return rates;
  rates.requests_per_second = static_cast<double>(rates.requests - before.requests) / seconds;
  rates.errors_per_second = static_cast<double>(rates.errors - before.server_errors) / seconds;
  std::vector<int64_t> counts = now->second.latencies;
  for (size_t i = 0; i < std::min(counts.size(), before.latencies.size()); ++i)
    counts[i] = std::max<int64_t>(counts[i] - before.latencies[i], 0);
  rates.latency_p95_ms = Percentile95(counts);
  return rates;
}

}  // namespace grpc_os::core
