// What every engine behind the store must do: forget what is old, in small steps, without a gap for
// those who read meanwhile. An engine joins by store_contract.h.
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/retention_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/event_table.h"
#include "store/meta_table.h"
#include "store/retention.h"
#include "store/store_contract.h"
#include "store/store_under_test.h"

namespace grpc_os::store {
namespace {

using core::AuditRecord;
using core::Event;
using core::ProcessWrite;
using testing::IsSubsetOf;
using testing::IsSupersetOf;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class StoreRetentionContract : public StoreUnderTest,
                               public testing::TestWithParam<DatabaseFactory> {
 protected:
  StoreRetentionContract() : StoreUnderTest(GetParam()) {
    options_.now_ms = [now = now_] { return now->load(); };
    options_.kept.check_operations = 1;
  }

  // Writes `count` more, each a revision with one event.
  void CommitMany(int count) {
    std::vector<std::future<Revision>> answers;
    answers.reserve(count);
    for (int i = 0; i < count; ++i) {
      ProcessWrite write;
      write.events = {MakeEvent("proc_1", "changed")};
      answers.push_back(Submit(std::move(write)));
    }
    for (auto& answer : answers) ASSERT_TRUE(answer.get().ok());
  }
  // Waits for the step that follows what was answered.
  void Step() { Settle(); }
  // Waits until nothing is left to forget.
  void Sweep() {
    for (int64_t rows = -1; rows != store_->statistics().swept_rows;) {
      rows = store_->statistics().swept_rows;
      Settle();
      Settle();
    }
  }
  int64_t RowsOf(const std::string& table) {
    auto database = Must(data_->Open());
    auto reader = Must(database->OpenReader());
    auto* statement = Must(reader->Prepare(absl::StrCat("SELECT COUNT(*) FROM ", table)));
    EXPECT_TRUE(statement->Step().value());
    const int64_t count = statement->Int(0);
    statement->Reset();
    return count;
  }

  const std::shared_ptr<std::atomic<int64_t>> now_ =
      std::make_shared<std::atomic<int64_t>>(int64_t{1} << 40);
};

TEST_P(StoreRetentionContract, TheLastRevisionsAreKept) {
  options_.kept.revisions = 10;
  Reopen();
  CommitMany(25);
  Sweep();
  EXPECT_EQ(store_->OldestRevision(), 15);
  EXPECT_EQ(RowsOf("events"), 10);
  EXPECT_THAT(Events(15), SizeIs(10));
  const absl::Status told = TryEvents(14).status();
  EXPECT_EQ(told.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(DetailOf(told)->metadata.at("oldest"), "15");
  Reopen();
  EXPECT_EQ(store_->OldestRevision(), 15);
  EXPECT_EQ(NumberOf(Commit(PutOf("proc_1", "one"))), 26);
}

TEST_P(StoreRetentionContract, WhereATimeBeginsIsFound) {
  options_.kept.revisions = 4;
  Reopen();
  const auto commit = [&](int64_t time_ms) {
    ProcessWrite write;
    write.events = {MakeEvent("proc_1", "changed"), MakeEvent("proc_1", "changed")};
    for (Event& event : write.events) event.time_ms = time_ms;
    return NumberOf(Commit(std::move(write)));
  };
  const auto before = [&](int64_t from_ms, int64_t now_ms = 1'000'000) {
    std::promise<absl::StatusOr<int64_t>> found;
    store_->FindBefore(core::Requester(), from_ms, now_ms,
                       [&](auto answer) { found.set_value(answer); });
    return found.get_future().get().value();
  };
  EXPECT_EQ(before(0), 0) << "of no event";
  for (int64_t time_ms : {100, 200, 300, 300, 400}) commit(time_ms);
  EXPECT_EQ(before(300), 2);
  EXPECT_EQ(before(301), 4);
  EXPECT_EQ(before(401), 5) << "nothing yet: after the newest";
  EXPECT_EQ(before(2'000'000), 5) << "in the future";
  Sweep();
  EXPECT_EQ(before(0), store_->OldestRevision());
  EXPECT_GT(store_->OldestRevision(), 0);
}

// Revisions are ordered, what the clock showed is not.
TEST_P(StoreRetentionContract, AClockThatJumpedHidesNothing) {
  const auto commit = [&](int64_t time_ms, int times = 1) {
    for (int i = 0; i < times; ++i) {
      ProcessWrite write;
      write.events = {MakeEvent("proc_1", "changed")};
      write.events[0].time_ms = time_ms;
      ASSERT_TRUE(Commit(std::move(write)).ok());
    }
  };
  const auto before = [&](int64_t from_ms, int64_t now_ms) {
    std::promise<absl::StatusOr<int64_t>> found;
    store_->FindBefore(core::Requester(), from_ms, now_ms,
                       [&](auto answer) { found.set_value(answer); });
    return found.get_future().get().value();
  };
  commit(1000, 10);  // revisions 1 to 10
  commit(2000, 10);  // to 20
  commit(5, 60);     // to 80: a start without a clock
  commit(3000, 10);  // to 90
  EXPECT_EQ(before(1500, 5000), 10) << "not behind what has no time";
  EXPECT_EQ(before(2500, 5000), 80);
  commit(900'000, 60);  // to 150: far ahead, and set back
  commit(4000, 10);     // to 160
  EXPECT_EQ(before(3500, 5000), 150) << "what is ahead of now does not count";
  EXPECT_EQ(before(2500, 5000), 80);
  EXPECT_EQ(before(1500, 5000), 10);
  EXPECT_EQ(before(4500, 5000), 160);
}

TEST_P(StoreRetentionContract, AFewerKeptAreForgottenAtTheNextStart) {
  CommitMany(25);
  options_.kept.revisions = 5;
  Reopen();
  Sweep();
  EXPECT_EQ(store_->OldestRevision(), 20);
}

// One step forgets as many rows as it may, and whole revisions only.
TEST_P(StoreRetentionContract, OneStepIsBounded) {
  for (int i = 0; i < 10; ++i) {
    ProcessWrite write;
    for (int k = 0; k < 3; ++k) write.events.push_back(MakeEvent("proc_1", "changed"));
    ASSERT_TRUE(Commit(std::move(write)).ok());
  }
  options_.kept.revisions = 1;
  options_.kept.step_rows = 7;  // two revisions and a piece of the third
  Reopen();
  Sweep();
  EXPECT_EQ(store_->OldestRevision(), 9);
  EXPECT_EQ(RowsOf("events"), 3);
  EXPECT_EQ(store_->statistics().swept_rows, 27);
  EXPECT_EQ(store_->statistics().sweeps, 5) << "two revisions in each, one in the last";
}

TEST_P(StoreRetentionContract, ARevisionLargerThanAStepGoesAtOnce) {
  ProcessWrite write;
  for (int k = 0; k < 20; ++k) write.events.push_back(MakeEvent("proc_1", "changed"));
  ASSERT_TRUE(Commit(std::move(write)).ok());
  CommitMany(3);
  options_.kept.revisions = 1;
  options_.kept.step_rows = 7;
  Reopen();
  Sweep();
  EXPECT_EQ(store_->OldestRevision(), 3);
  EXPECT_EQ(RowsOf("events"), 1);
}

// The mark and the rows go together: a sweep that fails leaves everything to be read.
TEST_P(StoreRetentionContract, AFailedSweepForgetsNothingAndIsTriedAgain) {
  CommitMany(25);
  options_.kept.revisions = 5;
  Reopen();
  Sweep();
  ASSERT_EQ(store_->OldestRevision(), 20);
  CommitMany(4);
  Sweep();
  ASSERT_EQ(store_->OldestRevision(), 24);
  {
    const Held held(*store_);
    // The sweep after it fails, twice.
    faults_->FailCommits(2, absl::ResourceExhaustedError("the disk is full"));
  }
  Settle();
  EXPECT_EQ(store_->OldestRevision(), 24);
  EXPECT_THAT(Events(24), SizeIs(5));
  faults_->FailCommits(0, absl::OkStatus());
  CommitMany(2);
  Sweep();
  EXPECT_EQ(store_->OldestRevision(), 26);
}

TEST_P(StoreRetentionContract, TheAuditKeepsItsLastRecords) {
  options_.kept.audit_records = 5;
  options_.kept.step_rows = 4;
  Reopen();
  std::vector<AuditRecord> records;
  for (int i = 1; i <= 20; ++i) records.push_back(MakeRecord(absl::StrCat("r", i), *now_));
  ASSERT_TRUE(PutAudit(records).ok());
  Sweep();
  const auto kept = Audit();
  ASSERT_THAT(kept, SizeIs(5));
  EXPECT_EQ(kept.back().id, 16);
}

TEST_P(StoreRetentionContract, RefusalsPushNoChangeOutOfTheAudit) {
  options_.kept.audit_records = 5;
  options_.kept.audit_refusals = 3;
  options_.kept.step_rows = 4;
  Reopen();
  std::vector<AuditRecord> records = {MakeRecord("change 1", *now_), MakeRecord("change 2", *now_)};
  for (int i = 1; i <= 40; ++i) {
    records.push_back(MakeRecord(absl::StrCat("refusal ", i), *now_));
    records.back().result = "NOT_FOUND";
  }
  ASSERT_TRUE(PutAudit(records).ok());
  Sweep();
  std::vector<std::string> kept;
  for (const AuditRecord& record : Audit()) kept.push_back(record.resource);
  EXPECT_THAT(
      kept, UnorderedElementsAre("change 1", "change 2", "refusal 38", "refusal 39", "refusal 40"));
  AuditRecord next = MakeRecord("refusal 41", *now_);
  next.result = "NOT_FOUND";
  ASSERT_TRUE(PutAudit({next, MakeRecord("change 3", *now_)}).ok());
  std::vector<int64_t> ids;
  for (const AuditRecord& record : Audit()) ids.push_back(record.id);
  // A sweep may have come meanwhile, and then the oldest refusal is gone.
  EXPECT_THAT(ids, IsSupersetOf({3, 2, 1, -39, -40, -41})) << "ids go on";
  EXPECT_THAT(ids, IsSubsetOf({3, 2, 1, -38, -39, -40, -41}));
}

TEST_P(StoreRetentionContract, TheAuditForgetsByTimeAndItsIdsGoOn) {
  Reopen();
  ASSERT_TRUE(PutAudit({MakeRecord("a", *now_), MakeRecord("b", *now_)}).ok());
  *now_ += limits::kAuditKeptMs + 1;
  ASSERT_TRUE(PutAudit({MakeRecord("c", *now_ - limits::kAuditKeptMs - 1)}).ok());
  Sweep();
  ASSERT_THAT(Audit(), SizeIs(1)) << "the newest stays, however old";
  ASSERT_TRUE(PutAudit({MakeRecord("d", *now_)}).ok());
  Sweep();
  const auto kept = Audit();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].id, 4);
  EXPECT_EQ(kept[0].resource, "d");
}

TEST_P(StoreRetentionContract, RequestsAndSessionsAreForgottenByTime) {
  options_.kept.step_rows = 3;
  Reopen();
  std::vector<core::CommittedRequest> requests;
  for (int i = 0; i < 10; ++i) {
    requests.push_back(MakeRequest(absl::StrCat("r", i), *now_ + i / 2));
  }
  const std::vector<core::AuditRecord> records(requests.size(), MakeRecord("r", *now_));
  ASSERT_TRUE(Commit({}, AskedBy(records, requests)).ok());
  ASSERT_TRUE(PutSession(MakeSession("s1", *now_, *now_ + 100)).ok());
  ASSERT_TRUE(PutSession(MakeSession("s2", *now_, *now_ + limits::kRequestKeptMs + 100)).ok());
  *now_ += limits::kRequestKeptMs + 3;
  Settle();
  Sweep();
  EXPECT_EQ(RowsOf("requests"), 2) << "those of the last millisecond";
  EXPECT_EQ(RowsOf("sessions"), 1);
}

// 8 days ahead for a moment, and for good.
TEST_P(StoreRetentionContract, AJumpOfTheClockForgetsNothingBeforeItHasLasted) {
  constexpr int64_t kLastsMs = 1000;
  constexpr int64_t kJumpMs = int64_t{100} * 86'400'000;
  const auto up = std::make_shared<std::atomic<int64_t>>(0);
  const auto clock = std::make_shared<core::RetentionClock>(
      core::RetentionClock::Sources{.wall_ms = [now = now_] { return now->load(); },
                                    .uptime_ms = [up] { return up->load(); },
                                    .boot_id = "boot"},
      kLastsMs, std::nullopt);
  options_.now_ms = [clock] { return clock->NowMs(); };
  Reopen();
  ASSERT_TRUE(PutAudit({MakeRecord("a", *now_)}).ok());
  ASSERT_TRUE(Commit({}, AskedBy({MakeRecord("b", *now_)}, {MakeRequest("old", *now_)})).ok());
  ASSERT_TRUE(PutSession(MakeSession("s1", *now_, *now_ + 100'000)).ok());
  const auto pass = [&] {
    *now_ += kLastsMs / 2;
    *up += kLastsMs / 2;
    Settle();
    Sweep();
  };
  pass();
  *now_ += kJumpMs;
  pass();
  *now_ -= kJumpMs;
  for (int i = 0; i < 6; ++i) pass();
  EXPECT_THAT(Audit(), SizeIs(2));
  EXPECT_EQ(RowsOf("requests"), 1);
  EXPECT_EQ(RowsOf("sessions"), 1);
  *now_ += kJumpMs;
  for (int i = 0; i < 5; ++i) pass();
  EXPECT_THAT(Audit(), SizeIs(1)) << "the newest stays";
  EXPECT_EQ(RowsOf("requests"), 0);
  EXPECT_EQ(RowsOf("sessions"), 0);
}

// Set back for a while, and right again.
TEST_P(StoreRetentionContract, ARequestUnderAClockThatIsBehindIsKnownForAsLong) {
  constexpr int64_t kLastsMs = 1000;
  constexpr int64_t kBackMs = 2 * limits::kRequestKeptMs;
  const auto up = std::make_shared<std::atomic<int64_t>>(0);
  const auto clock = std::make_shared<core::RetentionClock>(
      core::RetentionClock::Sources{.wall_ms = [now = now_] { return now->load(); },
                                    .uptime_ms = [up] { return up->load(); },
                                    .boot_id = "boot"},
      kLastsMs, std::nullopt);
  options_.now_ms = [clock] { return clock->NowMs(); };
  options_.retired_from_ms = [clock] { return clock->LatestMs(); };
  Reopen();
  const auto pass = [&](int64_t ms) {
    *now_ += ms;
    *up += ms;
    Settle();
    Sweep();
  };
  pass(kLastsMs / 2);
  *now_ -= kBackMs;
  pass(kLastsMs / 2);
  ASSERT_TRUE(Commit({}, AskedBy({MakeRecord("b", *now_)}, {MakeRequest("mine", *now_)})).ok());
  *now_ += kBackMs;
  for (int i = 0; i < 6; ++i) pass(kLastsMs / 2);
  EXPECT_EQ(clock->NowMs(), *now_) << "it has caught up";
  EXPECT_EQ(RowsOf("requests"), 1);
  pass(limits::kRequestKeptMs);
  EXPECT_EQ(RowsOf("requests"), 0);
}

int64_t Count(Connection& connection, const std::string& table) {
  auto* statement = Must(connection.Prepare(absl::StrCat("SELECT COUNT(*) FROM ", table)));
  EXPECT_TRUE(statement->Step().value());
  const int64_t count = statement->Int(0);
  statement->Reset();
  return count;
}

TEST_P(StoreRetentionContract, WhileManyEventsGoTheRestGoesToo) {
  ASSERT_TRUE(Commit({}, AskedBy({MakeRecord("b", *now_)}, {MakeRequest("old", *now_)})).ok());
  ASSERT_TRUE(PutSession(MakeSession("s1", *now_, *now_ + 100)).ok());
  CommitMany(100);
  store_.reset();
  const auto database = Must(data_->Open());
  const auto connection = Must(database->OpenWriter());
  options_.kept.revisions = 1;
  options_.kept.step_rows = 5;
  *now_ += limits::kRequestKeptMs + 1;
  QuotaBook quotas;
  Retention retention(options_.kept, options_.now_ms, quotas, 0);
  EXPECT_TRUE(retention.Step(*connection, database->dialect(), 1));
  EXPECT_TRUE(retention.Step(*connection, database->dialect(), 2));
  EXPECT_EQ(Count(*connection, "requests"), 0);
  EXPECT_EQ(Count(*connection, "sessions"), 0);
  const int64_t events = Count(*connection, "events");
  EXPECT_GT(events, 50);
  EXPECT_TRUE(retention.Step(*connection, database->dialect(), 3));
  EXPECT_LT(Count(*connection, "events"), events) << "they go on";
}

TEST_P(StoreRetentionContract, ItKeepsUpWithTransactionsOfManyEvents) {
  options_.kept.revisions = 10;
  options_.kept.step_rows = 5;
  store_.reset();
  const auto database = Must(data_->Open());
  const auto connection = Must(database->OpenWriter());
  QuotaBook quotas;
  Retention retention(options_.kept, options_.now_ms, quotas, 0);
  int64_t revision = 0;
  for (int group = 1; group <= 50; ++group) {
    ASSERT_TRUE(connection->Execute("BEGIN").ok());
    for (int k = 0; k < 4; ++k) {
      ++revision;
      for (int i = 0; i < 20; ++i)
        ASSERT_TRUE(InsertEvent(*connection, MakeEvent("proc_1", "changed"), revision, i).ok());
    }
    ASSERT_TRUE(WriteRevision(*connection, revision).ok());
    ASSERT_TRUE(connection->Execute("COMMIT").ok());
    retention.Step(*connection, database->dialect(), group);
  }
  EXPECT_GE(retention.OldestRevision(), revision - 10 - 8) << "the last groups";
}

// Followers that read in small pieces while the log behind them is compacted: each gets every
// revision in its order, or is told that it cannot.
TEST_P(StoreRetentionContract, AFollowerGetsEverythingOrIsTold) {
  options_.kept.revisions = 40;
  options_.kept.step_rows = 10;
  Reopen();
  std::atomic<bool> stop{false};
  std::atomic<int> told{0};
  std::atomic<int64_t> followed{0};
  std::vector<std::thread> followers;
  for (const int limit : {1, 7, 100}) {
    followers.emplace_back([&, limit] {
      for (int64_t after = 0; !stop || after < store_->NewestRevision();) {
        const auto events = TryEvents(after, limit);
        if (!events.ok()) {
          ASSERT_EQ(events.status().code(), absl::StatusCode::kOutOfRange) << events.status();
          const std::string oldest = DetailOf(events.status())->metadata.at("oldest");
          ASSERT_GT(std::stoll(oldest), after) << "it was there";
          after = std::stoll(oldest);
          ++told;
          continue;
        }
        for (const Event& event : *events) {
          ASSERT_EQ(event.revision, after + 1) << "a gap";
          after = event.revision;
          ++followed;
        }
      }
    });
  }
  // One that is always too late.
  followers.emplace_back([&] {
    for (int64_t after = 0; !stop || after < store_->NewestRevision();) {
      while (!stop && store_->OldestRevision() <= after) std::this_thread::yield();
      const auto events = TryEvents(after, 7);
      if (!events.ok()) {
        ASSERT_EQ(events.status().code(), absl::StatusCode::kOutOfRange) << events.status();
        after = std::stoll(DetailOf(events.status())->metadata.at("oldest"));
        ++told;
      } else if (!events->empty()) {
        ASSERT_EQ(events->front().revision, after + 1) << "a gap";
        after = events->back().revision;
      }
    }
  });
  for (int i = 0; i < 30; ++i) CommitMany(50);
  stop = true;
  for (std::thread& follower : followers) follower.join();
  Sweep();
  EXPECT_EQ(store_->OldestRevision(), 1500 - 40);
  EXPECT_GT(followed, 0);
  EXPECT_GT(told, 0) << "no follower met the compaction";
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreRetentionContract, testing::ValuesIn(DatabaseFactories()),
                         [](const auto& suite) { return suite.param.engine; });

}  // namespace
}  // namespace grpc_os::store
