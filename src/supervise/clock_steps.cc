#include "supervise/clock_steps.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <limits>
#include <utility>

namespace grpc_os::supervise {

ClockSteps::ClockSteps(EventLoop& loop, std::function<void()> on_step)
    : loop_(loop), timer_(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (!timer_) return;
  Arm();
  loop_.Watch(timer_.get(), EPOLLIN, [this, on_step = std::move(on_step)](uint32_t) {
    uint64_t expirations = 0;
    if (read(timer_.get(), &expirations, sizeof expirations) >= 0) return;  // ECANCELED: it was set
    Arm();
    on_step();
  });
}

ClockSteps::~ClockSteps() {
  if (timer_) loop_.Unwatch(timer_.get());
}

// Never due, but cancelled when the clock is set.
void ClockSteps::Arm() const {
  itimerspec never{};
  never.it_value.tv_sec = std::numeric_limits<time_t>::max();
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr);
}

}  // namespace grpc_os::supervise
