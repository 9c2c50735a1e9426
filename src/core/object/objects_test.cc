#include "core/object/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/error_reason.h"
#include "core/object/object_name.h"
#include "testing/memory_object_store.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct FakeClock final : Clock {
  int64_t NowMs() const override { return now_ms; }
  int64_t now_ms = 1000;
};

class ObjectsTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(store_.unclean_refusals, 0); }
  Objects::By Ann() {
    Objects::By by;
    by.origin.record.user = "ann";
    by.origin.request = CommittedRequest{};
    by.access = access_;
    return by;
  }
  static ObjectContent Content(const std::string& data) {
    return {
        .data = data, .size_bytes = static_cast<int64_t>(data.size()), .sha256 = "sha of " + data};
  }
  template <typename T>
  auto Into(std::optional<absl::StatusOr<T>>& to) {
    return [&to](absl::StatusOr<T> value) {
      ASSERT_FALSE(to.has_value()) << "answered twice";
      to = std::move(value);
    };
  }
  absl::StatusOr<Object> Create(const std::string& name, const std::string& data = "x",
                                const std::string& id = "", int64_t expire = 0) {
    std::optional<absl::StatusOr<Object>> got;
    objects_.Create({.name = name, .id = id, .content = Content(data), .expire_time_ms = expire},
                    Ann(), Into(got));
    return *got;
  }
  absl::StatusOr<Object> Put(const std::string& name, const std::string& data,
                             Preconditions p = {}) {
    std::optional<absl::StatusOr<Object>> got;
    objects_.Put({.name = name, .content = Content(data), .preconditions = p}, Ann(), Into(got));
    return *got;
  }
  absl::StatusOr<Objects::Batch> Delete(DeleteObject asked) {
    std::optional<absl::StatusOr<Objects::Batch>> got;
    objects_.Delete(std::move(asked), Ann(), Into(got));
    return *got;
  }
  absl::StatusOr<Object> Update(UpdateObject asked) {
    std::optional<absl::StatusOr<Object>> got;
    objects_.Update(std::move(asked), Ann(), Into(got));
    return *got;
  }
  absl::StatusOr<Object> Move(const std::string& from, const std::string& to,
                              Preconditions p = {}) {
    std::optional<absl::StatusOr<Object>> got;
    objects_.Move(from, to, p, Ann(), Into(got));
    return *got;
  }
  absl::StatusOr<Object> Copy(const std::string& from, int64_t generation, const std::string& to,
                              Preconditions p = {}) {
    std::optional<absl::StatusOr<Object>> got;
    objects_.Copy(from, generation, to, p, Ann(), Into(got));
    return *got;
  }
  absl::StatusOr<Object> Undelete(const std::string& name, int64_t generation = 0) {
    std::optional<absl::StatusOr<Object>> got;
    objects_.Undelete(name, generation, Ann(), Into(got));
    return *got;
  }
  absl::StatusOr<Object> MakeFolder(const std::string& name) {
    std::optional<absl::StatusOr<Object>> got;
    objects_.MakeFolder(name, Ann(), Into(got));
    return *got;
  }
  absl::StatusOr<Object> Get(const std::string& name, int64_t generation = 0) {
    std::optional<absl::StatusOr<Object>> got;
    objects_.Get(name, generation, true, {}, access_, Into(got));
    return *got;
  }
  absl::StatusOr<ObjectTransactionResult> Transact(ObjectTransaction t) {
    std::optional<absl::StatusOr<ObjectTransactionResult>> got;
    objects_.Transact(std::move(t), Ann(), Into(got));
    return *got;
  }
  template <typename T>
  static std::string Why(const absl::StatusOr<T>& result) {
    if (result.ok()) return "OK";
    const auto detail = DetailOf(result.status());
    return detail.has_value() ? detail->reason
                              : "no detail: " + std::string(result.status().message());
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& [name, object] : store_.objects.live) names.push_back(name);
    return names;
  }
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const Event& e : std::exchange(store_.events, {})) told.push_back(e.action + " " + e.name);
    return told;
  }

  ObjectAccess access_ = [](ObjectVerb, std::string_view) { return true; };
  testing::MemoryObjectStore store_;
  FakeClock clock_;
  Objects objects_{store_, clock_};
};

