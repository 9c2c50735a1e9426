// The wall clock may be set: what is told in its time then follows.
#ifndef GRPC_OS_SUPERVISE_CLOCK_STEPS_H_
#define GRPC_OS_SUPERVISE_CLOCK_STEPS_H_

#include <cstdint>
#include <functional>

#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace grpc_os::supervise {

// A moment, told in wall-clock time such that its distance from now is right. 0: none.
struct Moment {
  int64_t wall_ms = 0;
  int64_t boot_ms = 0;  // on the clock of EventLoop::NowMs, which nobody sets

  // The one `distance_ms` from now (negative: before it).
  static Moment At(int64_t distance_ms, int64_t wall_now_ms, int64_t boot_now_ms) {
    return {wall_now_ms + distance_ms, boot_now_ms + distance_ms};
  }
  // The wall clock was set. A moment of which only the wall-clock time is known stays.
  void Follow(int64_t wall_now_ms, int64_t boot_now_ms) {
    if (boot_ms != 0) wall_ms = wall_now_ms + boot_ms - boot_now_ms;
  }
};

// Calls `on_step`, on the loop's thread, whenever the wall clock was set, as opposed to having run
// on or been slewed.
class ClockSteps {
 public:
  ClockSteps(EventLoop& loop, std::function<void()> on_step);
  ClockSteps(const ClockSteps&) = delete;
  ClockSteps& operator=(const ClockSteps&) = delete;
  ~ClockSteps();

 private:
  void Arm() const;

  EventLoop& loop_;
  const UniqueFd timer_;
};

}  // namespace grpc_os::supervise

#endif  // GRPC_OS_SUPERVISE_CLOCK_STEPS_H_
