// How often each method was answered with each code, and how long that took.
#ifndef GRPC_OS_SERVICES_RPC_COUNTERS_H_
#define GRPC_OS_SERVICES_RPC_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace grpc_os::services {

// Thread-safe, without locks: a few relaxed additions per call. Numbers read while calls end may
// be a call apart from each other; none is lost.
class RpcCounters {
 public:
  static constexpr int kCodes = 17;  // gRPC's 0 to 16
  // Upper bounds of the buckets of durations, each included in its bucket.
  static constexpr std::array<int64_t, 17> kBoundsUs = {
      50,     100,     250,     500,     1'000,     2'500,     5'000,     10'000,    25'000,
      50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};
  struct Durations {
    std::array<int64_t, kBoundsUs.size() + 1> counts{};  // the last: longer than all bounds
    int64_t sum_us = 0;
  };

  explicit RpcCounters(size_t methods) : methods_(methods) {}

  // A call has ended, `duration_us` after it came, measured by a clock that never jumps.
  void Count(int method, int code, int64_t duration_us);

  int64_t Get(int method, int code) const {
    return methods_[method].codes[code].load(std::memory_order_relaxed);
  }
  // Of all methods.
  int64_t Calls() const;
  Durations GetDurations(int method) const;

 private:
  // On cache lines of its own, so that threads that end different methods do not meet.
  struct alignas(64) Method {
    std::array<std::atomic<int64_t>, kCodes> codes{};
    std::array<std::atomic<int64_t>, kBoundsUs.size() + 1> durations{};
    std::atomic<int64_t> sum_us{0};
  };
  std::vector<Method> methods_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_RPC_COUNTERS_H_