TEST_F(ObjectsTest, CreationTakesOneOrTwoLookUpsOneEventAndOneRecord) {
  store_.lose_first = true;
  auto made = Create("/a/b/c", "hello");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->id, ObjectIdOf(1 << 16));
  EXPECT_EQ(made->generation, 1);
  EXPECT_EQ(made->owner, "ann");
  EXPECT_EQ(made->data, "");
  EXPECT_EQ(store_.objects.live.at("/a/b/c").data, "hello");
  ASSERT_TRUE(Create("/a/b/d").ok());
  EXPECT_LE(store_.reads, 2);
  EXPECT_EQ(store_.writes, 1);
  EXPECT_EQ(store_.audit.size(), 2u);
  EXPECT_EQ(store_.requests.size(), 2u);
  ASSERT_TRUE(Create("/a/b/a").ok());
  EXPECT_EQ(store_.reads, 1);
  EXPECT_THAT(Told(), ElementsAre("created /a/b/c", "created /a/b/d", "created /a/b/a"));
  EXPECT_EQ(store_.objects.live.size(), 3u);
}

TEST_F(ObjectsTest, NoObjectLiesBelowAnother) {
  ASSERT_TRUE(Create("/a/b").ok());
  EXPECT_EQ(Why(Create("/a/b")), reason::kNameTaken);
  EXPECT_EQ(Why(Create("/a/b/c")), reason::kNotAFolder);
  EXPECT_EQ(Why(Create("/a/b/c/d")), reason::kNotAFolder);
  EXPECT_EQ(Why(Create("/a")), reason::kIsAFolder);
  ASSERT_TRUE(Create("/a-b").ok());
  EXPECT_EQ(Why(Create("/a")), reason::kIsAFolder) << "/a-b comes before /a/";
  EXPECT_EQ(Why(Put("/a", "x")), reason::kIsAFolder);
  EXPECT_EQ(Why(Put("/a/b/c", "x")), reason::kNotAFolder);
  EXPECT_EQ(Why(Create("/a/")), reason::kIsAFolder);
  EXPECT_TRUE(Create("/a/b-c").ok());
  EXPECT_TRUE(Create("/a/bc/d").ok());
  EXPECT_EQ(Why(Create("/proc/x")), reason::kSystemObject);
}

TEST_F(ObjectsTest, WishedIdsAreUniqueForEver) {
  ASSERT_TRUE(Create("/a", "x", "obj_1").ok());
  EXPECT_EQ(Why(Create("/b", "x", "obj_1")), reason::kIdTaken);
  ASSERT_TRUE(Delete({.name = "obj_1"}).ok());
  EXPECT_EQ(Why(Create("/b", "x", "obj_1")), reason::kIdTaken);
  ASSERT_TRUE(Delete({.name = "obj_1", .purge = true}).ok());
  EXPECT_THAT(store_.objects.versions, IsEmpty());
  EXPECT_TRUE(Create("/b", "x", "obj_1").ok());
}

TEST_F(ObjectsTest, PutMakesVersionsAndPreconditionsHold) {
  store_.lose_first = true;
  auto one = Put("/a", "one", {.generation = 0});
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(Why(Put("/a", "two", {.generation = 0})), reason::kPreconditionFailed);
  EXPECT_EQ(Why(Put("/a", "two", {.not_generation = 1})), reason::kPreconditionFailed);
  EXPECT_EQ(Why(Put("/a", "two", {.metageneration = 2})), reason::kPreconditionFailed);
  EXPECT_EQ(Why(Put("/a", "two", {.not_metageneration = 1})), reason::kPreconditionFailed);
  auto two = Put("/a", "two", {.generation = 1});
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ(two->number, one->number);
  EXPECT_EQ(two->generation, 2);
  EXPECT_EQ(two->create_revision, 1);
  EXPECT_EQ(Get("/a", 1)->data, "one");
  EXPECT_EQ(Get("/a")->data, "two");
  EXPECT_EQ(Why(Put("obj_none", "x")), reason::kObjectNotFound);
  EXPECT_THAT(Told(), ElementsAre("created /a", "updated /a"));
}

TEST_F(ObjectsTest, UpdateRaisesTheMetageneration) {
  ASSERT_TRUE(Put("/a", "one").ok());
  std::optional<absl::StatusOr<Object>> got;
  store_.lose_first = true;
  objects_.Update({.name = "/a", .metadata = {{{"k", "v"}}}}, Ann(), Into(got));
  ASSERT_TRUE((*got).ok());
  EXPECT_EQ((*got)->metageneration, 2);
  EXPECT_EQ((*got)->generation, 1);
  EXPECT_EQ(Get("/a")->data, "one");
  EXPECT_EQ(Get("/a")->metadata.at("k"), "v");
}

