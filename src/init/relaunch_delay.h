// How long to wait before a dead supervisor is launched again.
#ifndef GRPC_OS_INIT_RELAUNCH_DELAY_H_
#define GRPC_OS_INIT_RELAUNCH_DELAY_H_

#include <cstdint>

namespace grpc_os::init {

// A first end is answered at once; one that follows soon after, by `first_ms`, doubling to
// `max_ms`. Whoever stayed up for `healthy_ms` has a clean slate. Milliseconds of one clock that
// never goes back.
class RelaunchDelay {
 public:
  RelaunchDelay(int64_t first_ms, int64_t max_ms, int64_t healthy_ms)
      : first_ms_(first_ms), max_ms_(max_ms), healthy_ms_(healthy_ms) {}

  void Launched(int64_t now_ms) { launched_ms_ = now_ms; }
  // It ended: the delay until the next launch.
  int64_t Ended(int64_t now_ms);

 private:
  int64_t first_ms_;
  int64_t max_ms_;
  int64_t healthy_ms_;
  int64_t launched_ms_ = 0;
  int64_t next_ms_ = 0;
};

}  // namespace grpc_os::init

#endif  // GRPC_OS_INIT_RELAUNCH_DELAY_H_
