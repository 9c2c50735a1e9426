// The rules of quotas, and what each change of objects does to them.
#include "core/object/quotas.h"

#include <optional>
#include <string>
#include <vector>

#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/object/objects.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/memory_object_store.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;

struct FakeClock final : Clock {
  int64_t NowMs() const override { return now_ms; }
  int64_t now_ms = 1000;
};

class QuotasTest : public ::testing::Test {
 protected:
  // What is charged is what is there.
  void TearDown() override {
    EXPECT_EQ(store_.unclean_refusals, 0);
    for (const auto& [prefix, quota] : store_.objects.quotas) {
      int64_t objects = 0;
      int64_t bytes = 0;
      for (const auto& [name, object] : store_.objects.live) {
        if (object.folder || !name.starts_with(prefix)) continue;
        ++objects;
        bytes += object.size_bytes;
      }
      for (const Object& version : store_.objects.versions) {
        if (!quota.include_versions || !version.name.starts_with(prefix)) continue;
        ++objects;
        bytes += version.size_bytes;
      }
      EXPECT_EQ(quota.objects, objects) << prefix;
      EXPECT_EQ(quota.bytes, bytes) << prefix;
    }
  }

  template <typename T, typename Ask>
  static T Answer(const Ask& ask) {
    std::optional<T> got;
    ask([&](T value) { got = std::move(value); });
    return *std::move(got);
  }
  static std::string Why(const absl::Status& status) {
    if (status.ok()) return "OK";
    const auto detail = DetailOf(status);
    return detail.has_value() ? detail->reason : status.ToString();
  }
  template <typename T>
  static std::string Why(const absl::StatusOr<T>& result) {
    return Why(result.status());
  }

  static Objects::By Ann() {
    Objects::By by;
    by.origin.record.user = "ann";
    by.access = [](ObjectVerb, std::string_view) { return true; };
    return by;
  }
  static ObjectContent Content(int64_t bytes) {
    return {.data = std::string(static_cast<size_t>(bytes), 'x'), .size_bytes = bytes};
  }
  using Done = absl::StatusOr<Object>;
  std::string Put(const std::string& name, int64_t bytes, int64_t expire_time_ms = 0) {
    PutObject put{.name = name, .content = Content(bytes), .expire_time_ms = expire_time_ms};
    return Why(Answer<Done>([&](auto done) { objects_.Put(put, Ann(), done); }));
  }
  std::string Delete(const std::string& name, bool recursive = false, bool purge = false) {
    const DeleteObject asked{.name = name, .recursive = recursive, .purge = purge};
    return Why(Answer<absl::StatusOr<Objects::Batch>>(
        [&](auto done) { objects_.Delete(asked, Ann(), done); }));
  }
  std::string Undelete(const std::string& name) {
    return Why(Answer<Done>([&](auto done) { objects_.Undelete(name, 0, Ann(), done); }));
  }
  std::string Move(const std::string& from, const std::string& to) {
    return Why(Answer<Done>([&](auto done) { objects_.Move(from, to, {}, Ann(), done); }));
  }
  std::string Copy(const std::string& from, const std::string& to) {
    return Why(Answer<Done>([&](auto done) { objects_.Copy(from, 0, to, {}, Ann(), done); }));
  }
  absl::Status Transact(std::vector<ObjectChange> changes) {
    ObjectTransaction transaction;
    transaction.success = std::move(changes);
    return Answer<absl::StatusOr<ObjectTransactionResult>>(
               [&](auto done) { objects_.Transact(transaction, Ann(), done); })
        .status();
  }
  absl::StatusOr<Quota> Set(const std::string& prefix, int64_t max_objects, int64_t max_bytes = 0,
                            bool include_versions = false) {
    const Quota wanted{.prefix = prefix,
                       .max_objects = max_objects,
                       .max_bytes = max_bytes,
                       .include_versions = include_versions};
    return Answer<absl::StatusOr<Quota>>([&](auto done) { quotas_.Set(wanted, {}, done); });
  }
  Quota Of(const std::string& prefix) { return store_.objects.quotas.at(prefix); }

  grpc_os::testing::MemoryObjectStore store_;
  FakeClock clock_;
  Objects objects_{store_, clock_};
  Quotas quotas_{store_, clock_};
};

