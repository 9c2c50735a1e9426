// When a collection begins, with the collections of the test's own.
#include "store/blob/blob_collector.h"

#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/blob/blobs_under_test.h"
#include "store/storage_error.h"

namespace grpc_os::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kStart = 5'000'000;
constexpr int64_t kWallMs = 1'000'000'000;

class RecordingLogger final : public core::Logger {
 public:
  bool Enabled(core::LogLevel) const override { return true; }
  void SetLevel(core::LogLevel) override {}
  core::LogLevel Level() const override { return core::LogLevel::kDebug; }
  void Write(core::LogLevel level, std::string_view message,
             const core::LogFields& fields) override {
    lines.push_back(std::string(level == core::LogLevel::kWarning ? "warning " : "") +
                    std::string(message) + ": " + fields.at(0).second);
  }
  std::vector<std::string> lines;
};

class BlobCollectorTest : public testing::Test {
 protected:
  // Has made the first look, in which strays are looked for.
  BlobCollectorTest() {
    clock_.now_ms = kWallMs;
    collector_.Tick(kStart);
    End();
    begun_.clear();
  }
  // Of the one under way.
  void End(absl::StatusOr<BlobFiles::Collected> collected = BlobFiles::Collected()) {
    std::exchange(done_, nullptr)(std::move(collected));
  }
  int CountAt(int64_t now_ms) {
    begun_.clear();
    collector_.Tick(now_ms);
    return static_cast<int>(begun_.size());
  }

  TestClock clock_;
  RecordingLogger logger_;
  int64_t changes_ = 0;
  bool let_go_ = false;
  std::vector<int64_t> begun_;  // of each the time before which strays go
  BlobCollector::Done done_;
  BlobCollector collector_{{.collect =
                                [this](int64_t strays_before_ms, BlobCollector::Done done) {
                                  begun_.push_back(strays_before_ms);
                                  done_ = std::move(done);
                                },
                            .any_let_go = [this] { return let_go_; },
                            .changes = [this] { return changes_; },
                            .retention_clock = clock_,
                            .logger = logger_}};
};

TEST_F(BlobCollectorTest, NothingIsLookedForWhileNothingChanges) {
  EXPECT_EQ(CountAt(kStart + 1000), 0);
  EXPECT_EQ(CountAt(kStart + limits::kPressureCollectEveryMs - 1), 0);
}

TEST_F(BlobCollectorTest, AChangeARefusedPutOrTheTimeBeginsACollectionWithoutStrays) {
  changes_ = 1;
  EXPECT_EQ(CountAt(kStart + 1000), 1);
  EXPECT_THAT(begun_, ElementsAre(0));
  End();
  EXPECT_EQ(CountAt(kStart + 2000), 0);

  let_go_ = true;
  EXPECT_EQ(CountAt(kStart + 3000), 1);
  let_go_ = false;
  End();
  EXPECT_EQ(CountAt(kStart + 4000), 0);

  EXPECT_EQ(CountAt(kStart + 3000 + limits::kPressureCollectEveryMs), 1);
  EXPECT_THAT(begun_, ElementsAre(0));
}

TEST_F(BlobCollectorTest, WhatIsReadIsLookedAtAgainUntilItIsLetGo) {
  changes_ = 1;
  ASSERT_EQ(CountAt(kStart + 1000), 1);
  End(BlobFiles::Collected{.removed = 0, .in_use = 1});
  EXPECT_EQ(CountAt(kStart + 2000), 1);
  End(BlobFiles::Collected{.removed = 1, .in_use = 0});
  EXPECT_EQ(CountAt(kStart + 3000), 0);
  EXPECT_THAT(logger_.lines, ElementsAre("files of contents removed: 1"));
}

TEST_F(BlobCollectorTest, StraysAreLookedForOnceAnHourAndOnlyThoseThatAreOldEnough) {
  changes_ = 1;
  ASSERT_EQ(CountAt(kStart + limits::kCollectEveryMs - 1), 1);
  EXPECT_THAT(begun_, ElementsAre(0));
  End();
  EXPECT_EQ(CountAt(kStart + limits::kCollectEveryMs), 1);
  EXPECT_THAT(begun_, ElementsAre(kWallMs - limits::kBlobGraceMs));
}

TEST_F(BlobCollectorTest, OneCollectionAtATimeAndNoChangeIsMissed) {
  changes_ = 1;
  ASSERT_EQ(CountAt(kStart + 1000), 1);
  changes_ = 2;
  EXPECT_EQ(CountAt(kStart + 2000), 0);
  End();
  EXPECT_EQ(CountAt(kStart + 3000), 1);
}

TEST_F(BlobCollectorTest, AFailureIsLoggedUnlessItIsTheStop) {
  changes_ = 1;
  ASSERT_EQ(CountAt(kStart + 1000), 1);
  End(ShuttingDownError());
  EXPECT_THAT(logger_.lines, IsEmpty());
  changes_ = 2;
  ASSERT_EQ(CountAt(kStart + 2000), 1);
  End(absl::UnavailableError("the disk went away"));
  EXPECT_THAT(logger_.lines,
              ElementsAre("warning files of contents that nothing has could not be removed: the "
                          "disk went away"));
}

}  // namespace
}  // namespace grpc_os::store
