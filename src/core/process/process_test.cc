#include "core/process/process.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace grpc_os::core {
namespace {

// Each of the enum's values, from its first to `last`, has a word of its own that leads back to it.
template <typename Enum>
void ExpectWordsLeadBack(Enum last, std::optional<Enum> (*from)(const std::string&)) {
  std::set<std::string> words;
  for (int number = 0; number <= static_cast<int>(last); ++number) {
    const auto value = static_cast<Enum>(number);
    const std::string word = ToString(value);
    EXPECT_TRUE(words.insert(word).second) << word << " stands for two values";
    EXPECT_EQ(from(word), value) << word;
  }
}

TEST(ProcessWords, EachLeadsBackToItsValue) {
  ExpectWordsLeadBack(ProcessState::kHeld, ProcessStateFrom);
  ExpectWordsLeadBack(DesiredState::kCompleted, DesiredStateFrom);
  ExpectWordsLeadBack(RestartPolicy::kNever, RestartPolicyFrom);
  ExpectWordsLeadBack(ExitReason::kHostRestarted, ExitReasonFrom);
}

// They are in databases: another spelling would lose what is stored.
TEST(ProcessWords, AreSpelledAsStored) {
  EXPECT_STREQ(ToString(ProcessState::kPending), "pending");
  EXPECT_STREQ(ToString(ProcessState::kCrashLooping), "crash_looping");
  EXPECT_STREQ(ToString(ProcessState::kHeld), "held");
  EXPECT_STREQ(ToString(DesiredState::kCompleted), "completed");
  EXPECT_STREQ(ToString(RestartPolicy::kOnFailure), "on_failure");
  EXPECT_STREQ(ToString(ExitReason::kSupervisorLost), "supervisor_lost");
}

TEST(ProcessWords, UnknownOnesAreNothing) {
  EXPECT_EQ(ProcessStateFrom("asleep"), std::nullopt);
  EXPECT_EQ(ProcessStateFrom("Running"), std::nullopt);
  EXPECT_EQ(DesiredStateFrom(""), std::nullopt);
  EXPECT_EQ(RestartPolicyFrom("on-failure"), std::nullopt);
  EXPECT_EQ(ExitReasonFrom(std::string("exited\0", 7)), std::nullopt);
}

TEST(IsAtRest, OnlyWhereNothingRunsAndNothingWillByItself) {
  std::set<std::string> at_rest;
  for (int number = 0; number <= static_cast<int>(ProcessState::kHeld); ++number) {
    const auto state = static_cast<ProcessState>(number);
    if (IsAtRest(state)) at_rest.insert(ToString(state));
  }
  EXPECT_EQ(at_rest, (std::set<std::string>{"stopped", "exited", "failed", "held"}));
}

}  // namespace
}  // namespace grpc_os::core