TEST_F(QuotasTest, WhatIsThereIsCountedAndWhatComesIsBounded) {
  ASSERT_EQ(Put("/a/1", 10), "OK");
  ASSERT_EQ(Put("/ab", 10), "OK");
  const auto set = Set("/a/", 2, 25);
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(*set,
            (Quota{.prefix = "/a/", .max_objects = 2, .max_bytes = 25, .objects = 1, .bytes = 10}));
  EXPECT_EQ(Put("/a/2", 16), reason::kQuotaExceeded);
  EXPECT_EQ(Put("/a/2", 15), "OK");
  EXPECT_EQ(Put("/a/3", 0), reason::kQuotaExceeded);
  EXPECT_EQ(Put("/a/1", 11), reason::kQuotaExceeded);
  EXPECT_EQ(Put("/a/1", 5), "OK");
  EXPECT_EQ(Put("/a/1", 10), "OK");
  EXPECT_EQ(Put("/b", 1000), "OK");
  EXPECT_EQ(Copy("/ab", "/a/4"), reason::kQuotaExceeded);
  EXPECT_EQ(Move("/ab", "/a/4"), reason::kQuotaExceeded);
}

TEST_F(QuotasTest, VersionsCountWhereThatIsAskedFor) {
  ASSERT_EQ(Put("/a/1", 10), "OK");
  ASSERT_EQ(Put("/a/1", 20), "OK");
  ASSERT_TRUE(Set("/", 2).ok());
  const auto set = Set("/a/", 3, 100, /*include_versions=*/true);
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->objects, 2);
  EXPECT_EQ(set->bytes, 30);
  EXPECT_EQ(Put("/a/1", 90), reason::kQuotaExceeded) << "with what it replaces";
  EXPECT_EQ(Put("/a/1", 30), "OK");
  const auto refused = Answer<Done>(
      [&](auto done) { objects_.Put({.name = "/a/1", .content = Content(1)}, Ann(), done); });
  EXPECT_EQ(Why(refused), reason::kQuotaExceeded);
  EXPECT_THAT(std::string(refused.status().message()),
              ::testing::HasSubstr("rm --versions -r /a/"));
  EXPECT_EQ(Delete("/a/1"), "OK") << "what is deleted becomes a version";
  EXPECT_EQ(Of("/a/").objects, 3);
  EXPECT_EQ(Undelete("/a/1"), "OK");
  EXPECT_EQ(Of("/a/").objects, 3);
  EXPECT_EQ(Delete("/a/1", /*recursive=*/false, /*purge=*/true), "OK");
  EXPECT_EQ(Of("/a/").objects, 0);
  EXPECT_EQ(Put("/a/1", 1, /*expire_time_ms=*/5), "OK");
  clock_.now_ms = 10;
  objects_.Tick(10);
  EXPECT_EQ(Of("/a/").objects, 1);
  ASSERT_TRUE(Set("/a/", 3, 100).ok());
  EXPECT_EQ(Of("/a/").objects, 0) << "counted anew";
}

TEST_F(QuotasTest, OnAFullDiskWhatDeletesIsDoneAndNothingElse) {
  for (const char* name : {"/a/1", "/a/2", "/a/3", "/b"}) ASSERT_EQ(Put(name, 10), "OK");
  ASSERT_TRUE(Set("/a/", 9).ok());
  store_.full = true;
  EXPECT_EQ(Put("/a/4", 1), reason::kDiskFull);
  EXPECT_EQ(Put("/b", 1), reason::kDiskFull);
  EXPECT_EQ(Copy("/b", "/c"), reason::kDiskFull);
  EXPECT_EQ(Move("/b", "/c"), reason::kDiskFull);
  EXPECT_EQ(Why(Set("/b/", 1)), reason::kDiskFull);
  EXPECT_EQ(Why(Transact({DeleteObject{.name = "/b"}})), reason::kDiskFull);
  EXPECT_EQ(Delete("/a/1"), "OK");
  EXPECT_EQ(Undelete("/a/1"), reason::kDiskFull);
  EXPECT_EQ(Delete("/a/2", /*recursive=*/false, /*purge=*/true), "OK");
  EXPECT_EQ(Delete("/a", /*recursive=*/true), "OK");
  EXPECT_EQ(Why(Answer<absl::Status>([&](auto done) { quotas_.Delete("/a/", {}, done); })), "OK");
}

TEST_F(QuotasTest, OverItDeletingAndWhatDoesNotAddIsAllowed) {
  for (const char* name : {"/a/1", "/a/2", "/a/3"}) ASSERT_EQ(Put(name, 10), "OK");
  ASSERT_TRUE(Set("/", 1, 5).ok());
  EXPECT_EQ(Put("/a/1", 10), "OK");
  EXPECT_EQ(Put("/a/1", 9), "OK");
  EXPECT_EQ(Put("/a/1", 10), reason::kQuotaExceeded);
  EXPECT_EQ(Move("/a/2", "/b/2"), "OK") << "within it";
  EXPECT_EQ(Delete("/a/3"), "OK");
  EXPECT_EQ(Undelete("/a/3"), reason::kQuotaExceeded);
  EXPECT_EQ(Delete("/a", /*recursive=*/true), "OK");
  EXPECT_EQ(Delete("/b/2", /*recursive=*/false, /*purge=*/true), "OK");
  EXPECT_EQ(Put("/c", 5), "OK");
}

