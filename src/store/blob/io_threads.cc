#include "store/blob/io_threads.h"

#include <pthread.h>

#include <utility>

namespace grpc_os::store {

IoThreads::IoThreads(int count) {
  threads_.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) threads_.emplace_back([this] { Run(); });
}

IoThreads::~IoThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void IoThreads::Post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  ready_.notify_one();
}

void IoThreads::Run() {
  pthread_setname_np(pthread_self(), "blob-io");
  std::unique_lock lock(mutex_);
  for (;;) {
    // The one that is busy may post more.
    ready_.wait(lock, [this] { return !work_.empty() || (stopping_ && busy_ == 0); });
    if (work_.empty()) return;
    auto work = std::move(work_.front());
    work_.pop_front();
    ++busy_;
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
    --busy_;
    if (stopping_ && busy_ == 0) ready_.notify_all();
  }
}

void Strand::Post(std::function<void()> work) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->work.push_back(std::move(work));
    if (std::exchange(state_->running, true)) return;
  }
  state_->threads.Post([state = state_] { RunOne(state); });
}

// One at a time, so that a long queue of one does not keep others waiting.
void Strand::RunOne(const std::shared_ptr<State>& state) {
  std::function<void()> work;
  {
    const std::lock_guard lock(state->mutex);
    work = std::move(state->work.front());
    state->work.pop_front();
  }
  work();
  work = nullptr;
  {
    const std::lock_guard lock(state->mutex);
    if (state->work.empty()) {
      state->running = false;
      return;
    }
  }
  state->threads.Post([state] { RunOne(state); });
}

}  // namespace grpc_os::store
