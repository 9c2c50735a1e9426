#include "main/parts/runtime_thread.h"

#include <pthread.h>

namespace grpc_os {
namespace {

constexpr int64_t kTickMs = 1000;

}  // namespace

absl::Status RuntimeThread::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "runtime");
    processes_.Connect();
    TickEachSecond();
    loop_.Run();
  });
  processes_.AwaitReports();
  return absl::OkStatus();
}

void RuntimeThread::TickEachSecond() {
  tick_(EventLoop::NowMs());
  loop_.After(kTickMs, [this] { TickEachSecond(); });
}

void RuntimeThread::Stop() {
  loop_.Stop();
  thread_.join();
}

}  // namespace grpc_os
