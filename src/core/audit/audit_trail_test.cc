#include "core/audit/audit_trail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
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
using ::testing::SizeIs;

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

  // One after the other, each about something else.
  void NoteMany(const std::string& user, const std::string& method, int count,
                const std::string& source = "unix") {
    for (int i = 0; i < count; ++i) {
      AuditRecord record;
      record.user = user;
      record.session_id = "s";
      record.source = source;
      record.method = method;
      record.resource = absl::StrCat("id ", ++made_);
      record.result = "NOT_FOUND";
      record.time_ms = now_ + i / 1000;
      trail_.Note(std::move(record));
      if (store_.HasWork()) store_.Answer(absl::OkStatus());
    }
  }
  // All that was written.
  std::vector<AuditRecord> All() const {
    std::vector<AuditRecord> all;
    for (const auto& write : store_.writes) all.insert(all.end(), write.begin(), write.end());
    return all;
  }
  void Later(int64_t ms) {
    now_ += ms;
    trail_.Tick(now_);
    if (store_.HasWork()) store_.Answer(absl::OkStatus());
  }

  int64_t now_ = 1'000'000;
  int made_ = 0;
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
  trail_.Tick(now_);
  store_.Answer(absl::UnavailableError("disk full"));
  trail_.Tick(now_);
  store_.Answer(absl::OkStatus());
  EXPECT_THAT(Told(store_.writes.back()), ElementsAre("ada x2", "bob x1"));
  EXPECT_EQ(logger_.lines, 1) << "said once, not each second";
}

TEST_F(AuditTrailTest, WhatCannotBeRememberedIsCounted) {
  Note("ada");
  store_.Answer(absl::UnavailableError("disk full"));
  for (int i = 0; i < limits::kAuditNoted + 5; ++i) Note(absl::StrCat("user-", i), 10 + i);
  trail_.Tick(now_);
  store_.Answer(absl::UnavailableError("disk full"));
  trail_.Tick(now_);
  store_.Answer(absl::OkStatus());
  const auto& written = store_.writes.back();
  EXPECT_EQ(written.size(), static_cast<size_t>(limits::kAuditNoted) + 1);
  EXPECT_THAT(Told({written.back()}), ElementsAre("unrecorded x6"));
  EXPECT_EQ(written.back().reason, "STORE_UNAVAILABLE");
}

TEST_F(AuditTrailTest, WhereTheStoreWorksWhatIsTooMuchIsNotItsFault) {
  Note("ada");  // its write is under way
  for (int i = 0; i < limits::kAuditNoted + 5; ++i) Note(absl::StrCat("user-", i), 10 + i);
  store_.Answer(absl::OkStatus());
  EXPECT_THAT(Told({store_.writes.back().back()}), ElementsAre("unrecorded x5"));
  EXPECT_EQ(store_.writes.back().back().reason, "LIMIT_REACHED");
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
  trail_.Tick(now_);
  EXPECT_EQ(store_.writes.size(), 3u);
  store_.Answer(absl::OkStatus());
  Note("", 2700);
  EXPECT_EQ(store_.writes.size(), 4u);
}

