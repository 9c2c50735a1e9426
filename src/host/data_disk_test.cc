#include "host/data_disk.h"

#include <gtest/gtest.h>

#include <climits>
#include <optional>
#include <string>
#include <vector>

#include "testing/manual_scheduler.h"

namespace grpc_os::host {
namespace {

class LinesLogger final : public core::Logger {
 public:
  bool Enabled(core::LogLevel) const override { return true; }
  void SetLevel(core::LogLevel) override {}
  core::LogLevel Level() const override { return core::LogLevel::kInfo; }
  void Write(core::LogLevel, std::string_view message, const core::LogFields&) override {
    lines.emplace_back(message);
  }
  std::vector<std::string> lines;
};

class DataDiskTest : public ::testing::Test {
 protected:
  testing::ManualScheduler clock_;
  LinesLogger logger_;
  std::optional<DiskSpace> space_ = DiskSpace{.free_bytes = 5 << 20, .total_bytes = 8 << 20};
  int64_t refused_ago_ms_ = INT64_MAX;
  DataDisk disk_{{.directory = "/data",
                  .clock = clock_,
                  .logger = logger_,
                  .refused_ago_ms = [this] { return refused_ago_ms_; },
                  .space = [this](const std::string&) { return space_; }}};
};

TEST_F(DataDiskTest, IsFullBelowOneMebibyteAndSaysSinceWhen) {
  EXPECT_FALSE(disk_.Look().full);
  space_->free_bytes = (1 << 20) - 1;
  EXPECT_TRUE(disk_.Look().full);
  const int64_t since = clock_.now_ms;
  clock_.now_ms += 5'000;
  EXPECT_EQ(disk_.Look().full_since_ms, since);
  EXPECT_EQ(disk_.Look().free_bytes, (1 << 20) - 1);
  EXPECT_EQ(disk_.Look().total_bytes, 8 << 20);
  EXPECT_EQ(logger_.lines.size(), 1u) << "said once";
  space_->free_bytes = 1 << 20;
  EXPECT_FALSE(disk_.Look().full);
  EXPECT_EQ(disk_.Look().full_since_ms, 0);
  EXPECT_EQ(logger_.lines.size(), 2u);
}

TEST_F(DataDiskTest, AQuotaThatRefusesIsAFullDiskForAWhile) {
  refused_ago_ms_ = 9'999;
  EXPECT_TRUE(disk_.Look().full);
  refused_ago_ms_ = 10'000;
  EXPECT_FALSE(disk_.Look().full);
  refused_ago_ms_ = 1'000;
  EXPECT_TRUE(disk_.Look().full);
  space_->free_bytes += 1 << 20;
  EXPECT_FALSE(disk_.Look().full) << "room was made";
}

TEST_F(DataDiskTest, WhatCannotBeLookedAtIsTheLastThatWasSeen) {
  disk_.Look();
  space_.reset();
  EXPECT_EQ(disk_.Look().free_bytes, 5 << 20);
  EXPECT_FALSE(disk_.Look().full);
}

}  // namespace
}  // namespace grpc_os::host
