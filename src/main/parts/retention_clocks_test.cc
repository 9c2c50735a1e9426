#include "main/parts/retention_clocks.h"

#include <filesystem>

#include "gtest/gtest.h"
#include "main/parts/parts_harness.h"

namespace grpc_os {
namespace {

constexpr int64_t kNowMs = 1'800'000'000'000;
constexpr int64_t kDayMs = 86'400'000;

struct WallClock final : core::Clock {
  int64_t NowMs() const override { return now_ms; }
  int64_t now_ms = kNowMs;
};

class RetentionClocksTest : public testing::Test {
 protected:
  // As a daemon does it, from its start to its stop.
  int64_t Run() {
    Composition parts;
    auto& directory = parts.Add<DataDirectory>(directory_.path());
    auto& clocks = parts.Add<RetentionClocks>(directory, wall_, "boot");
    EXPECT_TRUE(parts.Start().ok());
    return clocks.retention().NowMs();
  }

  TemporaryDirectory directory_;
  const std::filesystem::path file_ = directory_.path() + "/retention-clock";
  WallClock wall_;
};

TEST_F(RetentionClocksTest, TheNextDaemonGoesOnWhereTheLastOneStopped) {
  EXPECT_EQ(Run(), kNowMs);
  wall_.now_ms += 365 * kDayMs;
  EXPECT_LT(Run(), kNowMs + kDayMs) << "the jump of the wall clock counts only once it has lasted";
  std::filesystem::remove(file_);
  EXPECT_EQ(Run(), wall_.now_ms);
}

TEST_F(RetentionClocksTest, HowFarItCameIsSavedEveryTenMinutes) {
  Composition parts;
  auto& directory = parts.Add<DataDirectory>(directory_.path());
  parts.Add<RetentionClocks>(directory, wall_, "boot");
  ASSERT_TRUE(parts.Start().ok());
  parts.Tick(1000);
  EXPECT_TRUE(std::filesystem::remove(file_));
  parts.Tick(600'999);
  EXPECT_FALSE(std::filesystem::exists(file_));
  parts.Tick(601'000);
  EXPECT_TRUE(std::filesystem::exists(file_));
}

}  // namespace
}  // namespace grpc_os
