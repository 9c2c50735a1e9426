#include "core/audit/audit_trail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SlowAuditStore final : public AuditStore {
 public:
  void PutAudit(std::vector<AuditRecord> records, std::function<void(absl::Status)> done) override {
    const std::lock_guard lock(mutex);
    writes.push_back(std::move(records));
    waiting = std::move(done);
  }
  bool HasWork() {
    const std::lock_guard lock(mutex);
    return waiting != nullptr;
  }
  void ReadAudit(const AuditQuery&, std::function<void(absl::StatusOr<AuditPage>)>) override {}
  void Answer(const absl::Status& status) {
    std::function<void(absl::Status)> done;
    {
      const std::lock_guard lock(mutex);
      done = std::exchange(waiting, nullptr);
    }
    done(status);
  }

  std::mutex mutex;

  std::vector<std::vector<AuditRecord>> writes;
  std::function<void(absl::Status)> waiting;
};

class CountingLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void SetLevel(LogLevel) override {}
  LogLevel Level() const override { return LogLevel::kInfo; }
  void Write(LogLevel, std::string_view, const LogFields&) override { ++lines; }
  int lines = 0;
};

class AuditTrailTest : public ::testing::Test {
 protected:
  void Note(const std::string& user, int64_t time_ms = 1) {
    AuditRecord record;
    record.user = user;
    record.time_ms = time_ms;
    record.result = "PERMISSION_DENIED";
    trail_.Note(std::move(record));
  }
  static std::vector<std::string> Told(const std::vector<AuditRecord>& records) {
    std::vector<std::string> told;
    for (const AuditRecord& record : records)
      told.push_back(absl::StrCat(record.user, record.result == "UNRECORDED" ? "unrecorded" : "",
                                  " x", record.count));
    return told;
  }

  SlowAuditStore store_;
  CountingLogger logger_;
  AuditTrail trail_{store_, logger_};
};

TEST_F(AuditTrailTest, TheFirstIsWrittenAtOnceAndAlikeOnesTogetherAfterIt) {
  Note("ada");
  EXPECT_THAT(Told(store_.writes.at(0)), ElementsAre("ada x1"));
  Note("ada", 3);
  Note("bob", 2);
  Note("ada", 5);
  EXPECT_EQ(store_.writes.size(), 1u);
  store_.Answer(absl::OkStatus());
  EXPECT_THAT(Told(store_.writes.at(1)), ElementsAre("bob x1", "ada x2"));
  store_.Answer(absl::OkStatus());
  EXPECT_EQ(store_.writes.size(), 2u);
}

TEST_F(AuditTrailTest, WhatTheStoreRefusesIsToldWhenItWritesAgain) {
  Note("ada");
  store_.Answer(absl::UnavailableError("disk full"));
  Note("ada");
  Note("bob", 9);
  EXPECT_EQ(store_.writes.size(), 1u) << "it waits for the next tick";
  trail_.Tick();
  store_.Answer(absl::UnavailableError("disk full"));
  trail_.Tick();
  store_.Answer(absl::OkStatus());
  EXPECT_THAT(Told(store_.writes.back()), ElementsAre("ada x2", "bob x1"));
  EXPECT_EQ(logger_.lines, 1) << "said once, not each second";
}

TEST_F(AuditTrailTest, WhatCannotBeRememberedIsCounted) {
  Note("ada");
  store_.Answer(absl::UnavailableError("disk full"));
  for (int i = 0; i < limits::kAuditNoted + 5; ++i) Note(absl::StrCat("user-", i), 10 + i);
  trail_.Tick();
  store_.Answer(absl::UnavailableError("disk full"));
  trail_.Tick();
  store_.Answer(absl::OkStatus());
  const auto& written = store_.writes.back();
  EXPECT_EQ(written.size(), static_cast<size_t>(limits::kAuditNoted) + 1);
  EXPECT_THAT(Told({written.back()}), ElementsAre("unrecorded x6"));
}

TEST_F(AuditTrailTest, StrangersAreWrittenOnceASecondAtMost) {
  Note("", 1000);
  store_.Answer(absl::OkStatus());
  for (int i = 0; i < 50; ++i) Note("", 1500);
  EXPECT_EQ(store_.writes.size(), 1u);
  Note("ada", 1500);
  EXPECT_THAT(Told(store_.writes.at(1)), ElementsAre(" x50", "ada x1"))
      << "others' take them along";
  store_.Answer(absl::OkStatus());
  Note("", 1600);
  trail_.Tick();
  EXPECT_EQ(store_.writes.size(), 3u);
  store_.Answer(absl::OkStatus());
  Note("", 2700);
  EXPECT_EQ(store_.writes.size(), 4u);
}

TEST_F(AuditTrailTest, AtTheEndWhatWaitsIsWritten) {
  Note("ada");
  Note("bob");
  std::thread finishing([this] { trail_.Finish(); });
  store_.Answer(absl::OkStatus());
  while (!store_.HasWork()) std::this_thread::yield();
  store_.Answer(absl::OkStatus());
  finishing.join();
  EXPECT_EQ(store_.writes.size(), 2u);
}

TEST_F(AuditTrailTest, NothingNotedIsNothingWritten) {
  trail_.Tick();
  EXPECT_THAT(store_.writes, IsEmpty());
}

}  // namespace
}  // namespace grpc_os::core
