#include "base/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace grpc_os {
namespace {

[[noreturn]] void Die(const char* what) {
  perror(what);
  abort();
}

// epoll data: generation and fd, so that an event that was queued for a closed fd cannot reach its
// successor.
uint64_t Pack(int fd, uint64_t generation) {
  return (generation << 24) | static_cast<uint64_t>(fd & 0xffffff);
}

}  // namespace

EventLoop::EventLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_ || !wake_) Die("event loop");
  Watch(wake_.get(), EPOLLIN, [this](uint32_t) {
    uint64_t count = 0;
    while (read(wake_.get(), &count, sizeof count) < 0 && errno == EINTR) {
    }
    DrainPosted();
  });
}

EventLoop::~EventLoop() = default;

void EventLoop::Watch(int fd, uint32_t events, std::function<void(uint32_t)> callback) {
  auto entry =
      std::make_shared<WatchEntry>(WatchEntry{fd, next_generation_++, std::move(callback)});
  epoll_event event{};
  event.events = events;
  event.data.u64 = Pack(fd, entry->generation);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) Die("epoll_ctl add");
  watches_[fd] = std::move(entry);
}

void EventLoop::Rewatch(int fd, uint32_t events) {
  auto it = watches_.find(fd);
  if (it == watches_.end()) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = Pack(fd, it->second->generation);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) Die("epoll_ctl mod");
}

void EventLoop::Unwatch(int fd) {
  if (watches_.erase(fd) > 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::After(int64_t delay_ms, std::function<void()> callback) {
  const TimerId id = next_timer_++;
  const int64_t due = NowMs() + std::max<int64_t>(delay_ms, 0);
  timers_.emplace(std::make_pair(due, id), std::move(callback));
  due_.emplace(id, due);
  return id;
}

void EventLoop::Cancel(TimerId id) {
  auto it = due_.find(id);
  if (it == due_.end()) return;
  timers_.erase({it->second, id});
  due_.erase(it);
}

void EventLoop::Post(std::function<void()> work) {
  bool first = false;
  {
    std::lock_guard lock(posted_mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(work));
  }
  if (!first) return;
  const uint64_t one = 1;
  while (write(wake_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void EventLoop::Stop() {
  stop_.store(true);
  Post([] {});
}

void EventLoop::DrainPosted() {
  std::vector<std::function<void()>> work;
  {
    std::lock_guard lock(posted_mutex_);
    work.swap(posted_);
  }
  for (auto& item : work) item();
}

void EventLoop::RunTimers() {
  const int64_t now = NowMs();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    auto node = timers_.extract(timers_.begin());
    due_.erase(node.key().second);
    node.mapped()();
  }
}

void EventLoop::RunOnce(int64_t max_wait_ms) {
  int64_t wait = max_wait_ms;
  if (!timers_.empty()) {
    const int64_t until = std::max<int64_t>(timers_.begin()->first.first - NowMs(), 0);
    wait = wait < 0 ? until : std::min(wait, until);
  }
  epoll_event events[64];
  const int count =
      epoll_wait(epoll_.get(), events, 64, static_cast<int>(std::min<int64_t>(wait, 1 << 30)));
  if (count < 0 && errno != EINTR) Die("epoll_wait");
  for (int i = 0; i < count; ++i) {
    const int fd = static_cast<int>(events[i].data.u64 & 0xffffff);
    auto it = watches_.find(fd);
    if (it == watches_.end() || Pack(fd, it->second->generation) != events[i].data.u64) continue;
    const auto entry = it->second;  // keeps the callback alive while it runs
    entry->callback(events[i].events);
  }
  RunTimers();
}

void EventLoop::Run() {
  while (!stop_.load()) RunOnce(-1);
  DrainPosted();
}

int64_t EventLoop::NowMs() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

}  // namespace grpc_os