TEST_F(ObjectsTest, WhatIsDeletedComesBackAndWhatIsPurgedDoesNot) {
  store_.lose_first = true;
  const auto made = Create("/a", "one");
  auto gone = Delete({.name = "/a"});
  ASSERT_TRUE(gone.ok());
  EXPECT_EQ(gone->count, 1);
  EXPECT_EQ(gone->revision, 2);
  EXPECT_EQ(Objects::RepeatBatch(store_.requests.back().subject)->count, 1);
  EXPECT_EQ(Objects::RepeatBatch(store_.requests.back().subject)->revision, 2);
  EXPECT_EQ(Why(Delete({.name = "/a"})), reason::kObjectNotFound);
  auto back = Undelete("/a");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->number, made->number);
  EXPECT_EQ(back->generation, 3);
  EXPECT_EQ(Get("/a")->data, "one");
  EXPECT_THAT(store_.objects.versions, IsEmpty());
  EXPECT_EQ(Why(Undelete("/a")), reason::kNameTaken);
  ASSERT_TRUE(Delete({.name = "/a"}).ok());
  ASSERT_TRUE(Create("/a", "other").ok());
  EXPECT_EQ(Why(Undelete("/a")), reason::kNameTaken);
  ASSERT_TRUE(Delete({.name = "/a", .purge = true}).ok());
  ASSERT_TRUE(Delete({.name = "/a", .purge = true}).ok()) << "the one before";
  EXPECT_THAT(store_.objects.versions, IsEmpty());
  EXPECT_EQ(Why(Undelete("/a")), reason::kObjectNotFound);
}

TEST_F(ObjectsTest, FoldersAreMadeOnceAndDeletedEmptyOrRecursively) {
  ASSERT_TRUE(MakeFolder("/f").ok());
  ASSERT_TRUE(MakeFolder("/f/").ok());
  EXPECT_EQ(store_.audit.size(), 2u);
  EXPECT_THAT(Told(), ElementsAre("created /f/"));
  ASSERT_TRUE(Create("/f/x").ok());
  ASSERT_TRUE(Create("/f/g/y").ok());
  EXPECT_EQ(Why(MakeFolder("/f/x")), reason::kNameTaken);
  EXPECT_EQ(Why(MakeFolder("/f/x/z")), reason::kNotAFolder);
  EXPECT_EQ(Why(Delete({.name = "/f"})), reason::kFolderNotEmpty);
  EXPECT_EQ(Why(Delete({.name = "/f/g/"})), reason::kFolderNotEmpty);
  EXPECT_EQ(Why(Delete({.name = "/f/x/"})), reason::kNotAFolder);
  access_ = [](ObjectVerb, std::string_view name) { return name != "/f/g/y"; };
  EXPECT_EQ(Why(Delete({.name = "/f", .recursive = true})), reason::kPermissionMissing);
  access_ = [](ObjectVerb, std::string_view) { return true; };
  Told();
  EXPECT_EQ(Delete({.name = "/f", .recursive = true})->count, 3);
  EXPECT_THAT(Told(), ElementsAre("deleted /f/", "deleted /f/g/y", "deleted /f/x"));
  ASSERT_TRUE(MakeFolder("/e/").ok());
  EXPECT_TRUE(Delete({.name = "/e"}).ok());
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_EQ(Get("/")->name, "/");
}

TEST_F(ObjectsTest, ADeletionOfAFullFolderIsRefusedWithoutReadingAllOfIt) {
  ASSERT_TRUE(MakeFolder("/f").ok());
  for (int i = 0; i < 120; ++i) ASSERT_TRUE(Create(absl::StrCat("/f/", i)).ok());
  EXPECT_EQ(Why(Delete({.name = "/f"})), reason::kFolderNotEmpty);
  EXPECT_LE(store_.rows_listed, 50);
  EXPECT_EQ(Why(Delete({.name = "/f", .recursive = true, .preconditions = {.generation = 77}})),
            reason::kPreconditionFailed);
  EXPECT_EQ(store_.rows_listed, 0);
  const int64_t generation = Get("/f")->generation;
  access_ = [](ObjectVerb verb, std::string_view name) {
    return verb == ObjectVerb::kRead || name != "/f/";
  };
  EXPECT_EQ(Why(Delete({.name = "/f", .preconditions = {.generation = 77}})),
            reason::kPermissionMissing);
  access_ = [](ObjectVerb, std::string_view) { return true; };
  const Preconditions wanted = {.generation = generation};
  EXPECT_EQ(Delete({.name = "/f", .recursive = true, .preconditions = wanted})->count, 121);
}

TEST_F(ObjectsTest, AFolderWithMuchThatHasExpiredIsEmpty) {
  ASSERT_TRUE(MakeFolder("/f").ok());
  for (int i = 0; i < 120; ++i) ASSERT_TRUE(Create(absl::StrCat("/f/", i), "x", "", 2000).ok());
  clock_.now_ms = 2000;
  EXPECT_EQ(Delete({.name = "/f"})->count, 1);
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_EQ(store_.objects.versions.size(), 120u) << "they can be brought back";
}