TEST_F(QuotasTest, NestedOnesAreAllChargedAndTheOuterIsToldFirst) {
  ASSERT_TRUE(Set("/", 3).ok());
  ASSERT_TRUE(Set("/a/", 2).ok());
  ASSERT_TRUE(Set("/a/b/", 2, 10).ok());
  ASSERT_EQ(Put("/a/b/1", 4), "OK");
  ASSERT_EQ(Put("/a/b/2", 4), "OK");
  EXPECT_EQ(Put("/a/x", 0), reason::kQuotaExceeded);
  EXPECT_EQ(Put("/x", 100), "OK");
  EXPECT_EQ(Of("/").objects, 3);
  EXPECT_EQ(Of("/a/").bytes, 8);
  EXPECT_EQ(Of("/a/b/").objects, 2);
  const absl::Status refused = Transact({CreateObject{.name = "/a/b/3"}});
  EXPECT_EQ(DetailOf(refused)->metadata.at("prefix"), "/");
}

TEST_F(QuotasTest, FoldersMoveWithWhatLiesInThem) {
  ASSERT_TRUE(Set("/a/", 10, 100).ok());
  ASSERT_TRUE(Set("/a/in/", 10, 100).ok());
  ASSERT_TRUE(Set("/b/", 2, 100).ok());
  for (const char* name : {"/a/in/1", "/a/in/2", "/a/out"}) ASSERT_EQ(Put(name, 10), "OK");
  EXPECT_EQ(Move("/a", "/b/a"), reason::kQuotaExceeded);
  EXPECT_EQ(Move("/a/in", "/b/in"), "OK");
  EXPECT_EQ(Of("/a/in/").objects, 0);
  EXPECT_EQ(Of("/a/").bytes, 10);
  EXPECT_EQ(Of("/b/").bytes, 20);
  EXPECT_EQ(Move("/b/in/1", "/a/1"), "OK");
  EXPECT_EQ(Of("/b/").objects, 1);
}

TEST_F(QuotasTest, WhatExpiresMakesRoom) {
  store_.lose_first = true;
  ASSERT_TRUE(Set("/", 2).ok());
  ASSERT_EQ(Put("/a", 1, 2000), "OK");
  ASSERT_EQ(Put("/b/x", 1, 2000), "OK");
  EXPECT_EQ(Put("/c", 1), reason::kQuotaExceeded);
  clock_.now_ms = 2000;
  EXPECT_EQ(Put("/a/y", 1), "OK") << "in the place of what has expired";
  EXPECT_EQ(Of("/").objects, 2);
  objects_.Tick(clock_.now_ms);
  EXPECT_EQ(Of("/").objects, 1);
}

TEST_F(QuotasTest, ATransactionIsChargedAsAWhole) {
  ASSERT_TRUE(Set("/q/", 2).ok());
  ASSERT_EQ(Put("/q/1", 5), "OK");
  const absl::Status refused = Transact(
      {CreateObject{.name = "/r"}, CreateObject{.name = "/q/2"}, CreateObject{.name = "/q/3"}});
  EXPECT_EQ(Why(refused), reason::kQuotaExceeded);
  EXPECT_EQ(DetailOf(refused)->metadata.at("index"), "1");
  EXPECT_FALSE(store_.objects.live.contains("/r"));
  EXPECT_EQ(Why(Transact({DeleteObject{.name = "/q/1"}, CreateObject{.name = "/q/2"},
                          CreateObject{.name = "/q/3"}})),
            "OK");
}

// What one change clears away and another deletes goes once.
TEST_F(QuotasTest, WhatIsInTheWayOfOneAndDeletedByAnotherGoesOnce) {
  ASSERT_TRUE(Set("/", 10).ok());
  for (const bool delete_first : {false, true}) {
    ASSERT_EQ(Put("/e", 1, 2000), "OK");
    clock_.now_ms = 2000;
    const ObjectChange create = CreateObject{.name = "/e/below"};
    const ObjectChange remove = DeleteObject{.name = "/e", .purge = true};
    EXPECT_EQ(
        Why(Transact(delete_first ? std::vector{remove, create} : std::vector{create, remove})),
        "OK");
    EXPECT_EQ(Of("/").objects, 1);
    ASSERT_EQ(Delete("/e", /*recursive=*/true), "OK");
    clock_.now_ms = 1000;
  }
}