TEST_F(AuditTrailTest, RefusalsAboutManyThingsAreSummedUpAfterTheFirst) {
  NoteMany("eva", "EndSession", 10'000);
  EXPECT_THAT(All(), SizeIs(limits::kAuditRefusalsApart));
  Later(limits::kAuditRefusalsMs);
  ASSERT_THAT(All(), SizeIs(limits::kAuditRefusalsApart + 1));
  const AuditRecord sum = All().back();
  EXPECT_EQ(sum.count, 10'000 - limits::kAuditRefusalsApart);
  EXPECT_EQ(sum.user, "eva");
  EXPECT_EQ(sum.method, "EndSession");
  EXPECT_EQ(sum.result, "NOT_FOUND");
  EXPECT_EQ(sum.source, "unix");
  EXPECT_EQ(sum.resource, "");
  EXPECT_EQ(sum.time_ms, 1'000'000) << "of the first";
  Later(limits::kAuditRefusalsMs);
  EXPECT_THAT(All(), SizeIs(limits::kAuditRefusalsApart + 1)) << "it is written once";
  NoteMany("eva", "EndSession", 1);
  EXPECT_EQ(All().back().resource, absl::StrCat("id ", made_)) << "another minute begins anew";
}

// They are noted as they end, and carry the times at which they began.
TEST_F(AuditTrailTest, CallsThatEndInAnotherOrderThanTheyBeganShareTheirMinute) {
  for (int i = 0; i < 100; ++i) {
    --now_;
    NoteMany("eva", "EndSession", 1);
  }
  EXPECT_THAT(All(), SizeIs(limits::kAuditRefusalsApart));
  now_ -= 2 * limits::kAuditRefusalsMs;  // the clock was set back
  NoteMany("eva", "EndSession", 1);
  EXPECT_THAT(All(), SizeIs(limits::kAuditRefusalsApart + 2)) << "the sum, and the next";
}

TEST_F(AuditTrailTest, AUserWhoComesFromManySourcesHasFewSums) {
  constexpr int kSources = 3 * limits::kAuditNoted;
  for (int i = 0; i < kSources; ++i)
    NoteMany("eva", "EndSession", 1, absl::StrCat("10.0.", i / 250, ".", i % 250));
  for (int i = 0; i < 1000; ++i)
    NoteMany("ada", "EndSession", 1, absl::StrCat("127.0.", i / 250, ".", i % 250));
  Later(limits::kAuditRefusalsMs);
  int64_t counted = 0;
  for (const AuditRecord& record : All()) {
    EXPECT_EQ(record.result, "NOT_FOUND") << record.reason;
    counted += record.count;
  }
  EXPECT_EQ(counted, kSources + 1000) << "none is lost";
  EXPECT_LE(All().size(), 4u * limits::kAuditRefusalsApart);
}

TEST_F(AuditTrailTest, StrangersOfTheLoopbackAreOneSource) {
  for (int i = 0; i < 500; ++i)
    NoteMany("", "Login", 1, absl::StrCat("127.0.", i / 250, ".", i % 250));
  Later(limits::kAuditRefusalsMs);
  const std::vector<AuditRecord> all = All();
  EXPECT_LE(all.size(), limits::kAuditRefusalsApart + 1u);
  const auto sum = std::max_element(all.begin(), all.end(), [](const auto& one, const auto& other) {
    return one.count < other.count;
  });
  EXPECT_EQ(sum->source, "127.0.0.1");
  EXPECT_EQ(sum->count, 500 - limits::kAuditRefusalsApart);
}

TEST_F(AuditTrailTest, AFloodSumsUpNobodyElsesRefusals) {
  NoteMany("eva", "EndSession", 1000);
  NoteMany("ada", "EndSession", 1);
  EXPECT_EQ(All().back().user, "ada");
  NoteMany("eva", "StopProcess", 1);
  EXPECT_EQ(All().back().method, "StopProcess");
}

TEST_F(AuditTrailTest, ChangesThatChangedNothingAreNotSummedUp) {
  for (int i = 0; i < 100; ++i) {
    AuditRecord record;
    record.user = "ada";
    record.resource = absl::StrCat("process ", i);
    record.time_ms = now_;
    trail_.Note(std::move(record));
    store_.Answer(absl::OkStatus());
  }
  EXPECT_THAT(All(), SizeIs(100));
}

TEST_F(AuditTrailTest, SourcesOfStrangersAreBoundedToo) {
  for (int i = 0; i < 3 * limits::kAuditNoted; ++i)
    NoteMany("", "Login", 1, absl::StrCat("address ", i));
  Later(1000);
  NoteMany("ada", "Login", 1);
  EXPECT_EQ(All().back().user, "ada");
  Later(limits::kAuditRefusalsMs);
  int64_t counted = 0;
  for (const AuditRecord& record : All()) counted += record.count;
  EXPECT_EQ(counted, 3 * limits::kAuditNoted + 1) << "none is lost";
}

TEST_F(AuditTrailTest, AtTheEndSumsAreWrittenToo) {
  NoteMany("eva", "EndSession", 100);
  std::atomic<bool> finished{false};
  std::thread finishing([&] {
    trail_.Finish();
    finished = true;
  });
  while (!store_.HasWork() && !finished) std::this_thread::yield();
  if (store_.HasWork()) store_.Answer(absl::OkStatus());
  finishing.join();
  EXPECT_EQ(All().back().count, 100 - limits::kAuditRefusalsApart);
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
  trail_.Tick(now_);
  EXPECT_THAT(store_.writes, IsEmpty());
}

}  // namespace
}  // namespace grpc_os::core