TEST_F(ObjectsTest, APurgeLeavesNothingOfWhatHasExpiredEither) {
  for (const bool recursive : {true, false}) {
    clock_.now_ms = 1000;
    ASSERT_TRUE(MakeFolder("/f").ok());
    ASSERT_TRUE(Put("/f/old", "one").ok());
    ASSERT_TRUE(Put("/f/old", "two").ok());
    ASSERT_TRUE(Update({.name = "/f/old", .expire_time_ms = 2000}).ok());
    clock_.now_ms = 2000;
    Told();
    EXPECT_EQ(Delete({.name = "/f", .recursive = recursive, .purge = true})->count, 2);
    EXPECT_THAT(Told(), ElementsAre("deleted /f/", "deleted /f/old"));
    EXPECT_THAT(Names(), IsEmpty());
    EXPECT_THAT(store_.objects.versions, IsEmpty());
  }
}

TEST_F(ObjectsTest, MovesOfObjectsAndFolders) {
  store_.lose_first = true;
  const auto made = Create("/a/x", "one");
  ASSERT_TRUE(Create("/b/y").ok());
  Told();
  ASSERT_TRUE(Move("/a/x", "/b").ok());
  EXPECT_EQ(store_.events.back().attributes.at("from"), "/a/x");
  EXPECT_THAT(Names(), ElementsAre("/b/x", "/b/y"));
  EXPECT_EQ(Get("/b/x")->data, "one");
  EXPECT_EQ(Get("/b/x")->generation, made->generation);
  EXPECT_EQ(Why(Move("/b/x", "/b/y")), reason::kNameTaken);
  EXPECT_EQ(Why(Move("/b/", "/b/c/")), reason::kFieldInvalid);
  EXPECT_EQ(Why(Move("/none", "/c")), reason::kObjectNotFound);
  EXPECT_EQ(Why(Move("/b/x/", "/c")), reason::kNotAFolder);
  ASSERT_TRUE(MakeFolder("/b").ok());
  Told();
  auto moved = Move("/b", "/c/d");
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_EQ(moved->name, "/c/d/");
  EXPECT_THAT(Names(), ElementsAre("/c/d/", "/c/d/x", "/c/d/y"));
  EXPECT_THAT(Told(), ElementsAre("renamed /c/d/", "renamed /c/d/x", "renamed /c/d/y"));
  ASSERT_TRUE(Create("/o").ok());
  EXPECT_EQ(Why(Move("/c/d", "/o")), reason::kNameTaken);
  access_ = [](ObjectVerb verb, std::string_view name) {
    return verb == ObjectVerb::kRead || name != "/n/x";
  };
  EXPECT_EQ(Why(Move("/c/d", "/n")), reason::kPermissionMissing);
}

TEST_F(ObjectsTest, Copies) {
  store_.lose_first = true;
  ASSERT_TRUE(Put("/a", "one").ok());
  ASSERT_TRUE(Put("/a", "two").ok());
  ASSERT_TRUE(Copy("/a", 1, "/b/").ok());
  EXPECT_EQ(Get("/b/a")->data, "one");
  ASSERT_TRUE(Copy("/a", 0, "/c").ok());
  EXPECT_EQ(Get("/c")->data, "two");
  EXPECT_EQ(Why(Copy("/a", 0, "/c")), reason::kNameTaken);
  EXPECT_TRUE(Copy("/a", 1, "/c", {.generation = 4}).ok());
  EXPECT_EQ(Get("/c")->data, "one");
  EXPECT_EQ(Why(Copy("/b", 0, "/d")), reason::kIsAFolder);
  EXPECT_EQ(Why(Copy("/a", 77, "/d")), reason::kObjectNotFound);
}

TEST_F(ObjectsTest, WhatHasExpiredIsNotThere) {
  store_.lose_first = true;
  ASSERT_TRUE(Create("/a", "old", "", 2000).ok());
  ASSERT_TRUE(Create("/b/x", "old", "", 2000).ok());
  clock_.now_ms = 2000;
  EXPECT_EQ(Why(Get("/a")), reason::kObjectNotFound);
  EXPECT_EQ(Why(Delete({.name = "/a"})), reason::kObjectNotFound);
  Told();
  ASSERT_TRUE(Create("/a/c").ok());
  EXPECT_THAT(Told(), ElementsAre("expired /a", "created /a/c"));
  ASSERT_TRUE(Create("/b").ok());
  EXPECT_THAT(Told(), ElementsAre("expired /b/x", "created /b"));
  ASSERT_TRUE(Create("/s", "old", "", 3000).ok());
  clock_.now_ms = 3000;
  const int before = store_.transactions;
  Told();
  objects_.Tick(clock_.now_ms);
  EXPECT_THAT(Told(), ElementsAre("expired /s"));
  objects_.Tick(clock_.now_ms);
  EXPECT_EQ(store_.transactions, before + 1);
  ASSERT_TRUE(Undelete("/s").ok());
  EXPECT_EQ(Get("/s")->expire_time_ms, 0);
}

