#include "host/batch_scheduling.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace grpc_os::host {
namespace {

TEST(BatchSchedulingTest, HoldsForTheCallerAndTheThreadsItMakes) {
  std::thread([] {
    ASSERT_TRUE(UseBatchScheduling());
    int inherited = -1;
    std::thread([&inherited] { inherited = sched_getscheduler(0); }).join();
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
    EXPECT_EQ(inherited, SCHED_BATCH);
  }).join();
}

TEST(BatchSchedulingTest, AThreadLeavesItAlone) {
  std::thread([] {
    ASSERT_TRUE(UseBatchScheduling());
    int left = -1;
    std::thread([&left] {
      ASSERT_TRUE(UseNormalScheduling());
      left = sched_getscheduler(0);
    }).join();
    EXPECT_EQ(left, SCHED_OTHER);
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
  }).join();
}

}  // namespace
}  // namespace grpc_os::host
