// What every engine behind the store must do with objects beyond core::ObjectStore's contract
// (object_store_contract_test.cc): groups, files of contents, what is forgotten, storage that
// fails. An engine joins by store_contract.h.
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/retention_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/objects_under_test.h"
#include "store/store_contract.h"

namespace grpc_os::store {
namespace {

using core::BlobEntry;
using core::Object;
using core::ObjectRows;
using core::Quota;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class StoreObjectsContract : public ObjectsUnderTest,
                             public testing::TestWithParam<DatabaseFactory> {
 protected:
  StoreObjectsContract() : ObjectsUnderTest(GetParam()) {
    options_.now_ms = [now = now_] { return now->load(); };
    Reopen();
  }

  std::vector<Quota> Quotas() {
    auto promise = std::make_shared<std::promise<absl::StatusOr<std::vector<Quota>>>>();
    store_->ListQuotas({}, [promise](absl::StatusOr<std::vector<Quota>> quotas) {
      promise->set_value(std::move(quotas));
    });
    return Must(promise->get_future().get());
  }
  Revision SetQuota(const std::string& prefix, int64_t max_objects, int64_t max_bytes = 0) {
    return Change([=](ObjectRows& rows, int64_t) {
      return rows.PutQuota({.prefix = prefix, .max_objects = max_objects, .max_bytes = max_bytes})
          .status();
    });
  }
  // As core::Objects makes one: charged, then written.
  static ObjectWords::Apply Charged(const Object& object) {
    return [object](ObjectRows& rows, int64_t) {
      const core::QuotaDelta delta{.name = object.name, .objects = 1, .bytes = object.size_bytes};
      if (auto status = rows.Charge({delta}); !status.ok()) return status;
      return rows.Insert(object);
    };
  }

  const std::shared_ptr<std::atomic<int64_t>> now_ =
      std::make_shared<std::atomic<int64_t>>(int64_t{1} << 40);
};

// ---- Groups -------------------------------------------------------------------------------------

TEST_P(StoreObjectsContract, ACleanRefusalCostsItsNeighboursNothing) {
  ASSERT_TRUE(InsertNamed({"/taken"}).ok());
  std::atomic<int> runs{0};
  std::vector<std::future<Revision>> answers;
  const int commits = faults_->commits();
  const int begins = faults_->begins();
  {
    const Held held(*store_);
    for (int i = 0; i < 5; ++i) {
      answers.push_back(SubmitChange(
          [&runs, i](ObjectRows& rows, int64_t) -> absl::Status {
            ++runs;
            if (i == 2) return absl::AlreadyExistsError("/taken");
            return rows.Insert(MakeObject(10 + i, absl::StrCat("/", i)));
          },
          Refuses::kClean));
    }
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answers[i].get().ok(), i != 2);
  EXPECT_EQ(runs, 5) << "none was run again";
  EXPECT_EQ(faults_->commits() - commits, 2) << "one for the group, one for what held it";
  EXPECT_EQ(faults_->begins() - begins, 2);
  EXPECT_THAT(NamesBelow("/"), ElementsAre("/0", "/1", "/3", "/4", "/taken"));
}

// It promised to refuse clean, and had changed something: that must not be stored.
TEST_P(StoreObjectsContract, AnUncleanRefusalTakesNothingWithItWhateverItPromised) {
  for (const auto refuses : {Refuses::kAnyhow, Refuses::kClean}) {
    const std::string suffix = refuses == Refuses::kClean ? "c" : "a";
    const int64_t number = refuses == Refuses::kClean ? 10 : 20;
    std::vector<std::future<Revision>> answers;
    {
      const Held held(*store_);
      for (int i = 0; i < 3; ++i) {
        answers.push_back(SubmitChange(
            [=](ObjectRows& rows, int64_t) -> absl::Status {
              const auto status = rows.Insert(MakeObject(number + i, absl::StrCat("/", i, suffix)));
              return i == 1 ? absl::NotFoundError("after all") : status;
            },
            refuses));
      }
    }
    EXPECT_TRUE(answers[0].get().ok());
    EXPECT_FALSE(answers[1].get().ok());
    EXPECT_TRUE(answers[2].get().ok());
  }
  EXPECT_THAT(NamesBelow("/"), ElementsAre("/0a", "/0c", "/2a", "/2c"));
  EXPECT_EQ(store_->NewestRevision(), 4);
}

TEST_P(StoreObjectsContract, AChangeTellsAndIsRecordedWithItsRevision) {
  auto promise = std::make_shared<std::promise<Revision>>();
  store_->CommitObjects(
      {.apply =
           [](ObjectRows& rows, int64_t, core::ObjectWrite::Outcome& outcome) {
             outcome.events = {MakeEvent("obj_1", "created"), MakeEvent("obj_2", "created")};
             outcome.subject = "obj_1";
             return rows.Insert(MakeObject(1, "/a"));
           }},
      AskedBy({MakeRecord("/a")}, {MakeRequest("r1", now_->load())}),
      [promise](Revision revision) { promise->set_value(std::move(revision)); });
  ASSERT_EQ(NumberOf(promise->get_future().get()), 1);
  EXPECT_THAT(ActionsOf(Events(0)), ElementsAre("1.0 obj_1 created", "1.1 obj_2 created"));
  EXPECT_THAT(Audit(), SizeIs(1));
  EXPECT_EQ(FindRequest(MakeRequest("r1").key).value().subject, "obj_1");
}

TEST_P(StoreObjectsContract, ReopenedFindsEveryObject) {
  ASSERT_TRUE(InsertNamed({"/a", "/b/", "/b/c"}).ok());
  Object next = MakeBlob(1, "/a", 'x');
  next.generation = 2;
  ASSERT_TRUE(Replace(next, 5).ok());
  ASSERT_TRUE(SetQuota("/", 5).ok());
  const auto objects = List({.prefix = "/"}).objects;
  const auto blobs = Blobs();
  const auto quotas = Quotas();
  Reopen();
  EXPECT_EQ(List({.prefix = "/"}).objects, objects);
  EXPECT_EQ(Find("/a", 1)->data, "/a");
  EXPECT_EQ(Blobs(), blobs);
  EXPECT_EQ(Quotas(), quotas);
  EXPECT_EQ(NumberOf(Delete("/a")), 4);
}

TEST_P(StoreObjectsContract, AFolderOfTenThousandIsRenamedInOneRevision) {
  std::vector<Object> objects;
  for (int i = 1; i <= limits::kObjectsPerCall; ++i)
    objects.push_back(MakeObject(i, absl::StrCat("/folder/", i % 100, "/", i)));
  ASSERT_EQ(NumberOf(Insert(std::move(objects))), 1);
  const int before = faults_->statements();
  const Revision revision = Change([](ObjectRows& rows, int64_t number) {
    const auto renamed = rows.Rename("/folder/", "/other/place/", number, 9);
    EXPECT_EQ(renamed.value(), limits::kObjectsPerCall);
    return renamed.status();
  });
  EXPECT_EQ(NumberOf(revision), 2);
  EXPECT_LT(faults_->statements() - before, 10) << "not one for each";
  EXPECT_THAT(NamesBelow("/folder/"), IsEmpty());
  EXPECT_THAT(NamesBelow("/other/place/", 1000), SizeIs(limits::kObjectsPerCall));
  EXPECT_THAT(NamesIn("/other/place/"), SizeIs(100));
}

// ---- Files of contents --------------------------------------------------------------------------

TEST_P(StoreObjectsContract, AFileIsCountedForEachThatHasIt) {
  ASSERT_TRUE(
      Insert({MakeBlob(1, "/a", 'x'), MakeBlob(2, "/b", 'x'), MakeBlob(3, "/c", 'y')}).ok());
  const auto entry = [](char letter, int64_t refs, int64_t unused_since_ms = 0) {
    return BlobEntry{ShaOf(letter), 1'000'000 + letter, refs, unused_since_ms};
  };
  EXPECT_THAT(Blobs(), ElementsAre(entry('x', 2), entry('y', 1)));
  *now_ = 50;
  ASSERT_TRUE(Replace(MakeObject(1, "/a"), 50).ok());  // it stays as a version
  EXPECT_THAT(Blobs(), ElementsAre(entry('x', 2), entry('y', 1)));
  ASSERT_TRUE(Change([](ObjectRows& rows, int64_t) { return rows.RemoveVersions(1); }).ok());
  EXPECT_THAT(Blobs(), ElementsAre(entry('x', 1), entry('y', 1)));
  ASSERT_TRUE(Delete("/c", 50).ok());
  EXPECT_THAT(UnusedBlobs(INT64_MAX), IsEmpty());
  ASSERT_TRUE(Change([](ObjectRows& rows, int64_t) { return rows.RemoveVersion(3, 1); }).ok());
  EXPECT_THAT(UnusedBlobs(49), IsEmpty());
  EXPECT_THAT(UnusedBlobs(50), ElementsAre(entry('y', 0, 50)));
  EXPECT_FALSE(Must(Forget('y', 49)));
  EXPECT_FALSE(Must(Forget('x', 50))) << "something has it";
  EXPECT_FALSE(Must(Forget('z', 50))) << "nobody knows it";
  // In use again, and given up later.
  ASSERT_TRUE(Insert({MakeBlob(4, "/d", 'y')}).ok());
  EXPECT_FALSE(Must(Forget('y', 50)));
  *now_ = 70;
  ASSERT_TRUE(
      Change([](ObjectRows& rows, int64_t) { return rows.Remove(MakeObject(4, "")); }).ok());
  EXPECT_FALSE(Must(Forget('y', 69)));
  EXPECT_TRUE(Must(Forget('y', 70)));
  EXPECT_FALSE(Must(Forget('y', 70)));
  EXPECT_THAT(Blobs(), ElementsAre(entry('x', 1)));
  EXPECT_EQ(store_->NewestRevision(), 7) << "forgetting takes no revision";
}

TEST_P(StoreObjectsContract, FilesAreListedByPages) {
  std::vector<Object> objects;
  for (char letter = 'a'; letter <= 'g'; ++letter)
    objects.push_back(MakeBlob(letter, absl::StrCat("/", std::string(1, letter)), letter));
  ASSERT_TRUE(Insert(objects).ok());
  std::string seen;
  for (std::string after;;) {
    const auto page = Blobs(after, 2);
    for (const BlobEntry& one : page) seen += one.sha256[0];
    if (page.size() < 2) break;
    after = page.back().sha256;
  }
  EXPECT_EQ(seen, "abcdefg");
}

// A content that is replaced by itself is never without anybody who has it.
TEST_P(StoreObjectsContract, AFileThatStaysStays) {
  ASSERT_TRUE(Insert({MakeBlob(1, "/a", 'x')}).ok());
  ASSERT_TRUE(Change([](ObjectRows& rows, int64_t) {
                return rows.Update(MakeBlob(1, "/a", 'x'), ObjectRows::Content::kReplaced);
              }).ok());
  EXPECT_EQ(Blobs().at(0).refs, 1);
  EXPECT_EQ(Blobs().at(0).unused_since_ms, 0);
}

// ---- What is forgotten --------------------------------------------------------------------------

TEST_P(StoreObjectsContract, VersionsAreForgottenAfterTheirTimeInSmallSteps) {
  options_.kept.check_operations = 1;
  options_.kept.step_rows = 4;
  Reopen();
  const int64_t start = *now_;
  std::vector<Object> objects;
  for (int i = 1; i <= 10; ++i) {
    objects.push_back(i % 2 == 0 ? MakeBlob(i, absl::StrCat("/", i), 'x')
                                 : MakeObject(i, absl::StrCat("/", i)));
    objects.back().id = absl::StrCat("obj_w", i);
  }
  ASSERT_TRUE(Insert(objects).ok());
  for (int i = 1; i <= 9; ++i) ASSERT_TRUE(Delete(absl::StrCat("/", i), start).ok());
  ASSERT_TRUE(Delete("/10", start + 1).ok());
  EXPECT_EQ(RowsOf("object_versions"), 10);
  EXPECT_EQ(Blobs().at(0).refs, 5);
  *now_ = start + limits::kVersionKeptMs - 1;
  Settle();
  Settle();
  EXPECT_EQ(RowsOf("object_versions"), 10) << "not yet";
  EXPECT_THAT(List({.prefix = "/", .deleted = true}).objects, SizeIs(10));
  *now_ = start + limits::kVersionKeptMs;
  const int64_t sweeps = store_->statistics().sweeps;
  for (int i = 0; i < 10; ++i) Settle();
  EXPECT_EQ(RowsOf("object_versions"), 1);
  EXPECT_THAT(NamesOf(List({.prefix = "/", .deleted = true}).objects), ElementsAre("/10"));
  EXPECT_EQ(store_->statistics().sweeps - sweeps, 3) << "four, four and one";
  EXPECT_EQ(RowsOf("object_ids"), 1) << "of the one that is left";
  EXPECT_EQ(Blobs().at(0).refs, 1);
  *now_ = start + limits::kVersionKeptMs + 1;
  for (int i = 0; i < 4; ++i) Settle();
  EXPECT_EQ(RowsOf("object_versions"), 0);
  EXPECT_EQ(RowsOf("object_ids"), 0);
  EXPECT_THAT(UnusedBlobs(*now_), SizeIs(1));
}

// 8 days behind for a moment: what is deleted then is no older than it is.
TEST_P(StoreObjectsContract, WhatIsDeletedWhileTheClockIsBehindIsKeptForItsWholeTime) {
  constexpr int64_t kLastsMs = 1000;
  constexpr int64_t kDayMs = 86'400'000;
  const auto up = std::make_shared<std::atomic<int64_t>>(0);
  const auto clock = std::make_shared<core::RetentionClock>(
      core::RetentionClock::Sources{.wall_ms = [now = now_] { return now->load(); },
                                    .uptime_ms = [up] { return up->load(); },
                                    .boot_id = "boot"},
      kLastsMs, std::nullopt);
  options_.now_ms = [clock] { return clock->NowMs(); };
  options_.retired_from_ms = [clock] { return clock->LatestMs(); };
  options_.kept.check_operations = 1;
  Reopen();
  ASSERT_TRUE(InsertNamed({"/a", "/b"}).ok());
  const auto pass = [&](int64_t ms) {
    *now_ += ms;
    *up += ms;
    Settle();
    Settle();
  };
  pass(kLastsMs);
  *now_ -= 8 * kDayMs;
  pass(kLastsMs);
  ASSERT_TRUE(Delete("/a", *now_).ok());
  ASSERT_TRUE(Replace(MakeObject(2, "/b"), *now_).ok());
  *now_ += 8 * kDayMs;
  for (int i = 0; i < 6; ++i) pass(kLastsMs);
  ASSERT_EQ(clock->NowMs(), *now_);
  EXPECT_EQ(RowsOf("object_versions"), 2);
  pass(limits::kVersionKeptMs);
  EXPECT_EQ(RowsOf("object_versions"), 0);
}

// ---- Quotas -------------------------------------------------------------------------------------

TEST_P(StoreObjectsContract, WithoutQuotasAChargeTakesNoStatement) {
  const auto statements = [&](const ObjectWords::Apply& apply) {
    const int before = faults_->statements();
    Must(Change(apply));
    return faults_->statements() - before;
  };
  Must(Change(Charged(MakeObject(1, "/first"))));  // it looks whether there are any
  const int charged = statements(Charged(MakeObject(2, "/a")));
  const int not_charged =
      statements([](ObjectRows& rows, int64_t) { return rows.Insert(MakeObject(3, "/b")); });
  EXPECT_EQ(charged, not_charged);
  ASSERT_TRUE(SetQuota("/q/", 5).ok());
  Must(Change(Charged(MakeObject(4, "/c"))));
  EXPECT_EQ(statements(Charged(MakeObject(5, "/d"))), not_charged) << "beside the quota";
  EXPECT_EQ(statements(Charged(MakeObject(6, "/q/a"))), not_charged + 2);
}

TEST_P(StoreObjectsContract, AQuotaCountsWhatIsThereOnceAndThenWhatComes) {
  ASSERT_TRUE(InsertNamed({"/q/1", "/q/f/", "/q/f/2", "/q-", "/q0"}).ok());
  ASSERT_TRUE(SetQuota("/q/", 3, 100).ok());
  EXPECT_THAT(Quotas(), ElementsAre(Quota{"/q/", 3, 100, 2, 10}));
  ASSERT_TRUE(Change(Charged(MakeObject(7, "/q/3"))).ok());
  EXPECT_THAT(Quotas(), ElementsAre(Quota{"/q/", 3, 100, 3, 14}));
  const Revision refused = Change(Charged(MakeObject(8, "/q/4")));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused.status()), core::reason::kQuotaExceeded);
  ASSERT_TRUE(SetQuota("/q/", 1).ok());
  EXPECT_THAT(Quotas(), ElementsAre(Quota{"/q/", 1, 0, 3, 14})) << "what is used stays";
}

