// Time and work, by hand: nothing happens but what a test runs.
#ifndef GRPC_OS_TESTING_MANUAL_SCHEDULER_H_
#define GRPC_OS_TESTING_MANUAL_SCHEDULER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "core/scheduler.h"

namespace grpc_os::testing {

class ManualScheduler final : public core::Scheduler {
 public:
  int64_t NowMs() const override { return now_ms; }
  void Post(std::function<void()> work) override { work_.push_back(std::move(work)); }
  void After(int64_t delay_ms, std::function<void()> work) override {
    timers_.emplace(now_ms + delay_ms, std::move(work));
  }
  void RunAll() {
    while (!work_.empty()) {
      auto work = std::move(work_.front());
      work_.pop_front();
      work();
    }
  }
  void Advance(int64_t ms) {
    now_ms += ms;
    while (!timers_.empty() && timers_.begin()->first <= now_ms) {
      auto node = timers_.extract(timers_.begin());
      node.mapped()();
      RunAll();
    }
  }
  int64_t now_ms = 1'000'000;

 private:
  std::deque<std::function<void()>> work_;
  std::multimap<int64_t, std::function<void()>> timers_;
};

}  // namespace grpc_os::testing

#endif  // GRPC_OS_TESTING_MANUAL_SCHEDULER_H_