// Reads go by the wall clock, what is removed by the time that the daemon gives.
TEST_F(ObjectsTest, AJumpOfTheClockHidesWhatExpiresAndRemovesNothing) {
  ASSERT_TRUE(Create("/a", "kept", "", 2000).ok());
  Told();
  clock_.now_ms = 8'000'000;
  EXPECT_EQ(Why(Get("/a")), reason::kObjectNotFound);
  objects_.Tick(1500);
  EXPECT_THAT(Told(), IsEmpty());
  clock_.now_ms = 1500;
  EXPECT_TRUE(Get("/a").ok());
}

TEST_F(ObjectsTest, TransactionsAreWholeOrNothing) {
  store_.lose_first = true;
  ASSERT_TRUE(Put("/a", "one").ok());
  ObjectTransaction t;
  t.compare = {{.name = "/a", .preconditions = {.generation = 1}, .sha256 = "sha of one"}};
  t.success = {PutObject{.name = "/a", .content = Content("two")},
               CreateObject{.name = "/n/x", .content = Content("new")},
               GetObject{.name = "/a", .data = true}, GetObject{.name = "/n/x", .data = true}};
  t.failure = {GetObject{.name = "/a", .data = true}};
  auto done = Transact(t);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_TRUE(done->succeeded);
  EXPECT_EQ(done->objects[2].data, "two");
  EXPECT_EQ(done->objects[3].data, "new");
  EXPECT_EQ(done->objects[0].data, "");
  auto other = Transact(t);
  EXPECT_FALSE(other->succeeded);
  EXPECT_EQ(other->objects[0].data, "two");

  const auto refused = [&](std::vector<ObjectChange> changes) {
    return Why(Transact({.compare = {}, .success = std::move(changes), .failure = {}}));
  };
  EXPECT_EQ(refused({CreateObject{.name = "/p"}, CreateObject{.name = "/a"}}), reason::kNameTaken);
  EXPECT_EQ(refused({CreateObject{.name = "/p"}, PutObject{.name = "/p"}}), reason::kFieldInvalid);
  EXPECT_EQ(refused({CreateObject{.name = "/p"}, CreateObject{.name = "/p/q"}}),
            reason::kNotAFolder);
  EXPECT_EQ(refused({CreateObject{.name = "/p/q"}, CreateObject{.name = "/p"}}),
            reason::kIsAFolder);
  EXPECT_EQ(refused({DeleteObject{.name = "/n", .recursive = true}, CreateObject{.name = "/n/y"}}),
            reason::kFieldInvalid);
  EXPECT_EQ(refused({CreateObject{.name = "/n/y"}, DeleteObject{.name = "/n", .recursive = true}}),
            reason::kFieldInvalid);
  EXPECT_EQ(refused({CreateObject{.name = "/p", .id = "obj_1"},
                     CreateObject{.name = "/q", .id = "obj_1"}}),
            reason::kFieldInvalid);
  EXPECT_EQ(refused({DeleteObject{.name = "/a"}, GetObject{.name = "/a"}}),
            reason::kObjectNotFound);
  EXPECT_THAT(Names(), ElementsAre("/a", "/n/x"));

  std::optional<absl::StatusOr<ObjectTransactionResult>> again;
  objects_.RepeatTransact(store_.requests[1].subject, access_, Into(again));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ((*again)->revision, 2);
  EXPECT_EQ((*again)->objects[1].name, "/n/x");
}

TEST_F(ObjectsTest, FirstFoldersAndAccess) {
  std::optional<absl::StatusOr<bool>> made, again;
  objects_.MakeFirstFolders(Into(made));
  objects_.MakeFirstFolders(Into(again));
  EXPECT_TRUE(**made);
  EXPECT_FALSE(**again);
  EXPECT_THAT(store_.audit, IsEmpty());
  EXPECT_TRUE(Get("/config")->folder);
  const auto one = Create("/t/x");
  access_ = [](ObjectVerb, std::string_view name) { return name != "/t/x"; };
  const int before = store_.transactions;
  EXPECT_EQ(Why(Put("/t/x", "y")), reason::kPermissionMissing);
  EXPECT_EQ(store_.transactions, before);
  EXPECT_EQ(Why(Copy("/t/x", 0, "/z")), reason::kPermissionMissing);
}

