#include "gateway/exposition.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace grpc_os::gateway {
namespace {

TEST(ExpositionTest, EachFamilyHasItsHelpAndType) {
  Exposition page;
  page.Counter("calls_total", "Calls.");
  page.Add({{"method", "A/B"}, {"code", "OK"}}, 3);
  page.Add({{"method", "A/C"}, {"code", "OK"}}, 0);
  page.Gauge("open_fds", "Descriptors.");
  page.Add(7);
  EXPECT_EQ(page.Take(),
            "# HELP calls_total Calls.\n"
            "# TYPE calls_total counter\n"
            "calls_total{method=\"A/B\",code=\"OK\"} 3\n"
            "calls_total{method=\"A/C\",code=\"OK\"} 0\n"
            "# HELP open_fds Descriptors.\n"
            "# TYPE open_fds gauge\n"
            "open_fds 7\n");
  EXPECT_EQ(page.Take(), "");
}

TEST(ExpositionTest, BucketsOfAHistogramAreCumulative) {
  Exposition page;
  page.Histogram("duration_seconds", "How long.");
  const std::array<double, 2> bounds = {0.00005, 1};
  const std::array<int64_t, 3> counts = {2, 0, 1};
  page.AddHistogram({{"method", "m"}}, bounds, counts, 12.5);
  EXPECT_EQ(page.Take(),
            "# HELP duration_seconds How long.\n"
            "# TYPE duration_seconds histogram\n"
            "duration_seconds_bucket{method=\"m\",le=\"5e-05\"} 2\n"
            "duration_seconds_bucket{method=\"m\",le=\"1\"} 2\n"
            "duration_seconds_bucket{method=\"m\",le=\"+Inf\"} 3\n"
            "duration_seconds_sum{method=\"m\"} 12.5\n"
            "duration_seconds_count{method=\"m\"} 3\n");
}

TEST(ExpositionTest, AHistogramNeedsNoLabels) {
  Exposition page;
  page.Histogram("size_bytes", "");
  const std::array<int64_t, 1> counts = {4};
  page.AddHistogram({}, {}, counts, 1);
  EXPECT_EQ(page.Take(),
            "# HELP size_bytes \n"
            "# TYPE size_bytes histogram\n"
            "size_bytes_bucket{le=\"+Inf\"} 4\n"
            "size_bytes_sum 1\n"
            "size_bytes_count 4\n");
}

TEST(ExpositionTest, NothingInAValueOrAHelpBreaksTheLine) {
  Exposition page;
  page.Gauge("a", "one\ntwo \\ \"three\"");
  page.Add({{"b", "x\"} 1\ny \\"}}, 1);
  EXPECT_EQ(page.Take(),
            "# HELP a one\\ntwo \\\\ \"three\"\n"
            "# TYPE a gauge\n"
            "a{b=\"x\\\"} 1\\ny \\\\\"} 1\n");
}

TEST(ExpositionTest, NumbersReadBackTheSame) {
  EXPECT_EQ(FormatNumber(0), "0");
  EXPECT_EQ(FormatNumber(-1.5), "-1.5");
  EXPECT_EQ(FormatNumber(0.1), "0.1");
  EXPECT_EQ(std::stod(FormatNumber(1795412345.678901)), 1795412345.678901);
  EXPECT_EQ(std::stod(FormatNumber(9007199254740991.0)), 9007199254740991.0);
  EXPECT_EQ(FormatNumber(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(FormatNumber(-std::numeric_limits<double>::infinity()), "-Inf");
  EXPECT_EQ(FormatNumber(std::nan("")), "NaN");
}

#ifndef NDEBUG
TEST(ExpositionDeathTest, BadNamesEndADebugBuild) {
  EXPECT_DEATH(Exposition().Counter("calls", ""), "_total");
  EXPECT_DEATH(Exposition().Gauge("calls_total", ""), "_total");
  EXPECT_DEATH(Exposition().Gauge("calls-open", ""), "IsName");
  EXPECT_DEATH(
      {
        Exposition page;
        page.Gauge("a", "");
        page.Gauge("a", "");
      },
      "names_");
}
#endif

}  // namespace
}  // namespace grpc_os::gateway
