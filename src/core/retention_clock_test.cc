// What is kept for a time is not destroyed by a clock that is wrong for a moment.
#include "core/retention_clock.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr int64_t kLastsMs = 2 * kHourMs;

class RetentionClockTest : public ::testing::Test {
 protected:
  void Start(const std::optional<RetentionClock::Mark>& mark = std::nullopt) {
    clock_ = std::make_unique<RetentionClock>(
        RetentionClock::Sources{.wall_ms = [this] { return wall_ms_; },
                                .uptime_ms = [this] { return uptime_ms_; },
                                .boot_id = boot_id_},
        kLastsMs, mark);
  }
  // Asked every second, as the daemon does.
  void Run(int64_t ms) {
    for (int64_t passed = 0; passed < ms; passed += 1000) {
      wall_ms_ += 1000;
      uptime_ms_ += 1000;
      clock_->NowMs();
    }
  }
  void Off(int64_t ms) {
    wall_ms_ += ms;
    uptime_ms_ = 5;
    boot_id_ += "'";
  }
  // How far it is behind the wall clock.
  int64_t Behind() const { return wall_ms_ - clock_->NowMs(); }

  int64_t wall_ms_ = 1000 * kDayMs;
  int64_t uptime_ms_ = 77;
  std::string boot_id_ = "boot";
  std::unique_ptr<RetentionClock> clock_;
};

TEST_F(RetentionClockTest, FollowsAWallClockThatGoesEvenly) {
  Start();
  EXPECT_EQ(Behind(), 0);
  Run(10 * kHourMs);
  EXPECT_EQ(Behind(), 0);
}

TEST_F(RetentionClockTest, AJumpOfAMomentMovesNothingWheneverItComes) {
  Start();
  for (int64_t run = 0; run < 2 * kLastsMs; run += kLastsMs / 8 - 1000) {
    Run(kLastsMs / 8 - 1000);
    wall_ms_ += 8 * kDayMs;
    EXPECT_EQ(Behind(), 8 * kDayMs);
    Run(4000);
    EXPECT_EQ(Behind(), 8 * kDayMs);
    wall_ms_ -= 8 * kDayMs;
    EXPECT_EQ(Behind(), 0);
  }
}

TEST_F(RetentionClockTest, AJumpCountsOnceItHasLasted) {
  Start();
  Run(kLastsMs / 2);
  wall_ms_ += 8 * kDayMs;
  Run(kLastsMs - 1000);
  EXPECT_EQ(Behind(), 8 * kDayMs);
  Run(kLastsMs);
  EXPECT_EQ(Behind(), 0);
}

TEST_F(RetentionClockTest, OnlyWhatLastedOfAJumpCounts) {
  Start();
  Run(1000);
  wall_ms_ += kDayMs;
  Run(2 * kLastsMs - 4000);
  wall_ms_ += 8 * kDayMs;  // just before the first is taken
  Run(6000);
  EXPECT_EQ(Behind(), 8 * kDayMs);
  wall_ms_ -= 8 * kDayMs;
  EXPECT_EQ(Behind(), 0);
}

TEST_F(RetentionClockTest, AClockThatIsSetBackCountsAtOnce) {
  Start();
  Run(kHourMs);
  wall_ms_ -= 3 * kDayMs;
  EXPECT_EQ(Behind(), 0);
  Run(kHourMs);
  EXPECT_EQ(Behind(), 0);
  wall_ms_ += 3 * kDayMs;  // right again
  EXPECT_EQ(Behind(), 3 * kDayMs);
  Run(2 * kLastsMs);
  EXPECT_EQ(Behind(), 0);
}

TEST_F(RetentionClockTest, TheLatestThatItShowedStaysWhateverIsSetBack) {
  Start();
  Run(kHourMs);
  const int64_t latest = wall_ms_;
  EXPECT_EQ(clock_->LatestMs(), latest);
  wall_ms_ -= 8 * kDayMs;
  Run(1000);
  EXPECT_EQ(clock_->LatestMs(), latest);
  const auto mark = RetentionClock::Mark::FromText(clock_->mark().ToText());
  Off(1000);
  Start(mark);
  EXPECT_EQ(clock_->LatestMs(), latest);
  wall_ms_ += 9 * kDayMs;
  EXPECT_EQ(clock_->LatestMs(), latest) << "a jump of a moment";
  Run(2 * kLastsMs);
  EXPECT_EQ(clock_->LatestMs(), wall_ms_);
}

TEST_F(RetentionClockTest, WhatIsStampedWithTheLatestIsKeptForItsTimeUnderAClockSetBack) {
  Start();
  Run(kHourMs);
  wall_ms_ -= 40 * kDayMs;
  Run(1000);
  const int64_t stamp = clock_->latest().NowMs();
  wall_ms_ += 40 * kDayMs;
  Run(2 * kLastsMs);
  EXPECT_LE(clock_->NowMs() - stamp, 2 * kLastsMs + 1000);
}

TEST_F(RetentionClockTest, AStartWithAWrongClockDestroysNothing) {
  Start();
  Run(kHourMs);
  const auto mark = clock_->mark();
  Off(kHourMs);
  wall_ms_ += 8 * kDayMs;
  Start(mark);
  Run(60'000);
  EXPECT_EQ(Behind(), 8 * kDayMs + kHourMs);
  wall_ms_ -= 8 * kDayMs;
  EXPECT_EQ(Behind(), kHourMs);
  Run(2 * kLastsMs);
  EXPECT_EQ(Behind(), 0);
}

TEST_F(RetentionClockTest, AMachineThatIsOnForAnHourADayCatchesUp) {
  Start();
  for (int day = 0; day < 100; ++day) {
    Run(kHourMs);
    const auto mark = RetentionClock::Mark::FromText(clock_->mark().ToText());
    ASSERT_TRUE(mark.has_value());
    Off(23 * kHourMs);
    Start(mark);
  }
  EXPECT_LE(Behind(), 5 * kDayMs);
}

TEST_F(RetentionClockTest, ADaemonThatIsAwayWhileTheMachineIsUpLosesNoTime) {
  Start();
  Run(kHourMs);
  const auto mark = clock_->mark();
  wall_ms_ += 5 * kDayMs;
  uptime_ms_ += 5 * kDayMs;
  Start(mark);
  EXPECT_EQ(Behind(), 0);
}

TEST_F(RetentionClockTest, AMarkIsReadAsItWasWrittenAndNothingElseIs) {
  const RetentionClock::Mark mark{.time_ms = 1,
                                  .uptime_ms = 2,
                                  .window_ms = 3,
                                  .ahead_ms = 4,
                                  .latest_ms = 5,
                                  .boot_id = "a-b"};
  const auto read = RetentionClock::Mark::FromText(mark.ToText());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->ToText(), "1 2 3 4 5 a-b\n");
  for (const char* text : {"", "\n", "1 2 3 4 5", "1 2 3 4 b", "1 2 x 4 5 b", "1 -2 3 4 5 b",
                           "99999999999999999999 2 3 4 5 b"})
    EXPECT_FALSE(RetentionClock::Mark::FromText(text).has_value()) << text;
}

}  // namespace
}  // namespace grpc_os::core