// The quotas are remembered between transactions; what a lost one did to them is not.
TEST_P(StoreObjectsContract, QuotasOfALostTransactionAreNotRemembered) {
  faults_->FailCommits(1, absl::UnavailableError("the disk went away"));
  ASSERT_FALSE(SetQuota("/q/", 1).ok());
  ASSERT_TRUE(Change(Charged(MakeObject(1, "/q/1"))).ok());
  ASSERT_TRUE(Change(Charged(MakeObject(2, "/q/2"))).ok()) << "there is no quota";
  ASSERT_TRUE(SetQuota("/q/", 2).ok());
  const auto remove = [](ObjectRows& rows, int64_t) -> absl::Status {
    const auto removed = rows.RemoveQuota("/q/");
    EXPECT_TRUE(removed.value());
    // It sees that there is none, which is not so if this is lost.
    const core::QuotaDelta delta{.name = "/q/3", .objects = 1, .bytes = 1};
    return rows.Charge({delta});
  };
  faults_->FailCommits(1, absl::UnavailableError("the disk went away"));
  ASSERT_FALSE(Change(remove).ok());
  EXPECT_EQ(ReasonOf(Change(Charged(MakeObject(3, "/q/3"))).status()),
            core::reason::kQuotaExceeded);
  ASSERT_TRUE(Change(remove).ok());
  ASSERT_TRUE(Change(Charged(MakeObject(3, "/q/3"))).ok());
  EXPECT_THAT(Quotas(), IsEmpty());
}

