#include "main/parts/vitals.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/event_loop.h"

namespace grpc_os {

std::string DescribeStuck(int64_t runtime_ms, int64_t store_ms) {
  if (runtime_ms >= kRuntimeStuckMs)
    return absl::StrCat("the thread runtime has not gone on for ", runtime_ms / 1000, " s");
  if (store_ms >= kStoreStuckMs) {
    return absl::StrCat("a thread of the store has been at one piece of work for ", store_ms / 1000,
                        " s; the disk may hang");
  }
  return "";
}

void Vitals::Tick(int64_t now_ms) {
  const int64_t busy_ms = store_.store().BusyMs(now_ms);
  const bool slow = busy_ms >= kStoreSlowMs;
  if (std::exchange(slow_, slow) == slow) return;
  log_.logger().Write(
      core::LogLevel::kWarning,
      slow ? "a thread of the store waits for the disk" : "the store's threads go on again",
      {{"busy_ms", absl::StrCat(busy_ms)}});
}

std::string Vitals::Stuck() const {
  const int64_t now_ms = EventLoop::NowMs();
  return DescribeStuck(runtime_.BusyMs(now_ms), store_.store().BusyMs(now_ms));
}

std::vector<std::string> Vitals::Problems() const {
  std::vector<std::string> problems = processes_.Problems();
  if (!store_.files().ok()) problems.push_back(std::string(store_.files().message()));
  const int64_t busy_ms = store_.store().BusyMs(EventLoop::NowMs());
  if (busy_ms >= kStoreSlowMs) {
    problems.push_back(absl::StrCat(
        "The store has waited for the disk for ", busy_ms / 1000,
        " s, and changes wait with it. Look at the disk of ", store_.disk().Look().directory,
        ", for example with: dmesg; grpc-osd is started again if it takes more than ",
        kStoreStuckMs / 1000, " s"));
  }
  return problems;
}

}  // namespace grpc_os
