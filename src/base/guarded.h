// Data that lives with its lock.
#ifndef GRPC_OS_BASE_GUARDED_H_
#define GRPC_OS_BASE_GUARDED_H_

#include <mutex>
#include <utility>

namespace grpc_os {

// Guarded<T> hands out its T only while it is locked: `*guarded.Lock()`.
template <typename T>
class Guarded {
 public:
  class Access {
   public:
    Access(std::mutex& mutex, T& value) : lock_(mutex), value_(value) {}
    T& operator*() { return value_; }
    T* operator->() { return &value_; }
    std::unique_lock<std::mutex>& lock() { return lock_; }

   private:
    std::unique_lock<std::mutex> lock_;
    T& value_;
  };

  template <typename... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}
  Access Lock() { return Access(mutex_, value_); }

 private:
  std::mutex mutex_;
  T value_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_GUARDED_H_
