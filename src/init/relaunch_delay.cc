#include "init/relaunch_delay.h"

#include <algorithm>

namespace grpc_os::init {

int64_t RelaunchDelay::Ended(int64_t now_ms) {
  if (now_ms - launched_ms_ >= healthy_ms_) next_ms_ = 0;
  const int64_t delay = next_ms_;
  next_ms_ = delay == 0 ? first_ms_ : std::min(delay * 2, max_ms_);
  return delay;
}

}  // namespace grpc_os::init
