// core::Scheduler on an EventLoop and the wall clock.
#ifndef GRPC_OS_HOST_LOOP_SCHEDULER_H_
#define GRPC_OS_HOST_LOOP_SCHEDULER_H_

#include <time.h>

#include <cstdint>
#include <functional>
#include <utility>

#include "base/event_loop.h"
#include "core/scheduler.h"

namespace grpc_os::host {

class LoopScheduler final : public core::Scheduler {
 public:
  explicit LoopScheduler(EventLoop& loop) : loop_(loop) {}

  int64_t NowMs() const override {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
  }
  void Post(std::function<void()> work) override { loop_.Post(std::move(work)); }
  void After(int64_t delay_ms, std::function<void()> work) override {
    loop_.After(delay_ms, std::move(work));
  }

 private:
  EventLoop& loop_;
};

}  // namespace grpc_os::host

#endif  // GRPC_OS_HOST_LOOP_SCHEDULER_H_
