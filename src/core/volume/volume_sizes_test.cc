#include "core/volume/volume_sizes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/resource/resource_errors.h"
#include "testing/manual_scheduler.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Directories of so many entries, each of one byte; looking at one takes a millisecond.
class Disk final : public VolumeDirectories {
 public:
  explicit Disk(testing::ManualScheduler& clock) : clock_(clock) {}
  VolumeSize Measure(const std::string& name, const std::function<bool()>& stop) const override {
    measured.push_back(name);
    VolumeSize size;
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    while (size.bytes < entries.at(name)) {
      ++size.bytes;
      ++clock_.now_ms;
      if (stop()) {
        size.partial = true;
        break;
      }
    }
    return size;
  }
  std::string PathOf(const std::string& name) const override { return name; }
  absl::Status Prepare(const std::string&, const std::string&) override { return {}; }
  absl::Status Publish(const std::string&) override { return {}; }
  void Discard(const std::string&) override {}
  absl::Status Mend(const std::string&, const std::string&) override { return {}; }
  void BeginRemoval(const std::string&) override {}
  absl::Status EndRemoval(const std::string&, bool) override { return {}; }
  bool RemoveSome() override { return false; }
  void Recover(const std::function<bool(const std::string&)>&) override {}

  std::map<std::string, int64_t> entries;
  mutable std::vector<std::string> measured;
  mutable std::function<void()> meanwhile;

 private:
  testing::ManualScheduler& clock_;
};

class VolumeSizesTest : public ::testing::Test {
 protected:
  // Whether it was answered.
  std::shared_ptr<bool> Ask(const std::vector<std::string>& names) {
    auto answered = std::make_shared<bool>(false);
    sizes_.Refresh(names, [answered] {
      EXPECT_FALSE(*answered) << "once";
      *answered = true;
    });
    return answered;
  }
  static void RunAll(std::deque<std::function<void()>>& work) {
    while (!work.empty()) {
      auto next = std::move(work.front());
      work.pop_front();
      next();
    }
  }
  int64_t Bytes(const std::string& name) const {
    const auto last = sizes_.Last(name);
    return last ? last->size.bytes : -1;
  }

  testing::ManualScheduler clock_;
  Disk disk_{clock_};
  std::map<std::string, int64_t> made_ms_ = {{"small", 1}, {"large", 1}};
  std::deque<std::function<void()>> quick_, slow_;
  VolumeSizes sizes_{{.directories = disk_,
                      .scheduler = clock_,
                      .find = [this](const std::string& name) -> absl::StatusOr<Volume> {
                        if (!made_ms_.contains(name)) return ResourceNotFound(kVolumeKind, name);
                        Volume volume;
                        volume.create_time_ms = made_ms_.at(name);
                        return volume;
                      },
                      .quick = [this](auto work) { quick_.push_back(std::move(work)); },
                      .slow = [this](auto work) { slow_.push_back(std::move(work)); }}};

  void SetUp() override { disk_.entries = {{"small", 10}, {"large", 5000}}; }
};

TEST_F(VolumeSizesTest, WhoAsksWaitsForTheMeasure) {
  const auto answered = Ask({"small"});
  EXPECT_FALSE(*answered);
  EXPECT_EQ(Bytes("small"), -1);
  RunAll(quick_);
  EXPECT_TRUE(*answered);
  EXPECT_EQ(Bytes("small"), 10);
}

TEST_F(VolumeSizesTest, AFreshMeasureIsTheAnswerAndAnOldOneIsNot) {
  Ask({"small"});
  RunAll(quick_);
  disk_.entries["small"] = 20;
  EXPECT_TRUE(*Ask({"small"}));
  EXPECT_THAT(quick_, IsEmpty());
  clock_.now_ms += VolumeSizes::kFreshMs;
  EXPECT_FALSE(*Ask({"small"}));
  RunAll(quick_);
  EXPECT_EQ(Bytes("small"), 20);
  clock_.now_ms -= 86'400'000;
  EXPECT_FALSE(*Ask({"small"})) << "the clock was set back";
}

