// A bounded queue from many threads to one.
#ifndef GRPC_OS_STORE_WORK_QUEUE_H_
#define GRPC_OS_STORE_WORK_QUEUE_H_

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

namespace grpc_os::store {

// Thread-safe; what takes is called by one thread only.
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
      if (items_.size() - taken_ >= capacity_) return Pushed::kFull;
      items_.push_back(std::move(item));
      if (!waiting_) return Pushed::kYes;
    }
    ready_.notify_one();
    return Pushed::kYes;
  }

  // The oldest that wait, in their order, at most `most`; blocks until there is something. Empty:
  // the queue is closed and has nothing left.
  std::vector<T> Take(size_t most) {
    std::unique_lock lock(mutex_);
    waiting_ = true;
    ready_.wait(lock, [this] { return closed_ || taken_ < items_.size(); });
    waiting_ = false;
    return TakeLocked(most);
  }
  // The same without waiting: empty if there is nothing now.
  std::vector<T> TryTake(size_t most) {
    const std::lock_guard lock(mutex_);
    return TakeLocked(most);
  }

  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  // That wait.
  size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size() - taken_;
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
  std::vector<T> TakeLocked(size_t most) {
    std::vector<T> taken;
    if (taken_ == 0 && items_.size() <= most) {
      taken.swap(items_);
      return taken;
    }
    const size_t count = std::min(most, items_.size() - taken_);
    const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(taken_);
    taken.assign(std::make_move_iterator(begin),
                 std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(count)));
    taken_ += count;
    // Moving the rest to the front each time would be quadratic.
    if (taken_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(taken_));
      taken_ = 0;
    }
    return taken;
  }

  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<T> items_;
  size_t taken_ = 0;  // of the front of `items_`
  bool waiting_ = false;
  bool closed_ = false;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_WORK_QUEUE_H_
