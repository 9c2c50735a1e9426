#include "services/rpc_counters.h"

#include <algorithm>

namespace grpc_os::services {

void RpcCounters::Count(int method, int code, int64_t duration_us) {
  Method& of = methods_[method];
  const auto bound = std::lower_bound(kBoundsUs.begin(), kBoundsUs.end(), duration_us);
  of.codes[code].fetch_add(1, std::memory_order_relaxed);
  of.durations[bound - kBoundsUs.begin()].fetch_add(1, std::memory_order_relaxed);
  of.sum_us.fetch_add(duration_us, std::memory_order_relaxed);
}

int64_t RpcCounters::Calls() const {
  int64_t calls = 0;
  for (const Method& method : methods_) {
    for (const auto& code : method.codes) calls += code.load(std::memory_order_relaxed);
  }
  return calls;
}

RpcCounters::Durations RpcCounters::GetDurations(int method) const {
  const Method& of = methods_[method];
  Durations out;
  for (size_t i = 0; i < out.counts.size(); ++i)
    out.counts[i] = of.durations[i].load(std::memory_order_relaxed);
  out.sum_us = of.sum_us.load(std::memory_order_relaxed);
  return out;
}

}  // namespace grpc_os::services
