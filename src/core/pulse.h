// Whether a thread gets on with its work.
#ifndef GRPC_OS_CORE_PULSE_H_
#define GRPC_OS_CORE_PULSE_H_

#include <atomic>
#include <cstdint>

namespace grpc_os::core {

// Its thread marks where a piece of work begins and ends; any other asks, and whoever gives it work
// marks that before, so that one that does not even take it is noticed. Times are of one clock that
// is never set.
class Pulse {
 public:
  void Begin(int64_t now_ms) { since_ms_.store(now_ms, std::memory_order_relaxed); }
  void BeginIfIdle(int64_t now_ms) {
    int64_t idle = 0;
    since_ms_.compare_exchange_strong(idle, now_ms, std::memory_order_relaxed);
  }
  void End() { since_ms_.store(0, std::memory_order_relaxed); }
  // For how long it has been at the present piece; 0: at none.
  int64_t BusyMs(int64_t now_ms) const {
    const int64_t since_ms = since_ms_.load(std::memory_order_relaxed);
    return since_ms == 0 ? 0 : now_ms - since_ms;
  }

 private:
  std::atomic<int64_t> since_ms_{0};
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PULSE_H_
