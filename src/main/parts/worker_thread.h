// core::Worker on a thread.
#ifndef GRPC_OS_MAIN_PARTS_WORKER_THREAD_H_
#define GRPC_OS_MAIN_PARTS_WORKER_THREAD_H_

#include <atomic>
#include <functional>
#include <future>
#include <utility>

#include "core/reconcile/worker.h"
#include "store/blob/io_threads.h"

namespace grpc_os {

class WorkerThread final : public core::Worker {
 public:
  void Post(std::function<void()> work) override {
    thread_.Post([this, work = std::move(work)] {
      if (!stopping_) work();
    });
  }
  // Waits for what is under way; what waits is dropped.
  void Stop() {
    stopping_ = true;
    std::promise<void> idle;
    thread_.Post([&idle] { idle.set_value(); });
    idle.get_future().wait();
  }

 private:
  std::atomic<bool> stopping_{false};
  store::IoThreads thread_{1};  // last: it ends first
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_WORKER_THREAD_H_
