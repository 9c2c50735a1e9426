#include "core/volume/volume_sizes.h"

#include <algorithm>
#include <utility>

namespace grpc_os::core {

// Of one who asks.
struct VolumeSizes::Wait {
  std::function<void()> done;
  std::atomic<int> left{1};  // measures, and the one who begins them
  std::atomic<bool> over{false};

  void CountDown() {
    if (--left == 0) End();
  }
  void End() {
    if (!over.exchange(true)) std::exchange(done, nullptr)();
  }
};

void VolumeSizes::EndWaits(std::vector<std::shared_ptr<Wait>> waits) {
  for (const auto& wait : waits) wait->CountDown();
}

// Against clocks that were set back, too.
bool VolumeSizes::IsFresh(const Measured& last, int64_t now_ms) {
  const int64_t age_ms = now_ms - last.time_ms;
  return age_ms >= 0 && age_ms < std::max(kFreshMs, kFreshTimes * last.took_ms);
}

std::optional<VolumeSizes::Measured> VolumeSizes::Last(const std::string& name) const {
  auto entries = entries_.Lock();
  const auto it = entries->find(name);
  return it == entries->end() ? std::nullopt : it->second.last;
}

void VolumeSizes::Refresh(const std::vector<std::string>& names, std::function<void()> done) {
  const auto wait = std::make_shared<Wait>();
  wait->done = std::move(done);
  const int64_t now = parts_.scheduler.NowMs();
  for (const std::string& name : names) {
    bool slow = false;
    {
      auto entries = entries_.Lock();
      Entry& entry = (*entries)[name];
      if (entry.last && IsFresh(*entry.last, now)) continue;
      slow = entry.slow;
      if (!slow) {
        ++wait->left;
        entry.waits.push_back(wait);
      }
      if (std::exchange(entry.under_way, true)) continue;
    }
    (slow ? parts_.slow : parts_.quick)(
        [this, name, most_ms = slow ? kLongestMs : kQuickMs] { Run(name, most_ms); });
  }
  wait->CountDown();
  if (wait->over) return;
  Scheduler& scheduler = parts_.scheduler;
  scheduler.Post([&scheduler, wait] { scheduler.After(kWaitMs, [wait] { wait->End(); }); });
}

void VolumeSizes::Forget(const std::string& name) {
  Entries::node_type gone = entries_.Lock()->extract(name);
  if (!gone.empty()) EndWaits(std::move(gone.mapped().waits));
}

void VolumeSizes::MeasureNow(const std::string& name) { Run(name, kLongestMs); }

void VolumeSizes::Run(const std::string& name, int64_t most_ms) {
  const auto before = parts_.find(name);
  Measured measured;
  measured.time_ms = parts_.scheduler.NowMs();
  bool ended_early = false;
  if (before.ok()) {
    measured.size = parts_.directories.Measure(name, [&] {
      ended_early = stopping_ || parts_.scheduler.NowMs() >= measured.time_ms + most_ms;
      return ended_early;
    });
    measured.took_ms = parts_.scheduler.NowMs() - measured.time_ms;
  }
  const bool goes_on = ended_early && most_ms < kLongestMs && !stopping_;
  std::vector<std::shared_ptr<Wait>> waits;
  {
    auto entries = entries_.Lock();
    Entry& entry = (*entries)[name];
    waits = std::exchange(entry.waits, {});
    entry.under_way = goes_on;
    entry.slow = goes_on || measured.took_ms >= kQuickMs;
    const auto after = parts_.find(name);
    if (!before.ok() || !after.ok() || after->create_time_ms != before->create_time_ms) {
      entries->erase(name);
    } else if (!goes_on && !stopping_) {
      entry.last = measured;
    }
  }
  EndWaits(std::move(waits));
  if (goes_on) parts_.slow([this, name] { Run(name, kLongestMs); });
}

}  // namespace grpc_os::core
