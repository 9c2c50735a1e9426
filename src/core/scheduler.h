// The port to time: what the core knows of clocks.
#ifndef GRPC_OS_CORE_SCHEDULER_H_
#define GRPC_OS_CORE_SCHEDULER_H_

#include <cstdint>
#include <functional>

namespace grpc_os::core {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowMs() const = 0;  // wall clock, since 1970; thread-safe
};

// The thread on which the core lives.
class Scheduler : public Clock {
 public:
  // Thread-safe: runs `work` on the core's thread, in the order of posting.
  virtual void Post(std::function<void()> work) = 0;
  // On the core's thread only: runs `work` once after `delay_ms`.
  virtual void After(int64_t delay_ms, std::function<void()> work) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_SCHEDULER_H_
