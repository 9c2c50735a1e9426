#include "core/identity/throttle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::core {
namespace {

constexpr int64_t kSecond = 1000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

class ThrottleTest : public ::testing::Test {
 protected:
  // A wrong password, if one may be tried.
  bool Fail(const std::string& user, const std::string& source) {
    if (throttle_.WaitMs(user, source, now_) > 0) return false;
    throttle_.Began(user, source, now_);
    return true;
  }
  bool Succeed(const std::string& user, const std::string& source) {
    if (!Fail(user, source)) return false;
    throttle_.Succeeded(user, source, now_);
    return true;
  }

  Throttle throttle_;
  int64_t now_ = 1'000 * kDay;
};

TEST_F(ThrottleTest, TheFirstFiveFailuresCostNothingThenEachDoublesTheWait) {
  const std::vector<int64_t> waits = {0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
  for (const int64_t wait : waits) {
    ASSERT_TRUE(Fail("ada", "10.0.0.1"));
    EXPECT_EQ(throttle_.WaitMs("ada", "10.0.0.1", now_), wait * kSecond);
    now_ += wait * kSecond;
  }
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Fail("ada", "10.0.0.1"));
    EXPECT_EQ(throttle_.WaitMs("ada", "10.0.0.1", now_), 15 * kMinute);
    now_ += 15 * kMinute - 1;
    EXPECT_EQ(throttle_.WaitMs("ada", "10.0.0.1", now_), 1);
    now_ += 1;
  }
}

TEST_F(ThrottleTest, ASuccessOrADayWithoutTriesForgetsTheFailures) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(Fail("ada", "a"));
  now_ += kSecond;
  ASSERT_TRUE(Succeed("ada", "a"));
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(Fail("ada", "a")) << i;
  EXPECT_FALSE(Fail("ada", "a"));
  now_ += kDay;
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(Fail("ada", "a")) << i;
  EXPECT_FALSE(Fail("ada", "a"));
}

TEST_F(ThrottleTest, TriesAtTheSameTimeCount) {
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(throttle_.WaitMs("ada", "a", now_), 0);
    throttle_.Began("ada", "a", now_);
  }
  EXPECT_GT(throttle_.WaitMs("ada", "a", now_), 0);
}

TEST_F(ThrottleTest, ATryThatWasNotCarriedOutDoesNotCount) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(throttle_.WaitMs("ada", "a", now_), 0) << i;
    throttle_.Began("ada", "a", now_);
    throttle_.Withdrawn("ada", "a", now_);
  }
}

TEST_F(ThrottleTest, OneUserHasAHundredFailuresAnHourFromAllSources) {
  int failed = 0;
  for (int i = 0; i < 1000; ++i)
    failed += Fail("ada", absl::StrCat("10.0.", i / 250, ".", i % 250));
  EXPECT_EQ(failed, 100);
  now_ += kHour;
  failed = 0;
  for (int i = 0; i < 1000; ++i)
    failed += Fail("ada", absl::StrCat("10.1.", i / 250, ".", i % 250));
  EXPECT_EQ(failed, 100);
  EXPECT_TRUE(Fail("bob", "10.0.0.1")) << "another user is not slowed down";
}

TEST_F(ThrottleTest, OneSourceHasTwentyFailuresThenTenAMinuteWithAllUsers) {
  int failed = 0;
  for (int i = 0; i < 100; ++i) failed += Fail(absl::StrCat("user", i), "10.0.0.1");
  EXPECT_EQ(failed, 20);
  now_ += kMinute;
  failed = 0;
  for (int i = 0; i < 100; ++i) failed += Fail(absl::StrCat("other", i), "10.0.0.1");
  EXPECT_EQ(failed, 10);
  EXPECT_TRUE(Fail("ada", "10.0.0.2")) << "another source is not slowed down";
}

TEST_F(ThrottleTest, AStrangerCannotLockTheOwnerOut) {
  ASSERT_TRUE(Succeed("ada", "home"));
  for (int i = 0; i < 1000; ++i) Fail("ada", absl::StrCat("10.0.", i / 250, ".", i % 250));
  EXPECT_GT(throttle_.WaitMs("ada", "elsewhere", now_), 0);
  EXPECT_EQ(throttle_.WaitMs("ada", "home", now_), 0);
  now_ += 31 * kDay;
  for (int i = 0; i < 1000; ++i) Fail("ada", absl::StrCat("10.0.", i / 250, ".", i % 250));
  EXPECT_GT(throttle_.WaitMs("ada", "home", now_), 0) << "known for 30 days only";
}

TEST_F(ThrottleTest, UnknownNamesSpendNothingOfASourceThatHasLoggedIn) {
  ASSERT_TRUE(Succeed("ada", "10.0.0.1"));
  for (int i = 0; i < 100; ++i) Fail(absl::StrCat("user", i), "10.0.0.1");
  EXPECT_GT(throttle_.WaitMs("bob", "10.0.0.1", now_), 0);
  EXPECT_EQ(throttle_.WaitMs("ada", "10.0.0.1", now_), 0);
  // Its own wrong passwords slow it down all the same.
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(Fail("ada", "10.0.0.1")) << i;
  EXPECT_GT(throttle_.WaitMs("ada", "10.0.0.1", now_), 0);
}

