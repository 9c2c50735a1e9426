#include "init/relaunch_delay.h"

#include <gtest/gtest.h>

namespace grpc_os::init {
namespace {

TEST(RelaunchDelayTest, AtOnceThenDoublingUpToTheMost) {
  RelaunchDelay delay(1'000, 60'000, 60'000);
  delay.Launched(0);
  int64_t now = 10;
  for (const int64_t expected : {0, 1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000}) {
    EXPECT_EQ(delay.Ended(now), expected);
    now += expected;
    delay.Launched(now);
    now += 10;
  }
}

TEST(RelaunchDelayTest, AHealthyTimeWipesTheSlate) {
  RelaunchDelay delay(1'000, 60'000, 60'000);
  delay.Launched(0);
  EXPECT_EQ(delay.Ended(1), 0);
  delay.Launched(1);
  EXPECT_EQ(delay.Ended(60'000), 1'000) << "one millisecond short";
  delay.Launched(61'000);
  EXPECT_EQ(delay.Ended(121'000), 0);
}

}  // namespace
}  // namespace grpc_os::init