TEST_F(ObjectsTest, AnIdTellsNothingOfWhatIsHidden) {
  const auto one = Create("/t/x", "secret", "obj_wished");
  const std::string id = one->id;
  access_ = [](ObjectVerb, std::string_view name) { return name != "/t/x"; };
  const auto hidden = [&](const auto& result) {
    EXPECT_EQ(Why(result), reason::kObjectNotFound);
    EXPECT_EQ(std::string(result.status().message()).find("/t/x"), std::string::npos)
        << result.status();
  };
  hidden(Get(id));
  hidden(Put(id, "y"));
  hidden(Update({.name = id}));
  hidden(Delete({.name = id}));
  hidden(Delete({.name = id, .purge = true}));
  hidden(Move(id, "/y"));
  hidden(Copy(id, 0, "/y"));
  hidden(Undelete(id));
  hidden(Transact({.compare = {}, .success = {GetObject{.name = id}}, .failure = {}}));
  const auto compares = [&](CompareObject wanted) {
    return Transact({.compare = {std::move(wanted)}, .success = {}, .failure = {}})->succeeded;
  };
  EXPECT_FALSE(compares({.name = id, .sha256 = "sha of secret"}));
  EXPECT_TRUE(compares({.name = id, .preconditions = {.generation = 0}}));
  const auto taken = Create("/y", "", id);
  EXPECT_EQ(Why(taken), reason::kIdTaken);
  EXPECT_EQ(std::string(taken.status().message()).find("/t/x"), std::string::npos);
  access_ = [](ObjectVerb verb, std::string_view) { return verb == ObjectVerb::kRead; };
  EXPECT_EQ(Why(Put(id, "y")), reason::kPermissionMissing) << "it may know of it";
}

TEST_F(ObjectsTest, WhatHappensToAFolderTellsNothingOfWhatIsHiddenInIt) {
  ASSERT_TRUE(Create("/f/open").ok());
  ASSERT_TRUE(Create("/f/x/hidden").ok());
  access_ = [](ObjectVerb, std::string_view name) { return name != "/f/x/hidden"; };
  for (const auto& status : {Delete({.name = "/f", .recursive = true}).status(),
                             Move("/f", "/g").status(), Move("/f/", "/g").status()}) {
    EXPECT_EQ(Why<int>(status), reason::kPermissionMissing);
    EXPECT_EQ(std::string(status.message()).find("hidden"), std::string::npos) << status;
  }
  EXPECT_THAT(Names(), ElementsAre("/f/open", "/f/x/hidden"));
}

TEST_F(ObjectsTest, AListIsFullAndItsEndsAreOfWhatMayBeRead) {
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(Create(absl::StrCat("/f/", i)).ok());
    ASSERT_TRUE(Create(absl::StrCat("/f/hidden-", i)).ok());
    ASSERT_TRUE(Create(absl::StrCat("/f/in/hidden/", i)).ok());
    ASSERT_TRUE(Create(absl::StrCat("/g/hidden/", i)).ok());
  }
  access_ = [](ObjectVerb, std::string_view name) {
    return name.starts_with("/f") && name.find("hidden") == std::string_view::npos;
  };
  const std::vector<Objects::HiddenUpTo> ways = {
      [](std::string_view hidden) { return std::string(hidden); },
      [](std::string_view hidden) -> std::optional<std::string> {
        if (hidden.starts_with("/g")) return std::nullopt;
        return hidden.starts_with("/f/in/") ? "/f/in/\xff" : std::string(hidden);
      }};
  for (const auto& way : ways) {
    for (const int limit : {1, 7, 29, 30, 31, 1000}) {
      for (const ObjectQuery& folder :
           {ObjectQuery{.prefix = "/", .limit = limit},
            ObjectQuery{.prefix = "/f", .recursive = false, .limit = limit}}) {
        std::vector<std::string> all;
        ObjectPage page{.objects = {}, .more = true};
        ObjectQuery query = folder;
        while (page.more) {
          std::optional<absl::StatusOr<ObjectPage>> got;
          objects_.List(query, access_, way, Into(got));
          page = **std::move(got);
          for (const Object& one : page.objects) all.push_back(one.name);
          if (page.more) {
            ASSERT_EQ(page.objects.size(), static_cast<size_t>(limit));
            ASSERT_EQ(page.next_after, all.back());
          }
          query.after = page.next_after;
        }
        // Of the folder "/f/in/" itself nothing is hidden.
        EXPECT_EQ(all.size(), folder.recursive ? 30u : 31u) << limit;
        EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
      }
    }
  }
}

