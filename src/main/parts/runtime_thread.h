// The core's thread, which runs the loop.
#ifndef GRPC_OS_MAIN_PARTS_RUNTIME_THREAD_H_
#define GRPC_OS_MAIN_PARTS_RUNTIME_THREAD_H_

#include <pthread.h>

#include <functional>
#include <thread>
#include <utility>

#include "base/event_loop.h"
#include "core/pulse.h"
#include "main/parts/processes_part.h"

namespace grpc_os {

// Once it has started, processes are as their supervisors say. Once it has stopped, what is posted
// to the loop is dropped.
class RuntimeThread final : public Part {
 public:
  // `tick` is called once a second, with the loop's time.
  RuntimeThread(EventLoop& loop, ProcessesPart& processes, core::Pulse& pulse,
                std::function<void(int64_t)> tick)
      : loop_(loop), processes_(processes), pulse_(pulse), tick_(std::move(tick)) {}

  absl::Status Start() override {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "runtime");
      processes_.Connect();
      TickEachSecond();
      loop_.Run();
    });
    processes_.AwaitReports();
    return absl::OkStatus();
  }
  void Stop() override {
    loop_.Stop();
    thread_.join();
    pulse_.End();
  }

 private:
  void TickEachSecond() {
    pulse_.Begin(EventLoop::NowMs());
    tick_(EventLoop::NowMs());
    loop_.After(1000, [this] { TickEachSecond(); });
  }

  EventLoop& loop_;
  ProcessesPart& processes_;
  core::Pulse& pulse_;
  const std::function<void(int64_t)> tick_;
  std::thread thread_;
};

}  // namespace grpc_os

#endif  // GRPC_OS_MAIN_PARTS_RUNTIME_THREAD_H_
