#include "store/subscribers.h"

#include <utility>

namespace grpc_os::store {

Subscribers::Subscription Subscribers::Add(Callback callback) {
  const std::lock_guard lock(mutex_);
  callbacks_[next_] = std::make_shared<Callback>(std::move(callback));
  return next_++;
}

void Subscribers::Remove(Subscription subscription) {
  std::shared_ptr<Callback> removed;  // freed after the lock: what it owns may call back
  std::unique_lock lock(mutex_);
  if (const auto found = callbacks_.find(subscription); found != callbacks_.end()) {
    removed = std::move(found->second);
    callbacks_.erase(found);
  }
  if (caller_ != std::this_thread::get_id()) {
    returned_.wait(lock, [&] { return calling_ != subscription; });
  }
  lock.unlock();
}

void Subscribers::Notify(int64_t revision) {
  std::unique_lock lock(mutex_);
  caller_ = std::this_thread::get_id();
  // Found by number each time: the map may change during a call.
  for (Subscription last = 0;;) {
    const auto next = callbacks_.upper_bound(last);
    if (next == callbacks_.end()) break;
    last = calling_ = next->first;
    std::shared_ptr<Callback> callback = next->second;
    lock.unlock();
    (*callback)(revision);
    callback.reset();
    lock.lock();
    calling_ = 0;
    returned_.notify_all();
  }
  caller_ = {};
}

}  // namespace grpc_os::store
