#include "core/process/process.h"

#include <set>
#include <string>

#include "core/tagged.h"
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
  ExpectWordsLeadBack(ExitReason::kNotLive, ExitReasonFrom);
  ExpectWordsLeadBack(ReadyKind::kDelay, ReadyKindFrom);
  ExpectWordsLeadBack(LivenessKind::kTcp, LivenessKindFrom);
}

// They are in databases: another spelling would lose what is stored.
TEST(ProcessWords, AreSpelledAsStored) {
  EXPECT_STREQ(ToString(ProcessState::kPending), "pending");
  EXPECT_STREQ(ToString(ProcessState::kCrashLooping), "crash_looping");
  EXPECT_STREQ(ToString(ProcessState::kHeld), "held");
  EXPECT_STREQ(ToString(DesiredState::kCompleted), "completed");
  EXPECT_STREQ(ToString(RestartPolicy::kOnFailure), "on_failure");
  EXPECT_STREQ(ToString(ExitReason::kSupervisorLost), "supervisor_lost");
  EXPECT_STREQ(ToString(ExitReason::kNotLive), "not_live");
  EXPECT_STREQ(ToString(ReadyKind::kNotify), "notify");
  EXPECT_STREQ(ToString(LivenessKind::kHttp), "http");
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

// Counts what Describe describes.
struct Counter {
  template <typename... Anything>
  void Text(int tag, const Anything&...) {
    EXPECT_EQ(tag, ++fields);
  }
  template <typename... Anything>
  void Int(int tag, const Anything&... anything) {
    Text(tag, anything...);
  }
  template <typename... Anything>
  void Word(int tag, const Anything&... anything) {
    Text(tag, anything...);
  }
  template <typename... Anything>
  void Struct(int tag, const Anything&... anything) {
    Text(tag, anything...);
  }
  template <typename... Anything>
  void Structs(int tag, const Anything&... anything) {
    Text(tag, anything...);
  }
  template <typename... Anything>
  void Texts(int tag, const Anything&... anything) {
    Text(tag, anything...);
  }
  template <typename... Anything>
  void Pairs(int tag, const Anything&... anything) {
    Text(tag, anything...);
  }
  int fields = 0;
};

TEST(ProcessSpecTest, EachFieldIsDescribed) {
  ProcessSpec spec;
  // Another field does not compile here: describe it, and count it.
  [[maybe_unused]] const auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15,
                                f16, f17, f18, f19, f20, f21, f22, f23, f24] = spec;
  Counter counter;
  Describe(counter, spec);
  EXPECT_EQ(counter.fields, 24);
}

// What absent fields mean is in databases, and never changes; the defaults of a new process may.
TEST(ProcessSpecTest, AnEmptyEncodingIsTheSpecOfTheFirstVersion) {
  const auto spec = DecodeTagged<ProcessSpec>("\x01");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->restart, RestartPolicy::kAlways);
  EXPECT_EQ(spec->stop_timeout_ms, 10'000);
  EXPECT_EQ(spec->stop_signal, 15);
  EXPECT_EQ(spec->stop_scope, StopScope::kMain);
  EXPECT_EQ(spec->log_max_bytes, 52'428'800);
  EXPECT_EQ(spec->ready.timeout_ms, 30'000);
  EXPECT_EQ(spec->liveness.period_ms, 10'000);
  EXPECT_EQ(spec->liveness.failures, 3);
  EXPECT_EQ(spec->liveness.timeout_ms, 5'000);
}

TEST(ProcessSpecTest, ThePortIsItsOwnElseThatOfTheEnvironmentIfThatIsOne) {
  ProcessSpec spec;
  EXPECT_EQ(PortOf(spec), 0);
  for (const auto& [text, port] : {std::pair("8080", 8080),
                                   {"65535", 65535},
                                   {"65536", 0},
                                   {"0", 0},
                                   {"080", 0},
                                   {"8080x", 0},
                                   {"", 0},
                                   {"-1", 0},
                                   {"+1", 0},
                                   {" 80", 0},
                                   {"99999999999", 0}}) {
    spec.environment["PORT"] = text;
    EXPECT_EQ(PortOf(spec), port) << text;
  }
  spec.environment["PORT"] = "8080";
  spec.port = 9;
  EXPECT_EQ(PortOf(spec), 9);
  spec.port = 0;
  spec.secrets = {"PORT"};
  EXPECT_EQ(PortOf(spec), 0) << "a secret is not shown as a port";
  spec.secrets.clear();
  spec.auto_port = true;
  EXPECT_EQ(PortOf(spec), 0) << "none was chosen yet";
}

}  // namespace
}  // namespace grpc_os::core
