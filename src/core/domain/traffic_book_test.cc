#include "core/domain/traffic_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace grpc_os::core {
namespace {

using ::testing::DoubleEq;

// Of one domain: `buckets` by their numbers.
EdgeTraffic Counts(int64_t requests, int64_t errors = 0,
                   const std::map<size_t, int64_t>& buckets = {}) {
  RouteTraffic one;
  one.requests = requests;
  one.server_errors = errors;
  one.latencies.assign(kLatencyBuckets, 0);
  for (const auto& [bucket, count] : buckets) one.latencies.at(bucket) = count;
  return {.domains = {{"dom_1", one}}, .in_flight = {}};
}

TEST(TrafficBookTest, BoundsAreQuartersOfAPowerOfTen) {
  EXPECT_THAT(LatencyBoundMs(0), DoubleEq(1));
  EXPECT_THAT(LatencyBoundMs(4), DoubleEq(10));
  EXPECT_THAT(LatencyBoundMs(kLatencyBuckets - 1), DoubleEq(100'000));
}

TEST(TrafficBookTest, RatesAreSinceTheFirstCounts) {
  TrafficBook book;
  book.Add(1'000, Counts(500, 7));
  EXPECT_EQ(book.RatesOf("dom_1").requests, 500);
  EXPECT_EQ(book.RatesOf("dom_1").errors, 7);
  EXPECT_EQ(book.RatesOf("dom_1").requests_per_second, 0) << "since when is not known";
  book.Add(3'000, Counts(600, 9));
  EXPECT_THAT(book.RatesOf("dom_1").requests_per_second, DoubleEq(50));
  EXPECT_THAT(book.RatesOf("dom_1").errors_per_second, DoubleEq(1));
  EXPECT_EQ(book.RatesOf("dom_1").requests, 600);
}

TEST(TrafficBookTest, RatesAreOfTheLastMinute) {
  TrafficBook book;
  // 100 a second, and then none.
  int64_t now = 0;
  for (; now <= 120'000; now += 1'000) book.Add(now, Counts(now / 10));
  EXPECT_THAT(book.RatesOf("dom_1").requests_per_second, DoubleEq(100));
  for (; now <= 150'000; now += 1'000) book.Add(now, Counts(12'000));
  EXPECT_NEAR(book.RatesOf("dom_1").requests_per_second, 50, 8);
  for (; now <= 240'000; now += 1'000) book.Add(now, Counts(12'000));
  EXPECT_EQ(book.RatesOf("dom_1").requests_per_second, 0);
  EXPECT_EQ(book.RatesOf("dom_1").requests, 12'000);
}

TEST(TrafficBookTest, TheLatencyIsTheBoundThat95PercentAreBelow) {
  TrafficBook book;
  book.Add(0, Counts(0));
  book.Add(1'000, Counts(100, 0, {{4, 95}, {12, 5}}));
  EXPECT_THAT(book.RatesOf("dom_1").latency_p95_ms, DoubleEq(10));
  book.Add(2'000, Counts(100, 0, {{4, 94}, {12, 6}}));
  EXPECT_THAT(book.RatesOf("dom_1").latency_p95_ms, DoubleEq(1'000));
  book.Add(3'000, Counts(1, 0, {{20, 1}}));
  book.Add(4'000, Counts(2, 0, {{20, 2}}));
  EXPECT_THAT(book.RatesOf("dom_1").latency_p95_ms, DoubleEq(100'000));
}

TEST(TrafficBookTest, TheLatencyIsOfTheLastMinuteToo) {
  TrafficBook book;
  book.Add(0, Counts(1'000, 0, {{20, 1'000}}));
  book.Add(1'000, Counts(1'001, 0, {{0, 1}, {20, 1'000}}));
  EXPECT_THAT(book.RatesOf("dom_1").latency_p95_ms, DoubleEq(1));
}

TEST(TrafficBookTest, AnEdgeThatWasStartedAnewBeginsFromNothing) {
  TrafficBook book;
  book.Add(0, Counts(1'000));
  book.Add(10'000, Counts(2'000));
  book.Add(11'000, Counts(3));
  EXPECT_EQ(book.RatesOf("dom_1").requests_per_second, 0);
  EXPECT_EQ(book.RatesOf("dom_1").requests, 3);
  book.Add(13'000, Counts(7));
  EXPECT_THAT(book.RatesOf("dom_1").requests_per_second, DoubleEq(2));
}

TEST(TrafficBookTest, OneThatIsClearedHasNoRates) {
  TrafficBook book;
  book.Add(0, Counts(0));
  book.Add(1'000, Counts(100));
  book.Clear();
  EXPECT_EQ(book.RatesOf("dom_1").requests_per_second, 0);
  book.Add(60'000, Counts(100));
  book.Add(61'000, Counts(110));
  EXPECT_THAT(book.RatesOf("dom_1").requests_per_second, DoubleEq(10));
}

TEST(TrafficBookTest, AClockThatWasSetBackMakesNoNonsense) {
  TrafficBook book;
  book.Add(100'000, Counts(0));
  book.Add(110'000, Counts(100));
  book.Add(50'000, Counts(200));
  EXPECT_GE(book.RatesOf("dom_1").requests_per_second, 0);
  book.Add(51'000, Counts(300));
  EXPECT_THAT(book.RatesOf("dom_1").requests_per_second, DoubleEq(100));
}

TEST(TrafficBookTest, ADomainThatCameMeanwhileCountsFromNothingAndAnUnknownOneHasNoRates) {
  TrafficBook book;
  book.Add(0, {});
  book.Add(10'000, Counts(100));
  EXPECT_THAT(book.RatesOf("dom_1").requests_per_second, DoubleEq(10));
  EXPECT_EQ(book.RatesOf("dom_2").requests, 0);
  EXPECT_EQ(book.RatesOf("dom_2").requests_per_second, 0);
  EXPECT_EQ(book.RatesOf("dom_2").latency_p95_ms, 0);
}

}  // namespace
}  // namespace grpc_os::core
