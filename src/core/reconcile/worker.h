// The port to a thread for slow tools.
#ifndef GRPC_OS_CORE_RECONCILE_WORKER_H_
#define GRPC_OS_CORE_RECONCILE_WORKER_H_

#include <functional>

namespace grpc_os::core {

// Thread-safe.
class Worker {
 public:
  virtual ~Worker() = default;
  // Runs it on a thread that may block, one after the other, in the order of posting. What waits
  // when the worker is stopped is dropped.
  virtual void Post(std::function<void()> work) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_RECONCILE_WORKER_H_
