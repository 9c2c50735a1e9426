// A bounded queue from many threads to one.
#ifndef GRPC_OS_STORE_WORK_QUEUE_H_
#define GRPC_OS_STORE_WORK_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace grpc_os::store {

// Thread-safe; TakeAll is called by one thread only.
template <typename T>
class WorkQueue {
 public:
  enum class Pushed { kYes, kFull, kClosed };

  explicit WorkQueue(size_t capacity) : capacity_(capacity) {}

  // Never blocks. `item` is moved from only if it was taken in.
  Pushed Push(T& item) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return Pushed::kClosed;
      if (items_.size() >= capacity_) return Pushed::kFull;
      items_.push_back(std::move(item));
    }
    ready_.notify_one();
    return Pushed::kYes;
  }

  // Everything that waits, in its order; blocks until there is something. Empty: the queue is
  // closed and has nothing left.
  std::vector<T> TakeAll() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return closed_ || !items_.empty(); });
    return std::exchange(items_, {});
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
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<T> items_;
  bool closed_ = false;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_WORK_QUEUE_H_
