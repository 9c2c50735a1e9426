// Who wants to hear of commits.
#ifndef GRPC_OS_STORE_SUBSCRIBERS_H_
#define GRPC_OS_STORE_SUBSCRIBERS_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "core/event/event.h"

namespace grpc_os::store {

// Thread-safe; Notify is called by one thread only. No lock is held during a callback, so that it
// may add and remove subscriptions, its own included.
class Subscribers {
 public:
  using Subscription = core::EventLog::Subscription;
  using Callback = std::function<void(int64_t)>;

  Subscription Add(Callback callback);
  // None of its calls runs after this returns; waits for one that is running, unless it is the
  // caller itself.
  void Remove(Subscription subscription);
  void Notify(int64_t revision);

 private:
  std::mutex mutex_;
  std::condition_variable returned_;
  std::map<Subscription, std::shared_ptr<Callback>> callbacks_;
  Subscription next_ = 1;
  Subscription calling_ = 0;  // 0: none
  std::thread::id caller_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_SUBSCRIBERS_H_
