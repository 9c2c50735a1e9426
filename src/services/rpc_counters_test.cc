#include "services/rpc_counters.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>
#include <vector>

namespace grpc_os::services {
namespace {

TEST(RpcCountersTest, EachMethodAndCodeIsCountedApart) {
  RpcCounters counters(2);
  counters.Count(0, 0, 1);
  counters.Count(0, 5, 1);
  counters.Count(1, 5, 1);
  counters.Count(1, 5, 1);
  EXPECT_EQ(counters.Get(0, 0), 1);
  EXPECT_EQ(counters.Get(0, 5), 1);
  EXPECT_EQ(counters.Get(1, 0), 0);
  EXPECT_EQ(counters.Get(1, 5), 2);
  EXPECT_EQ(counters.Get(1, 16), 0);
}

TEST(RpcCountersTest, ADurationFallsIntoTheBucketWhoseBoundIsNotBelowIt) {
  for (size_t i = 0; i < RpcCounters::kBoundsUs.size(); ++i) {
    RpcCounters counters(1);
    const int64_t bound = RpcCounters::kBoundsUs[i];
    counters.Count(0, 0, bound);
    counters.Count(0, 0, bound + 1);
    const auto durations = counters.GetDurations(0);
    EXPECT_EQ(durations.counts[i], 1) << bound;
    EXPECT_EQ(durations.counts[i + 1], 1) << bound;
    EXPECT_EQ(durations.sum_us, 2 * bound + 1);
  }
  RpcCounters counters(1);
  counters.Count(0, 0, 0);
  EXPECT_EQ(counters.GetDurations(0).counts[0], 1);
}

TEST(RpcCountersTest, NoneIsLostBetweenThreads) {
  RpcCounters counters(1);
  constexpr int kEach = 20'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&counters] {
      for (int i = 0; i < kEach; ++i) counters.Count(0, i % 2, i);
    });
  }
  for (auto& thread : threads) thread.join();
  const auto durations = counters.GetDurations(0);
  EXPECT_EQ(counters.Get(0, 0) + counters.Get(0, 1), 4 * kEach);
  EXPECT_EQ(std::accumulate(durations.counts.begin(), durations.counts.end(), int64_t{0}),
            4 * kEach);
  EXPECT_EQ(durations.sum_us, int64_t{4} * kEach * (kEach - 1) / 2);
}

}  // namespace
}  // namespace grpc_os::services
