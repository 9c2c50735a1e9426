// What waits for a reader.
#ifndef GRPC_OS_STORE_READ_QUEUE_H_
#define GRPC_OS_STORE_READ_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/fair_queue.h"
#include "core/requester.h"

namespace grpc_os::store {

// Bounded, in all and for each user; users take turns, and so does the system with them.
// Thread-safe; what takes is called by one thread only.
template <typename T>
class ReadQueue {
 public:
  enum class Pushed { kYes, kFull, kUserFull, kClosed };
  struct Taken {
    core::Requester by;
    T item;
  };

  ReadQueue(size_t capacity, size_t capacity_of_user)
      : capacity_(capacity), capacity_of_user_(capacity_of_user) {}

  // Never blocks. `item` is moved from only if it was taken in.
  Pushed Push(const core::Requester& by, T& item) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return Pushed::kClosed;
      if (waiting_.size() >= capacity_) return Pushed::kFull;
      if (!by.user().empty() && waiting_.SizeOf(by.user()) >= capacity_of_user_)
        return Pushed::kUserFull;
      waiting_.Push(by.user(), {by, std::move(item)});
      if (!idle_) return Pushed::kYes;
    }
    ready_.notify_one();
    return Pushed::kYes;
  }

  // Whose turn it is; blocks until there is something. nullopt: the queue is closed and empty.
  std::optional<Taken> Take() {
    std::unique_lock lock(mutex_);
    idle_ = true;
    ready_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    idle_ = false;
    if (waiting_.empty()) return std::nullopt;
    return waiting_.Pop();
  }

  // What is in it is still to be taken; nothing more comes in.
  void Close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    ready_.notify_one();
  }

 private:
  const size_t capacity_;
  const size_t capacity_of_user_;
  std::mutex mutex_;
  std::condition_variable ready_;
  FairQueue<std::string, Taken> waiting_;
  bool idle_ = false;
  bool closed_ = false;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_READ_QUEUE_H_