TEST_P(StoreObjectsContract, InOneGroupAQuotaHoldsFromWhereItIsSet) {
  std::vector<std::future<Revision>> answers;
  {
    const Held held(*store_);
    answers.push_back(SubmitChange(Charged(MakeObject(1, "/1")), Refuses::kClean));
    answers.push_back(SubmitChange(
        [](ObjectRows& rows, int64_t) {
          return rows.PutQuota({.prefix = "/", .max_objects = 2}).status();
        },
        Refuses::kClean));
    for (int i = 2; i <= 4; ++i) {
      answers.push_back(
          SubmitChange(Charged(MakeObject(i, absl::StrCat("/", i))), Refuses::kClean));
    }
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answers[i].get().ok(), i < 3) << i;
  EXPECT_EQ(Quotas().at(0).objects, 2);
}

// ---- Storage that fails -------------------------------------------------------------------------

// All that is stored.
class Everything {
 public:
  std::vector<Object> objects;
  std::vector<std::optional<Object>> contents;
  std::vector<Object> versions;
  std::vector<BlobEntry> blobs;
  std::vector<Quota> quotas;
  std::vector<core::Event> events;
  std::vector<core::AuditRecord> audit;
  std::vector<int64_t> rows;
  bool operator==(const Everything&) const = default;
};