TEST_F(ThrottleTest, WhatComesFromAddressesSpendsNothingOfTheSocketOrOfAUid) {
  for (int i = 0; i < 1000; ++i) Fail("ada", absl::StrCat("10.0.", i / 250, ".", i % 250));
  for (int i = 0; i < 1000; ++i) Fail("ada", "127.0.0.1 uid 1001");
  EXPECT_GT(throttle_.WaitMs("ada", "10.9.9.9", now_), 0);
  for (const char* own : {"uid 1000", "127.0.0.1 uid 1000"})
    EXPECT_EQ(throttle_.WaitMs("ada", own, now_), 0) << own;
}

TEST_F(ThrottleTest, WhatAUidSpendsIsItsOwn) {
  for (int i = 0; i < 100; ++i) Fail(absl::StrCat("user", i), "127.0.0.1 uid 1001");
  for (int uid = 2000; uid < 2200; ++uid) Fail("ada", absl::StrCat("uid ", uid));
  EXPECT_GT(throttle_.WaitMs("ada", "127.0.0.1 uid 1001", now_), 0);
  EXPECT_EQ(throttle_.WaitMs("ada", "127.0.0.1 uid 1000", now_), 0);
  EXPECT_EQ(throttle_.WaitMs("ada", "10.0.0.1", now_), 0);
}

TEST_F(ThrottleTest, WhatIsRememberedIsBoundedAndSuccessesLastLongest) {
  ASSERT_TRUE(Succeed("ada", "home"));
  for (int i = 0; i < limits::kThrottleEntries + 100; ++i) {
    now_ += 10;
    throttle_.Began("ada", absl::StrCat("source", i), now_);
  }
  EXPECT_EQ(throttle_.WaitMs("ada", "home", now_), 0);
  EXPECT_GT(throttle_.WaitMs("ada", "elsewhere", now_), 0);
}

TEST_F(ThrottleTest, SessionsAreOpenedAtABoundedRate) {
  for (int i = 0; i < limits::kSessionsAtOnce; ++i)
    ASSERT_EQ(throttle_.OpenSession("ada", now_), 0);
  EXPECT_GT(throttle_.OpenSession("ada", now_), 0);
  EXPECT_EQ(throttle_.OpenSession("bob", now_), 0);
  now_ += limits::kSessionEachMs;
  EXPECT_EQ(throttle_.OpenSession("ada", now_), 0);
  EXPECT_GT(throttle_.OpenSession("ada", now_), 0);
  now_ -= kDay;
  EXPECT_LE(throttle_.OpenSession("ada", now_), limits::kSessionEachMs + 1) << "a clock set back";
}

TEST_F(ThrottleTest, ANetworkOfIpv6IsOneSource) {
  EXPECT_EQ(Throttle::SourceOf("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(Throttle::SourceOf("2001:db8:1:2::9"), "2001:db8:1:2::/64");
  EXPECT_NE(Throttle::SourceOf("2001:db8:1:3::9"), "2001:db8:1:2::/64");
  EXPECT_EQ(Throttle::SourceOf("127.9.8.7"), "127.0.0.1");
  EXPECT_EQ(Throttle::SourceOf("127.9.8.7 uid 1000"), "127.0.0.1 uid 1000");
  for (const char* same : {"uid 1000", "10.0.0.1", "::ffff:10.0.0.1", ""})
    EXPECT_EQ(Throttle::SourceOf(same), same);
}

TEST_F(ThrottleTest, AClockThatIsSetBackLocksNobodyOut) {
  ASSERT_TRUE(Fail("ada", "a"));
  now_ -= 30 * kDay;
  EXPECT_EQ(throttle_.WaitMs("ada", "a", now_), 0) << "one failure costs nothing";
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Fail("ada", "a")) << i;
  EXPECT_FALSE(Fail("ada", "a"));
  now_ -= 30 * kDay;
  EXPECT_EQ(throttle_.WaitMs("ada", "a", now_), kSecond) << "no longer than was to be waited";
  now_ += kSecond;
  EXPECT_TRUE(Fail("ada", "a")) << "and that wait goes by";
}

TEST_F(ThrottleTest, ABudgetFillsUpAgainAfterTheClockIsSetBack) {
  for (int i = 0; i < 30; ++i) Fail(absl::StrCat("user", i), "a");
  for (int i = 0; i < 101; ++i) Fail("ada", absl::StrCat("source", i));
  now_ -= 30 * kDay;
  EXPECT_FALSE(Fail("bob", "a"));
  EXPECT_FALSE(Fail("ada", "b"));
  now_ += kHour;
  EXPECT_TRUE(Fail("bob", "a"));
  EXPECT_TRUE(Fail("ada", "b"));
}

}  // namespace
}  // namespace grpc_os::core