TEST_F(ObjectsTest, AMoveNeedsToReadWhatItMoves) {
  ASSERT_TRUE(Create("/blind/x").ok());
  access_ = [](ObjectVerb verb, std::string_view name) {
    return verb == ObjectVerb::kWrite || !name.starts_with("/blind");
  };
  EXPECT_EQ(Why(Move("/blind/x", "/y")), reason::kPermissionMissing);
  EXPECT_EQ(Why(Move("/blind", "/y")), reason::kPermissionMissing);
  EXPECT_EQ(Why(Move(store_.objects.live.at("/blind/x").id, "/y")), reason::kObjectNotFound);
  EXPECT_TRUE(Put("/blind/x", "two").ok()) << "to write it is enough to write";
  access_ = [](ObjectVerb verb, std::string_view name) {
    return verb == ObjectVerb::kWrite || name != "/blind/x";
  };
  EXPECT_EQ(Why(Move("/blind", "/y")), reason::kPermissionMissing) << "what lies in it";
  EXPECT_THAT(Names(), ElementsAre("/blind/x"));
}

TEST_F(ObjectsTest, AVersionFromAHiddenNameIsHidden) {
  ASSERT_TRUE(Create("/hidden/x", "one").ok());
  ASSERT_TRUE(Put("/hidden/x", "two").ok());
  ASSERT_TRUE(Move("/hidden/x", "/open").ok());
  access_ = [](ObjectVerb, std::string_view name) { return !name.starts_with("/hidden"); };
  EXPECT_EQ(Why(Get("/open", 1)), reason::kObjectNotFound);
  EXPECT_EQ(Why(Copy("/open", 1, "/copy")), reason::kObjectNotFound);
  EXPECT_EQ(Get("/open")->data, "two");
}

TEST_F(ObjectsTest, APurgeRemovesNoVersionUnderANameThatMayNotBeWritten) {
  ASSERT_TRUE(Create("/hidden/x", "one").ok());
  ASSERT_TRUE(Put("/hidden/x", "two").ok());
  ASSERT_TRUE(Move("/hidden/x", "/f/open").ok());
  const std::string id = store_.objects.live.at("/f/open").id;
  const auto refused = [&](DeleteObject asked) {
    const auto before = store_.objects;
    access_ = [](ObjectVerb, std::string_view name) { return !name.starts_with("/hidden"); };
    const auto done = Delete(std::move(asked));
    EXPECT_EQ(Why(done), reason::kPermissionMissing);
    EXPECT_EQ(std::string(done.status().message()).find("hidden"), std::string::npos)
        << done.status();
    EXPECT_EQ(store_.objects, before);
    access_ = [](ObjectVerb, std::string_view) { return true; };
  };
  refused({.name = "/f/open", .purge = true});
  refused({.name = id, .purge = true});
  refused({.name = "/f", .recursive = true, .purge = true});
  ASSERT_TRUE(Delete({.name = "/f/open"}).ok());
  refused({.name = "/f/open", .purge = true});
  refused({.name = id, .purge = true});
  EXPECT_EQ(Delete({.name = "/f/open", .purge = true})->count, 1);
  EXPECT_THAT(store_.objects.versions, IsEmpty());
}

TEST_F(ObjectsTest, ATransactionDeletesAsMuchAsOneCallMay) {
  const auto fill = [&](const std::string& folder, int count) {
    for (int i = 0; i < count; ++i) {
      Object object;
      object.number = static_cast<int64_t>(store_.objects.live.size()) + 1;
      object.id = ObjectIdOf(object.number);
      object.name = absl::StrCat(folder, i);
      store_.objects.live[object.name] = object;
    }
  };
  fill("/a/", limits::kObjectsPerCall - 1);
  fill("/b/", 2);
  const auto recursively = [](const std::string& name) {
    return DeleteObject{.name = name, .recursive = true};
  };
  const auto refused = [&](std::vector<ObjectChange> changes) {
    const auto done = Transact({.compare = {}, .success = std::move(changes), .failure = {}});
    EXPECT_EQ(Why(done), reason::kLimitReached);
    EXPECT_EQ(DetailOf(done.status())->metadata.at("index"), "1");
  };
  refused({recursively("/a"), recursively("/b")});
  EXPECT_LE(store_.rows_listed, limits::kObjectsPerCall + 1);
  refused({recursively("/b"), recursively("/a")});
  EXPECT_LE(store_.rows_listed, limits::kObjectsPerCall + 1);
  EXPECT_EQ(Names().size(), size_t{limits::kObjectsPerCall} + 1);
  EXPECT_TRUE(Transact({.compare = {},
                        .success = {recursively("/b"), CreateObject{.name = "/c"}},
                        .failure = {}})
                  .ok());
}

