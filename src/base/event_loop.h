// One thread's loop over descriptors, timers and work posted from other threads.
#ifndef GRPC_OS_BASE_EVENT_LOOP_H_
#define GRPC_OS_BASE_EVENT_LOOP_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace grpc_os {

// An epoll loop. All methods but Post and Stop belong to the thread that calls Run (or, before Run,
// to the one that sets it up). Callbacks may add and remove watches and timers, their own included.
// Timers run on CLOCK_BOOTTIME: they neither jump with the wall clock nor stop while the machine
// sleeps.
class EventLoop {
 public:
  using TimerId = uint64_t;  // 0 is no timer

  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  // Calls `callback` with the ready epoll events (EPOLLIN, …) while `fd` is watched. The caller
  // keeps owning `fd` and must call Unwatch before it closes it.
  void Watch(int fd, uint32_t events, std::function<void(uint32_t)> callback);
  void Rewatch(int fd, uint32_t events);  // changes the events of a watched fd
  void Unwatch(int fd);

  // Runs `callback` once after `delay_ms` (at least 0).
  TimerId After(int64_t delay_ms, std::function<void()> callback);
  void Cancel(TimerId id);  // unknown and past ids are ignored

  // Runs `work` on the loop's thread, in the order of posting. Thread-safe, never blocks. Work
  // posted after the loop ended is dropped (destroyed with the loop).
  void Post(std::function<void()> work);

  // Runs until Stop. Work that was posted before Stop is still run.
  void Run();
  // One round: waits at most `max_wait_ms` (-1: until something happens) and runs what is due.
  void RunOnce(int64_t max_wait_ms);
  void Stop();  // thread-safe

  // Milliseconds on CLOCK_BOOTTIME.
  static int64_t NowMs();

 private:
  struct WatchEntry {
    int fd;
    uint64_t generation;
    std::function<void(uint32_t)> callback;
  };
  void DrainPosted();
  void RunTimers();

  UniqueFd epoll_;
  UniqueFd wake_;
  std::atomic<bool> stop_{false};
  uint64_t next_generation_ = 1;
  uint64_t next_timer_ = 1;
  std::unordered_map<int, std::shared_ptr<WatchEntry>> watches_;
  std::map<std::pair<int64_t, TimerId>, std::function<void()>> timers_;  // by due time
  std::unordered_map<TimerId, int64_t> due_;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_EVENT_LOOP_H_
