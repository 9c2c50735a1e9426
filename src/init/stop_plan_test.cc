#include "init/stop_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace grpc_os::init {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr int64_t kStart = 1'000'000;

StopPlan::Member Of(const std::string& id, int64_t seconds, std::vector<std::string> after = {}) {
  return {.id = id, .name = id, .after = std::move(after), .stop_ms = seconds * 1000};
}

TEST(StopPlanTest, EachHasTheTimeThatItNeedsAndNoMore) {
  StopPlan plan({Of("db", 130), Of("web", 20)}, kStart);
  EXPECT_EQ(plan.end_ms(), kStart + 130'000);
  EXPECT_THAT(plan.Due(kStart), UnorderedElementsAre("db", "web"));
  EXPECT_THAT(plan.Due(kStart), IsEmpty()) << "each once";
  EXPECT_THAT(plan.Overdue(kStart + 19'999), IsEmpty());
  EXPECT_THAT(plan.Overdue(kStart + 20'000), ElementsAre("web"));
  EXPECT_THAT(plan.Overdue(kStart + 129'999), IsEmpty());
  EXPECT_THAT(plan.Overdue(kStart + 130'000), ElementsAre("db"));
}

TEST(StopPlanTest, AnOrderThatEveryoneKeepsToItsTimeIsKept) {
  StopPlan plan({Of("db", 130), Of("web", 20, {"db", "cache"}), Of("cache", 15)}, kStart);
  EXPECT_EQ(plan.end_ms(), kStart + 150'000);
  EXPECT_THAT(plan.Due(kStart), ElementsAre("web"));
  EXPECT_THAT(plan.Due(kStart + 19'999), IsEmpty());
  plan.Ended("web");
  EXPECT_THAT(plan.Due(kStart + 19'999), ElementsAre("cache", "db"));
  EXPECT_THAT(plan.Overdue(kStart + 149'998), ElementsAre("cache"));
  EXPECT_THAT(plan.Overdue(kStart + 149'999), ElementsAre("db"));
}

TEST(StopPlanTest, WhoWaitsForOneThatHangsStillHasItsOwnTime) {
  StopPlan plan({Of("db", 130), Of("web", 20, {"db"})}, kStart);
  plan.Due(kStart);
  EXPECT_THAT(plan.Due(kStart + 20'000), ElementsAre("db"));
  EXPECT_THAT(plan.Overdue(kStart + 20'000), ElementsAre("web"));
  EXPECT_THAT(plan.Overdue(kStart + 150'000), ElementsAre("db"));
}

TEST(StopPlanTest, AllTogetherHaveABoundWhateverTheOrder) {
  StopPlan plan({Of("a", 310, {"b"}), Of("b", 310, {"c"}), Of("c", 310)}, kStart);
  EXPECT_EQ(plan.end_ms(), kStart + StopPlan::kStopAllMaxMs);
  std::map<std::string, int64_t> begun;
  for (int64_t at = 0; at <= StopPlan::kStopAllMaxMs; at += 1000)
    for (const std::string& id : plan.Due(kStart + at)) begun[id] = at;
  EXPECT_EQ(begun, (std::map<std::string, int64_t>{{"a", 0}, {"b", 0}, {"c", 290'000}}));
  EXPECT_THAT(plan.Overdue(plan.end_ms()), UnorderedElementsAre("a", "b", "c"));
}

TEST(StopPlanTest, AllInstancesOfANameWaitForAllThatDependOnIt) {
  StopPlan::Member old = Of("old", 10);
  StopPlan::Member next = Of("next", 10);
  old.name = next.name = "db";
  StopPlan plan({old, next, Of("a", 10, {"db"}), Of("b", 10, {"db"})}, kStart);
  EXPECT_THAT(plan.Due(kStart), ElementsAre("a", "b"));
  plan.Ended("a");
  EXPECT_THAT(plan.Due(kStart), IsEmpty());
  plan.Ended("b");
  EXPECT_THAT(plan.Due(kStart), ElementsAre("next", "old"));
}

TEST(StopPlanTest, ACircleOfOldSpecsIsStoppedAllTheSame) {
  StopPlan plan({Of("a", 10, {"b"}), Of("b", 10, {"a"})}, kStart);
  EXPECT_THAT(plan.Due(plan.end_ms()), UnorderedElementsAre("a", "b"));
}

TEST(StopPlanTest, ATaskIsHeldBackByNobody) {
  StopPlan::Member task = Of("task", 10);
  task.name.clear();
  StopPlan plan({task, Of("web", 10, {""})}, kStart);
  EXPECT_THAT(plan.Due(kStart), ElementsAre("task", "web"));
}

TEST(StopPlanTest, SaysWhoIsWaitedForAndHowLong) {
  StopPlan plan({Of("db", 130), Of("web", 20, {"db"}), Of("cache", 15)}, kStart);
  plan.Due(kStart);
  EXPECT_EQ(plan.Describe(kStart + 500),
            "web (at most 20 s), cache (at most 15 s); then 1 that is stopped after these (all at "
            "most 2 min 30 s)");
  plan.Ended("web");
  plan.Ended("cache");
  plan.Due(kStart + 10'000);
  EXPECT_EQ(plan.Describe(kStart + 20'000), "db (at most 2 min)");
}

TEST(StopPlanTest, OfManyItNamesFive) {
  std::vector<StopPlan::Member> members;
  for (int i = 0; i < 8; ++i) members.push_back(Of("p" + std::to_string(i), 10 + i));
  StopPlan plan(members, kStart);
  plan.Due(kStart);
  EXPECT_THAT(plan.Describe(kStart), ::testing::StartsWith("p7 (at most 17 s), p6"));
  EXPECT_THAT(plan.Describe(kStart), ::testing::EndsWith("p3 (at most 13 s) and 3 more"));
}

}  // namespace
}  // namespace grpc_os::init
