#include "core/process/dependencies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kStarted = DependencyCondition::kStarted;
constexpr auto kReady = DependencyCondition::kReady;
constexpr auto kCompleted = DependencyCondition::kCompleted;

Process In(ProcessState state, DesiredState desired = DesiredState::kRunning) {
  Process process;
  process.status.state = state;
  process.desired = desired;
  return process;
}

Process Ended(int exit_code) {
  Process process = In(ProcessState::kExited, DesiredState::kCompleted);
  process.status.last_exit.emplace().exit_code = exit_code;
  return process;
}

using Graph = std::map<std::string, std::vector<std::string>>;

std::vector<std::string> CycleOf(const Graph& graph, const std::string& name) {
  return FindCycle(name, [&graph](const std::string& one) {
    const auto found = graph.find(one);
    return found == graph.end() ? std::vector<std::string>() : found->second;
  });
}

TEST(DependenciesTest, StartedIsOneThatRuns) {
  EXPECT_TRUE(HasCome(kStarted, In(ProcessState::kRunning)));
  for (const auto state : {ProcessState::kPending, ProcessState::kStarting, ProcessState::kStopping,
                           ProcessState::kBackoff, ProcessState::kStopped, ProcessState::kHeld})
    EXPECT_FALSE(HasCome(kStarted, In(state))) << ToString(state);
  EXPECT_FALSE(HasCome(kStarted, Ended(0)));
}

TEST(DependenciesTest, ReadyIsOneThatRunsAndIsReady) {
  Process process = In(ProcessState::kRunning);
  EXPECT_FALSE(HasCome(kReady, process));
  process.status.ready = true;
  EXPECT_TRUE(HasCome(kReady, process));
}

TEST(DependenciesTest, CompletedIsOneThatEndedWithZeroAndIsNotToRunAgain) {
  EXPECT_TRUE(HasCome(kCompleted, Ended(0)));
  EXPECT_FALSE(HasCome(kCompleted, Ended(1)));
  Process again = Ended(0);
  again.desired = DesiredState::kRunning;  // its last exit is that of before
  EXPECT_FALSE(HasCome(kCompleted, again));
  Process stopped = Ended(0);
  stopped.desired = DesiredState::kStopped;
  EXPECT_FALSE(HasCome(kCompleted, stopped));
  EXPECT_FALSE(HasCome(kCompleted, In(ProcessState::kExited, DesiredState::kCompleted)));
}

TEST(DependenciesTest, WhatIsWantedIsSaid) {
  EXPECT_EQ(Wanted({"db", kStarted}), "db to start");
  EXPECT_EQ(Wanted({"db", kReady}), "db to be ready");
  EXPECT_EQ(Wanted({"db", kCompleted}), "db to complete");
  const Process running = In(ProcessState::kRunning);
  EXPECT_EQ(Wanted({"db", kReady}, &running), "db to be ready");
}

TEST(DependenciesTest, WhatPatienceDoesNotMendIsSaidWithTheCure) {
  const auto wanted = [](const Process& process, DependencyCondition condition = kCompleted) {
    return Wanted({"db", condition}, &process);
  };
  EXPECT_EQ(Wanted({"db", kReady}, nullptr), "db, which does not exist");
  EXPECT_EQ(wanted(In(ProcessState::kStopped, DesiredState::kStopped)),
            "db, which is stopped: `start db`");
  EXPECT_EQ(wanted(In(ProcessState::kFailed)), "db, which could not be executed: `start db`");
  EXPECT_EQ(wanted(Ended(3)), "db, which ended with exit code 3: `start db`");
  EXPECT_EQ(wanted(Ended(0), kReady), "db, which has ended: `start db`");
  Process killed = In(ProcessState::kExited, DesiredState::kCompleted);
  killed.status.last_exit.emplace().signal = 9;
  EXPECT_EQ(wanted(killed), "db, which was ended by KILL: `start db`");
}

TEST(DependenciesTest, ACycleIsTheShortestWayBack) {
  EXPECT_THAT(CycleOf({{"a", {"a"}}}, "a"), ElementsAre("a", "a"));
  EXPECT_THAT(CycleOf({{"a", {"b"}}, {"b", {"a"}}}, "a"), ElementsAre("a", "b", "a"));
  EXPECT_THAT(
      CycleOf({{"a", {"b", "c"}}, {"b", {"d"}}, {"d", {"e"}}, {"e", {"a"}}, {"c", {"e"}}}, "a"),
      ElementsAre("a", "c", "e", "a"));
}

TEST(DependenciesTest, WhatOthersHaveAmongThemselvesIsNoCycleOfIts) {
  EXPECT_THAT(CycleOf({{"a", {"b"}}, {"b", {"c"}}, {"c", {"b"}}}, "a"), IsEmpty());
  EXPECT_THAT(CycleOf({{"a", {"b", "c"}}, {"b", {"d"}}, {"c", {"d"}}}, "a"), IsEmpty());
  EXPECT_THAT(CycleOf({{"a", {"gone"}}}, "a"), IsEmpty());
}

}  // namespace
}  // namespace grpc_os::core
