#include "main/parts/composition.h"

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace grpc_os {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Journal = std::vector<std::string>;

class ToyPart : public Part {
 public:
  ToyPart(std::string name, Journal& journal, absl::Status start = absl::OkStatus())
      : name_(std::move(name)), journal_(journal), start_(std::move(start)) {}
  ~ToyPart() override { journal_.push_back("destroy " + name_); }
  absl::Status Start() override {
    journal_.push_back("start " + name_);
    return start_;
  }
  void Tick(int64_t now_ms) override {
    journal_.push_back("tick " + name_ + " " + std::to_string(now_ms));
  }
  void Stop() override { journal_.push_back("stop " + name_); }

 private:
  const std::string name_;
  Journal& journal_;
  const absl::Status start_;
};

TEST(Composition, PartsStartInTheirOrderAndStopInReverse) {
  Journal journal;
  {
    Composition parts;
    parts.Add<ToyPart>("a", journal);
    parts.Add<ToyPart>("b", journal);
    ASSERT_TRUE(parts.Start().ok());
    EXPECT_THAT(journal, ElementsAre("start a", "start b"));
    journal.clear();
  }
  EXPECT_THAT(journal, ElementsAre("stop b", "stop a", "destroy b", "destroy a"));
}

TEST(Composition, AStartThatFailsStopsWhatWasStartedAndNothingElse) {
  Journal journal;
  {
    Composition parts;
    parts.Add<ToyPart>("a", journal);
    parts.Add<ToyPart>("b", journal);
    parts.Add<ToyPart>("c", journal, absl::UnavailableError("no room for c"));
    parts.Add<ToyPart>("d", journal);
    EXPECT_EQ(parts.Start(), absl::UnavailableError("no room for c"));
    EXPECT_THAT(journal, ElementsAre("start a", "start b", "start c", "stop b", "stop a"));
    parts.Tick(1);
    journal.clear();
  }
  EXPECT_THAT(journal, ElementsAre("destroy d", "destroy c", "destroy b", "destroy a"))
      << "nothing is stopped twice";
}

TEST(Composition, NothingRunsThatWasNotStarted) {
  Journal journal;
  {
    Composition parts;
    parts.Add<ToyPart>("a", journal);
    parts.Tick(1);
    parts.Stop();
    EXPECT_THAT(journal, IsEmpty());
  }
  EXPECT_THAT(journal, ElementsAre("destroy a"));
}

TEST(Composition, TicksReachTheRunningPartsInTheirOrder) {
  Journal journal;
  Composition parts;
  parts.Add<ToyPart>("a", journal);
  parts.Add<ToyPart>("b", journal);
  ASSERT_TRUE(parts.Start().ok());
  journal.clear();
  parts.Tick(7);
  EXPECT_THAT(journal, ElementsAre("tick a 7", "tick b 7"));
  parts.Stop();
  journal.clear();
  parts.Tick(8);
  parts.Stop();
  EXPECT_THAT(journal, IsEmpty());
}

// Which ticks from within its Start and Stop, as the thread that ticks may do at any moment.
class TickingPart final : public ToyPart {
 public:
  TickingPart(std::string name, Journal& journal, Composition& parts)
      : ToyPart(std::move(name), journal), parts_(parts) {}
  absl::Status Start() override {
    parts_.Tick(1);
    return ToyPart::Start();
  }
  void Stop() override {
    ToyPart::Stop();
    parts_.Tick(2);
  }

 private:
  Composition& parts_;
};

TEST(Composition, WhileOnePartStartsOrStopsTheOthersThatRunAreTicked) {
  Journal journal;
  Composition parts;
  parts.Add<ToyPart>("a", journal);
  parts.Add<TickingPart>("b", journal, parts);
  parts.Add<ToyPart>("c", journal);
  ASSERT_TRUE(parts.Start().ok());
  EXPECT_THAT(journal, ElementsAre("start a", "tick a 1", "start b", "start c"));
  journal.clear();
  parts.Stop();
  EXPECT_THAT(journal, ElementsAre("stop c", "stop b", "tick a 2", "stop a"));
}

// Whose tick takes a while after `stopping`.
class SlowPart final : public Part {
 public:
  void Tick(int64_t /*now_ms*/) override {
    ticking.set_value();
    stopping.get_future().get();
    for (int i = 0; i < 10'000 && !stopped; ++i) std::this_thread::yield();
    stopped_in_tick = stopped;
  }
  void Stop() override { stopped = true; }

  std::promise<void> ticking;
  std::promise<void> stopping;
  std::atomic<bool> stopped = false;
  bool stopped_in_tick = false;
};

TEST(Composition, APartIsNotStoppedInTheMiddleOfItsTick) {
  Composition parts;
  auto& slow = parts.Add<SlowPart>();
  ASSERT_TRUE(parts.Start().ok());
  std::thread ticker([&] { parts.Tick(1); });
  slow.ticking.get_future().get();
  slow.stopping.set_value();
  parts.Stop();
  ticker.join();
  EXPECT_FALSE(slow.stopped_in_tick);
  EXPECT_TRUE(slow.stopped);
}

}  // namespace
}  // namespace grpc_os
