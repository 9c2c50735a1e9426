// How often each method was answered with each code.
#ifndef GRPC_OS_SERVICES_RPC_COUNTERS_H_
#define GRPC_OS_SERVICES_RPC_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

namespace grpc_os::services {

// Thread-safe, without locks.
class RpcCounters {
 public:
  static constexpr int kCodes = 17;  // gRPC's 0 to 16

  explicit RpcCounters(size_t methods) : counts_(methods) {}

  void Count(int method, int code) {
    counts_[method][code].fetch_add(1, std::memory_order_relaxed);
  }
  int64_t Get(int method, int code) const {
    return counts_[method][code].load(std::memory_order_relaxed);
  }

 private:
  std::vector<std::array<std::atomic<int64_t>, kCodes>> counts_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_RPC_COUNTERS_H_