TEST_F(ObjectsTest, APurgeOfVeryManyVersionsIsRefused) {
  ASSERT_TRUE(Create("/f/a").ok());
  Object version = store_.objects.live.at("/f/a");
  version.retire_time_ms = 1;
  for (version.generation = 2; version.generation <= 50'002; ++version.generation)
    store_.objects.versions.push_back(version);
  ASSERT_EQ(Why(Delete({.name = "/f", .recursive = true, .purge = true})), reason::kLimitReached);
  ASSERT_EQ(Why(Delete({.name = "/f/a", .purge = true})), reason::kLimitReached);
  store_.objects.versions.pop_back();
  EXPECT_TRUE(Delete({.name = "/f", .recursive = true, .purge = true}).ok());
  EXPECT_THAT(store_.objects.versions, IsEmpty());
}

TEST_F(ObjectsTest, WhatMayNoMoreBeDoneWhenItsTurnComesIsRefused) {
  ASSERT_TRUE(Create("/a", "one").ok());
  ASSERT_TRUE(Create("/f/x").ok());
  const auto names = Names();
  // Lost between the call and its transaction.
  const auto lose = [this] {
    access_ = [asked = 0](ObjectVerb, std::string_view) mutable { return asked++ == 0; };
  };
  // Moves and copies are asked for both ends.
  const auto lose_second = [this] {
    access_ = [asked = 0](ObjectVerb, std::string_view) mutable { return asked++ < 2; };
  };
  lose();
  EXPECT_EQ(Why(Create("/new")), reason::kPermissionMissing);
  lose();
  EXPECT_EQ(Why(Put("/a", "two")), reason::kPermissionMissing);
  lose();
  EXPECT_EQ(Why(Update({.name = "/a"})), reason::kPermissionMissing);
  lose();
  EXPECT_EQ(Why(Delete({.name = "/a"})), reason::kPermissionMissing);
  lose();
  EXPECT_EQ(Why(Delete({.name = "/f/", .recursive = true})), reason::kPermissionMissing);
  lose();
  EXPECT_EQ(Why(MakeFolder("/new")), reason::kPermissionMissing);
  lose_second();
  EXPECT_EQ(Why(Copy("/a", 0, "/new")), reason::kPermissionMissing);
  access_ = [asked = 0](ObjectVerb, std::string_view) mutable { return asked++ < 3; };
  EXPECT_EQ(Why(Move("/a", "/new")), reason::kPermissionMissing);
  lose();
  EXPECT_EQ(Why(Transact({.compare = {}, .success = {PutObject{.name = "/a"}}, .failure = {}})),
            reason::kPermissionMissing);
  lose();
  EXPECT_EQ(Why(Undelete("/a")), reason::kPermissionMissing);
  EXPECT_EQ(Names(), names);
}

TEST(ObjectNameTest, Grammar) {
  const auto bad = [](std::string_view given) {
    Violations v;
    ObjectName(given, "name", v);
    return !v.empty();
  };
  for (std::string_view one :
       {"", "/", "//a", "/a//b", "/a/../b", "/./a", "/a/..", "/a\nb", "/\x7f", "/\xc2\x85",
        "/\xc0\xaf", "/\xed\xa0\x80", "/\xf4\x90\x80\x80", "/\xff", "/a//", "obj_1"})
    EXPECT_TRUE(bad(one)) << one;
  EXPECT_TRUE(bad(std::string_view("/a\0b", 4)));
  EXPECT_TRUE(bad("/" + std::string(256, 'a')));
  EXPECT_TRUE(bad(std::string(1025, '/')));
  for (std::string_view one :
       {"/a", "a/b", "/a/", "/...", "/\xc5\xbc", "/\xf0\x9f\x98\x80", "/obj_1"})
    EXPECT_FALSE(bad(one)) << one;
  for (int64_t number : {int64_t{0}, int64_t{1}, int64_t{77} << 16, INT64_MAX})
    EXPECT_EQ(NumberOfObjectId(ObjectIdOf(number)), number);
  EXPECT_LT(ObjectIdOf(9 << 16), ObjectIdOf(10 << 16));
  EXPECT_EQ(EndOfPrefix("/a/"), "/a0");
  EXPECT_TRUE(IsSystemName("/proc") && IsSystemName("/sys/x") && !IsSystemName("/process"));
}

}  // namespace
}  // namespace grpc_os::core