TEST_F(QuotasTest, AreListedReplacedAndDeleted) {
  ASSERT_TRUE(Set("/b/", 1).ok());
  ASSERT_TRUE(Set("/a/", 2).ok());
  ASSERT_TRUE(Set("/b/", 3).ok());
  using Listed = absl::StatusOr<std::vector<Quota>>;
  const auto all = *Answer<Listed>([&](auto done) { quotas_.List(done); });
  EXPECT_THAT(all, ElementsAre(Quota{.prefix = "/a/", .max_objects = 2},
                               Quota{.prefix = "/b/", .max_objects = 3}));
  const auto remove = [&](const std::string& prefix) {
    return Why(Answer<absl::Status>([&](auto done) { quotas_.Delete(prefix, {}, done); }));
  };
  EXPECT_EQ(remove("/b/"), "OK");
  EXPECT_EQ(remove("/b/"), reason::kQuotaNotFound);
  EXPECT_EQ(Why(Answer<absl::StatusOr<Quota>>([&](auto done) { quotas_.Get("/b/", done); })),
            reason::kQuotaNotFound);
  std::vector<std::string> told;
  for (const Event& event : store_.events)
    told.push_back(event.kind + " " + event.action + " " + event.name);
  EXPECT_THAT(told,
              ElementsAre("quota set /b/", "quota set /a/", "quota set /b/", "quota deleted /b/"));
  EXPECT_EQ(store_.audit.size(), 4u);
}

TEST_F(QuotasTest, WhoLostThePermissionMeanwhileSetsAndDeletesNone) {
  Origin lost = Ann().origin;
  lost.permit = [](std::string_view) { return absl::PermissionDeniedError("no longer"); };
  const auto set = Answer<absl::StatusOr<Quota>>(
      [&](auto done) { quotas_.Set({.prefix = "/logs/", .max_objects = 5}, lost, done); });
  EXPECT_TRUE(absl::IsPermissionDenied(set.status()));
  EXPECT_TRUE(store_.objects.quotas.empty());
  EXPECT_FALSE(lost.written->load());
  EXPECT_TRUE(store_.audit.empty());
}

TEST_F(QuotasTest, AreBoundedInNumber) {
  for (int i = 0; i < limits::kQuotas; ++i) {
    const std::string prefix = "/" + std::to_string(i) + "/";
    store_.objects.quotas[prefix] = {.prefix = prefix};
  }
  EXPECT_EQ(Why(Set("/other/", 1)), reason::kLimitReached);
  EXPECT_EQ(Why(Set("/7/", 1)), "OK");
}

TEST_F(QuotasTest, RoomCanBeAskedForBeforehand) {
  ASSERT_TRUE(Set("/a/", 1, 100).ok());
  ObjectAccess access = Ann().access;
  const auto room = [&](const std::string& name, int64_t bytes) {
    return Why(
        Answer<absl::Status>([&](auto done) { quotas_.CheckRoom(name, bytes, access, done); }));
  };
  EXPECT_EQ(room("/a/1", 100), "OK");
  EXPECT_EQ(room("/a/1", 101), reason::kQuotaExceeded);
  EXPECT_EQ(room("/b", INT64_MAX), "OK");
  ASSERT_EQ(Put("/a/1", 60), "OK");
  EXPECT_EQ(room("/a/1", 100), "OK") << "it is replaced";
  EXPECT_EQ(room(store_.objects.live.at("/a/1").id, 100), "OK");
  EXPECT_EQ(room(store_.objects.live.at("/a/1").id, 101), reason::kQuotaExceeded);
  EXPECT_EQ(room("/a/2", 1), reason::kQuotaExceeded);
  for (const ObjectVerb allowed : {ObjectVerb::kRead, ObjectVerb::kWrite}) {
    access = [&](ObjectVerb verb, std::string_view) { return verb == allowed; };
    EXPECT_EQ(room(store_.objects.live.at("/a/1").id, 101), "OK") << "as of an id that is none";
  }
}

TEST(QuotaGrammar, PrefixesAndBounds) {
  const auto wrong = [](const std::string& prefix, int64_t objects, int64_t bytes) {
    Violations violations;
    const std::string name = QuotaPrefix(prefix, "quota.prefix", violations);
    CheckQuotaBounds({.prefix = name, .max_objects = objects, .max_bytes = bytes}, "quota",
                     violations);
    return !violations.empty();
  };
  for (const char* prefix : {"/", "/a", "/a/", "a/b", "/process/"})
    EXPECT_FALSE(wrong(prefix, 1, 0)) << prefix;
  for (const char* prefix : {"", "/../", "/proc", "/sys/", "obj_1", "//"})
    EXPECT_TRUE(wrong(prefix, 1, 0)) << prefix;
  EXPECT_TRUE(wrong("/", 0, 0));
  EXPECT_TRUE(wrong("/", -1, 5));
  EXPECT_TRUE(wrong("/", 5, -1));
  Violations none;
  EXPECT_EQ(QuotaPrefix("a/b", "prefix", none), "/a/b/");
  EXPECT_EQ(QuotaPrefix("/", "prefix", none), "/");
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace grpc_os::core