TEST_F(VolumeSizesTest, SeveralWhoAskWaitForOneMeasure) {
  const auto first = Ask({"small"});
  const auto second = Ask({"small"});
  RunAll(quick_);
  EXPECT_TRUE(*first && *second);
  EXPECT_THAT(disk_.measured, ElementsAre("small"));
}

TEST_F(VolumeSizesTest, NobodyWaitsForALargeOneNorDoesASmallOne) {
  const auto answered = Ask({"large", "small"});
  RunAll(quick_);
  EXPECT_TRUE(*answered);
  EXPECT_EQ(Bytes("large"), -1) << "what was counted of it is no size";
  EXPECT_EQ(Bytes("small"), 10);
  RunAll(slow_);
  EXPECT_EQ(Bytes("large"), 5000);
  EXPECT_FALSE(sizes_.Last("large")->size.partial);
  EXPECT_EQ(sizes_.Last("large")->took_ms, 5000);
}

TEST_F(VolumeSizesTest, ALargeOneIsMeasuredATenthOfTheTime) {
  Ask({"large"});
  RunAll(quick_);
  RunAll(slow_);
  clock_.now_ms = sizes_.Last("large")->time_ms + 49'999;
  Ask({"large"});
  EXPECT_TRUE(quick_.empty() && slow_.empty());
  ++clock_.now_ms;
  EXPECT_TRUE(*Ask({"large"})) << "with the last measure";
  EXPECT_EQ(quick_.size(), 0u);
  EXPECT_EQ(slow_.size(), 1u);
}

TEST_F(VolumeSizesTest, OneThatHasBecomeSmallIsWaitedForAgain) {
  Ask({"large"});
  RunAll(quick_);
  RunAll(slow_);
  disk_.entries["large"] = 1;
  clock_.now_ms += 100'000;
  Ask({"large"});
  RunAll(slow_);
  clock_.now_ms += 100'000;
  EXPECT_FALSE(*Ask({"large"}));
  EXPECT_EQ(quick_.size(), 1u);
}

TEST_F(VolumeSizesTest, NobodyWaitsLongForADiskThatHangs) {
  const auto answered = Ask({"small"});
  clock_.RunAll();
  clock_.Advance(VolumeSizes::kWaitMs - 1);
  EXPECT_FALSE(*answered);
  clock_.Advance(1);
  EXPECT_TRUE(*answered);
  RunAll(quick_);
  EXPECT_EQ(Bytes("small"), 10);
}

TEST_F(VolumeSizesTest, AMeasureEndsWhereItNeverWould) {
  disk_.entries["large"] = 1'000'000'000;
  Ask({"large"});
  RunAll(quick_);
  RunAll(slow_);
  EXPECT_TRUE(sizes_.Last("large")->size.partial);
  EXPECT_EQ(Bytes("large"), VolumeSizes::kLongestMs);
}

TEST_F(VolumeSizesTest, WhatIsGoneHasNoSizeNorHasOneOfItsName) {
  disk_.meanwhile = [this] {
    made_ms_.erase("small");
    sizes_.Forget("small");
  };
  auto answered = Ask({"small"});
  RunAll(quick_);
  EXPECT_TRUE(*answered);
  EXPECT_EQ(Bytes("small"), -1);

  made_ms_["small"] = 2;
  disk_.meanwhile = [this] {
    sizes_.Forget("small");
    made_ms_["small"] = 3;
  };
  Ask({"small"});
  RunAll(quick_);
  EXPECT_EQ(Bytes("small"), -1);
  answered = Ask({"small"});
  RunAll(quick_);
  EXPECT_TRUE(*answered);
  EXPECT_EQ(Bytes("small"), 10);
}

TEST_F(VolumeSizesTest, AtTheEndNothingIsKeptAndNobodyWaits) {
  disk_.meanwhile = [this] { sizes_.Stop(); };
  const auto answered = Ask({"large"});
  RunAll(quick_);
  EXPECT_TRUE(*answered);
  EXPECT_EQ(Bytes("large"), -1);
  EXPECT_THAT(slow_, IsEmpty());
}

}  // namespace
}  // namespace grpc_os::core
