#include "supervise/probe_schedule.h"

#include <gtest/gtest.h>

#include <vector>

namespace grpc_os::supervise {
namespace {

using core::LivenessKind;
using core::ReadyKind;
using What = ProbeSchedule::What;
using Outcome = ProbeSchedule::Outcome;

constexpr int64_t kStart = 1'000'000;

core::ProcessSpec WithPort() {
  core::ProcessSpec spec;
  spec.port = 8080;
  return spec;
}

TEST(ProbeScheduleTest, WithoutAnythingASecondUpIsReady) {
  const ProbeSchedule schedule({}, kStart);
  const auto next = schedule.Next(false);
  ASSERT_TRUE(next.has_value());
  EXPECT_EQ(next->what, What::kUpLongEnough);
  EXPECT_EQ(next->at_ms, kStart + 1000);
}

TEST(ProbeScheduleTest, ADelayIsTheOneThatIsGiven) {
  core::ProcessSpec spec = WithPort();
  spec.ready.kind = ReadyKind::kDelay;
  spec.ready.delay_ms = 2500;
  EXPECT_EQ(ProbeSchedule(spec, kStart).Next(false)->at_ms, kStart + 2500);
}

TEST(ProbeScheduleTest, APortIsProbedLessAndLessOftenUntilItAnswers) {
  ProbeSchedule schedule(WithPort(), kStart);
  std::vector<int64_t> waits;
  int64_t now = kStart;
  for (int i = 0; i < 7; ++i) {
    const auto next = schedule.Next(false);
    ASSERT_TRUE(next.has_value());
    EXPECT_EQ(next->what, What::kProbeReady);
    waits.push_back(next->at_ms - now);
    now = next->at_ms;
    EXPECT_EQ(schedule.OnAnswer(false, now), Outcome::kNothing);
  }
  EXPECT_EQ(waits, (std::vector<int64_t>{50, 50, 100, 200, 400, 800, 1000}));
  EXPECT_EQ(schedule.OnAnswer(true, now), Outcome::kReady);
}

TEST(ProbeScheduleTest, ItIsOverdueOnceAndProbedOn) {
  core::ProcessSpec spec = WithPort();
  spec.ready.timeout_ms = 1000;
  ProbeSchedule schedule(spec, kStart);
  const auto overdue = schedule.Next(/*probing=*/true);
  ASSERT_TRUE(overdue.has_value());
  EXPECT_EQ(overdue->what, What::kOverdue);
  EXPECT_EQ(overdue->at_ms, kStart + 1000);
  schedule.PassOverdue();
  EXPECT_FALSE(schedule.Next(true).has_value());
  schedule.OnAnswer(false, kStart + 5000);
  EXPECT_EQ(schedule.Next(false)->what, What::kProbeReady);
  EXPECT_EQ(schedule.Next(false)->at_ms, kStart + 10'000);
  EXPECT_EQ(schedule.OnAnswer(true, kStart + 10'000), Outcome::kReady);
}

TEST(ProbeScheduleTest, OfWhatSpeaksOnlyReadyCounts) {
  for (const core::ProcessSpec& spec : {core::ProcessSpec(), WithPort()}) {
    ProbeSchedule schedule(spec, kStart);
    EXPECT_FALSE(schedule.HeedsNotify());
    schedule.OnNotified();
    EXPECT_TRUE(schedule.HeedsNotify());
    EXPECT_EQ(schedule.Next(false)->what, What::kOverdue);
  }
  core::ProcessSpec http = WithPort();
  http.ready.kind = ReadyKind::kHttp;
  ProbeSchedule schedule(http, kStart);
  schedule.OnNotified();
  EXPECT_FALSE(schedule.HeedsNotify()) << "it is said what counts";
  EXPECT_EQ(schedule.Next(false)->what, What::kProbeReady);
}

TEST(ProbeScheduleTest, LivenessBeginsAPeriodAfterReadyAndCountsFailuresInARow) {
  core::ProcessSpec spec = WithPort();
  spec.liveness.kind = LivenessKind::kTcp;
  spec.liveness.period_ms = 500;
  ProbeSchedule schedule(spec, kStart);
  EXPECT_EQ(schedule.Next(false)->what, What::kProbeReady) << "never before it is ready";
  schedule.OnReady(kStart + 100);
  EXPECT_EQ(schedule.Next(false)->what, What::kProbeLive);
  EXPECT_EQ(schedule.Next(false)->at_ms, kStart + 600);
  EXPECT_FALSE(schedule.Next(true).has_value()) << "one at a time";
  EXPECT_EQ(schedule.OnAnswer(false, kStart + 700), Outcome::kNothing);
  EXPECT_EQ(schedule.Next(false)->at_ms, kStart + 1100) << "the answer took 100 ms of the period";
  EXPECT_EQ(schedule.OnAnswer(false, kStart + 3000), Outcome::kNothing);
  EXPECT_EQ(schedule.Next(false)->at_ms, kStart + 3000) << "at once, and never in the past";
  EXPECT_EQ(schedule.OnAnswer(true, kStart + 3000), Outcome::kNothing);
  EXPECT_EQ(schedule.OnAnswer(false, kStart + 4000), Outcome::kNothing);
  EXPECT_EQ(schedule.OnAnswer(false, kStart + 4500), Outcome::kNothing);
  EXPECT_EQ(schedule.OnAnswer(false, kStart + 5000), Outcome::kNotLive);
  EXPECT_EQ(schedule.failures(), 3);
}

TEST(ProbeScheduleTest, WhatIsStoppingIsNotProbed) {
  core::ProcessSpec spec = WithPort();
  spec.liveness.kind = LivenessKind::kTcp;
  ProbeSchedule schedule(spec, kStart);
  schedule.OnReady(kStart);
  schedule.OnUnready();
  EXPECT_FALSE(schedule.Next(false).has_value());
}

}  // namespace
}  // namespace grpc_os::supervise
