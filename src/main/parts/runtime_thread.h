// The core's thread, which runs the loop.
#ifndef GRPC_OS_MAIN_PARTS_RUNTIME_THREAD_H_
#define GRPC_OS_MAIN_PARTS_RUNTIME_THREAD_H_

#include <functional>
#include <thread>
#include <utility>

#include "base/event_loop.h"
#include "main/parts/processes_part.h"

namespace grpc_os {

// Once it has started, processes are as their supervisors say. Once it has stopped, what is posted
// to the loop is dropped.
class RuntimeThread final : public Part {
 public:
  // `tick` is called once a second, with the loop's time.
  RuntimeThread(EventLoop& loop, ProcessesPart& processes, std::function<void(int64_t)> tick)
      : loop_(loop), processes_(processes), tick_(std::move(tick)) {}

  absl::Status Start() override;
  void Stop() override;

 private:
  void TickEachSecond();

  EventLoop& loop_;
  ProcessesPart& processes_;
  const std::function<void(int64_t)> tick_;
  std::thread thread_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_RUNTIME_THREAD_H_