TEST_P(StoreObjectsContract, WhereverTheStorageFailsNothingIsHalfThere) {
  const auto look = [&] {
    Everything all;
    all.objects = List({.prefix = "/", .limit = 1000}).objects;
    for (const Object& object : all.objects) all.contents.push_back(Find(object.name));
    for (const char* name : {"/gone", "/f/old", "/f/wished", "/g/old"}) {
      for (Object& version : VersionPage(name, {}, 100).objects) all.versions.push_back(version);
    }
    all.blobs = Blobs();
    all.quotas = Quotas();
    all.events = Events(0);
    all.audit = Audit();
    for (const char* table : {"objects", "object_versions", "object_ids", "object_expiries",
                              "blobs", "object_quotas", "events", "requests"})
      all.rows.push_back(RowsOf(table));
    return all;
  };
  Object wished = MakeBlob(1, "/f/wished", 'x');
  wished.id = "obj_wished";
  wished.expire_time_ms = 1 << 20;
  ASSERT_TRUE(Insert({wished, MakeBlob(2, "/f/old", 'x'), MakeObject(3, "/gone")}).ok());
  ASSERT_TRUE(SetQuota("/", 10).ok());
  ASSERT_TRUE(SetQuota("/f/", 10).ok());
  const auto change = [&](ObjectRows& rows, int64_t revision,
                          core::ObjectWrite::Outcome& outcome) -> absl::Status {
    absl::Status status = rows.Charge({{"/f/made", 1, 5}, {"/gone", -1, -5}});
    Object made = MakeBlob(9, "/f/made", 'y');
    made.id = "obj_made";
    made.expire_time_ms = 1 << 21;
    if (status.ok()) status.Update(rows.Insert(made));
    const Object old = WithoutData(MakeBlob(2, "/f/old", 'x'));
    if (status.ok()) status.Update(rows.Retire(old, 7, false));
    if (status.ok())
      status.Update(rows.Update(MakeBlob(2, "/f/old", 'z'), ObjectRows::Content::kReplaced));
    if (status.ok()) status.Update(rows.Retire(MakeObject(3, "/gone"), 7, true));
    if (status.ok()) status.Update(rows.Remove(MakeObject(3, "/gone")));
    if (status.ok()) status.Update(rows.Rename("/f/", "/g/", revision, 7).status());
    if (status.ok()) status.Update(rows.Retire(wished, 7, true));
    if (status.ok()) status.Update(rows.Remove(wished));
    if (status.ok()) status.Update(rows.RemoveVersions(1));
    outcome.events = {MakeEvent("obj_made", "created")};
    return status;
  };
  const auto run = [&] {
    auto promise = std::make_shared<std::promise<Revision>>();
    store_->CommitObjects(
        {.apply = change, .refuses_clean = true},
        AskedBy({MakeRecord("/f/made")}, {MakeRequest("r1")}),
        [promise](Revision revision) { promise->set_value(std::move(revision)); });
    return promise->get_future().get();
  };
  const Everything before = look();
  int failing = 1;
  for (;; ++failing) {
    SCOPED_TRACE(failing);
    const int statements = faults_->statements();
    faults_->FailStatement(failing, absl::ResourceExhaustedError("the disk is full"));
    const Revision revision = run();
    if (faults_->statements() - statements < failing) {
      ASSERT_TRUE(revision.ok()) << revision.status();
      faults_->FailStatement(0, absl::OkStatus());  // none
      break;
    }
    EXPECT_EQ(revision.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(ReasonOf(revision.status()), core::reason::kDiskFull);
    ASSERT_TRUE(look() == before);
  }
  EXPECT_GT(failing, 35) << "statements of the change";
  const Everything after = look();
  EXPECT_THAT(NamesOf(after.objects), ElementsAre("/g/made", "/g/old"));
  EXPECT_EQ(after.events.size(), before.events.size() + 1);
  Reopen();
  EXPECT_TRUE(look() == after);
}

// Two objects that one transaction made may have had the same name one after the other.
TEST_P(StoreObjectsContract, EachContentIsListedOnceByPagesOfAnySize) {
  ASSERT_TRUE(InsertNamed({"/a", "/b", "/c", "/d e"}).ok());
  for (const char* name : {"/b", "/c"}) {
    ASSERT_TRUE(Delete("/a").ok());
    ASSERT_TRUE(Change([name](ObjectRows& rows, int64_t) {
                  Object moved = **rows.FindByName(name);
                  moved.name = "/a";
                  return rows.Update(moved, ObjectRows::Content::kStays);
                }).ok());
  }
  ASSERT_TRUE(Delete("/d e").ok());
  for (int limit = 1; limit <= 5; ++limit) {
    std::vector<int64_t> numbers;
    std::string from;
    do {
      auto promise = std::make_shared<std::promise<absl::StatusOr<core::ContentPage>>>();
      store_->ListContents({}, "/", from, limit, [promise](absl::StatusOr<core::ContentPage> page) {
        promise->set_value(std::move(page));
      });
      const core::ContentPage page = Must(promise->get_future().get());
      for (const Object& one : page.objects) numbers.push_back(one.number);
      from = page.next;
    } while (!from.empty());
    EXPECT_THAT(numbers, ElementsAre(3, 1, 2, 4)) << "by " << limit;
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreObjectsContract, testing::ValuesIn(DatabaseFactories()),
                         [](const auto& suite) { return suite.param.engine; });

}  // namespace
}  // namespace grpc_os::store
