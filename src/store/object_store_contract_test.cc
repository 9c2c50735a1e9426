// What every core::ObjectStore must do: the engines behind the store, and the fake that the core's
// tests run on, which is proved by that.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/object_homes_harness.h"
#include "store/objects_under_test.h"

namespace grpc_os::store {
namespace {

using core::Object;
using core::ObjectRows;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::UnorderedElementsAre;

using Names = std::vector<std::string>;

class ObjectStoreContract : public ObjectWords, public ::testing::TestWithParam<HomeFactory> {
 public:
  core::ObjectStore& Objects() override { return home_->Objects(); }

 protected:
  // What `look` finds in a transaction.
  template <typename Result>
  Result In(const std::function<absl::StatusOr<Result>(ObjectRows&)>& look) {
    absl::StatusOr<Result> found = absl::InternalError("not run");
    const Revision revision = Change([&](ObjectRows& rows, int64_t) {
      found = look(rows);
      return found.status();
    });
    Must(revision);
    return Must(std::move(found));
  }
  Names ListIn(const std::string& prefix, const std::string& after, int limit) {
    return NamesOf(
        In<std::vector<Object>>([&](ObjectRows& rows) { return rows.List(prefix, after, limit); }));
  }
  Names ExpiredAt(int64_t now_ms, int limit = 100) {
    return NamesOf(
        In<std::vector<Object>>([&](ObjectRows& rows) { return rows.ListExpired(now_ms, limit); }));
  }
  bool AnyExpired(int64_t now_ms) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<bool>>>();
    Objects().AnyExpired(now_ms, [promise](absl::StatusOr<bool> any) { promise->set_value(any); });
    return Must(promise->get_future().get());
  }
  std::optional<Object> Version(const std::string& name_or_id, int64_t generation) {
    return In<std::optional<Object>>(
        [&](ObjectRows& rows) { return rows.FindVersion(name_or_id, generation); });
  }
  Revision Update(const Object& object, ObjectRows::Content content) {
    return Change([=](ObjectRows& rows, int64_t) { return rows.Update(object, content); });
  }
  Revision Rename(const std::string& from, const std::string& to, int64_t* renamed,
                  int64_t now_ms = 0) {
    return Change([=](ObjectRows& rows, int64_t revision) {
      const auto count = rows.Rename(from, to, revision, now_ms);
      if (count.ok()) *renamed = *count;
      return count.status();
    });
  }

  const std::unique_ptr<Home> home_ = GetParam().make();
};

// Each field differs from its default and from its neighbours.
Object FullObject() {
  Object object = MakeObject(70'000, "/a/full");
  object.id = "obj_wished";
  object.generation = 11;
  object.metageneration = 12;
  object.create_revision = 13;
  object.revision = 14;
  object.size_bytes = 15;
  object.sha256 = std::string("\0sha\xff", 5) + std::string(27, 's');
  object.crc32c = 0xfffffff0;
  object.content_type = "text/plain; charset=utf-8";
  object.metadata = {{"k", "v"}, {"empty", ""}, {"ż", "line\nbreak"}};
  object.owner = "ann";
  object.create_time_ms = 16;
  object.update_time_ms = 17;
  object.expire_time_ms = 18;
  object.data = std::string("bytes\0of\xff", 9);
  return object;
}

TEST_P(ObjectStoreContract, WhatIsInsertedComesBackWhole) {
  const Object full = FullObject();
  const Object folder = MakeObject(2, "/a/folder/");
  ASSERT_EQ(NumberOf(Insert({full, folder})), 1);
  EXPECT_EQ(Find("/a/full"), full);
  EXPECT_EQ(Find("obj_wished"), full);
  EXPECT_EQ(Find("obj_wished", 11), full);
  EXPECT_EQ(Find("/a/full", 0, /*data=*/false), WithoutData(full));
  EXPECT_EQ(Find("/a/folder/"), folder);
  EXPECT_EQ(Find(folder.id), folder);
  for (const char* none : {"/a", "/a/", "/a/fulle", "/a/folder", "obj_1", "obj_full"})
    EXPECT_EQ(Find(none), std::nullopt) << none;
  EXPECT_EQ(Find(core::ObjectIdOf(70'000)), std::nullopt) << "it has another id";
  EXPECT_EQ(Find("/a/full", 12), std::nullopt);
  EXPECT_EQ(List({.prefix = "/"}).objects, (std::vector<Object>{folder, WithoutData(full)}));
  EXPECT_EQ(List({.prefix = "/"}).revision, 1);
}

TEST_P(ObjectStoreContract, ATransactionSeesWhatItChanged) {
  ASSERT_TRUE(InsertNamed({"/a", "/b"}).ok());
  const Revision done = Change([&](ObjectRows& rows, int64_t revision) {
    EXPECT_EQ(revision, 2);
    EXPECT_TRUE(rows.Remove(MakeObject(1, "/a")).ok());
    EXPECT_EQ(rows.FindByName("/a").value(), std::nullopt);
    EXPECT_EQ(rows.FindById(core::ObjectIdOf(1)).value(), std::nullopt);
    EXPECT_FALSE(rows.Exists("/a").value());
    EXPECT_EQ(rows.NameFrom("/").value(), "/b");
    EXPECT_EQ(rows.NameBefore("/b").value(), "");
    EXPECT_TRUE(rows.Insert(MakeObject(3, "/c/d")).ok());
    EXPECT_EQ(rows.FindByName("/c/d").value(), WithoutData(MakeObject(3, "/c/d")));
    EXPECT_EQ(rows.DataOf(MakeObject(3, "/c/d")).value(), "/c/d");
    EXPECT_TRUE(rows.Exists("/c/d").value());
    EXPECT_EQ(rows.NameFrom("/b").value(), "/b");
    EXPECT_EQ(rows.NameFrom("/b ").value(), "/c/d");
    EXPECT_EQ(rows.NameFrom("/c/d0").value(), "");
    EXPECT_EQ(rows.NameBefore("/zz").value(), "/c/d");
    EXPECT_TRUE(rows.AnyBelow("/c/").value());
    EXPECT_TRUE(rows.AnyBelow("/").value());
    EXPECT_FALSE(rows.AnyBelow("/b/").value());
    EXPECT_TRUE(rows.Insert(MakeObject(4, "/e/")).ok());
    EXPECT_FALSE(rows.AnyBelow("/e/").value()) << "its own row is not below it";
    EXPECT_EQ(NamesOf(rows.List("/", "/b", 10).value()), (Names{"/c/d", "/e/"}));
    return absl::OkStatus();
  });
  EXPECT_EQ(NumberOf(done), 2);
  EXPECT_THAT(NamesBelow("/"), ElementsAre("/b", "/c/d", "/e/"));
}

TEST_P(ObjectStoreContract, NamesNumbersAndIdsAreTakenOnce) {
  Object wished = MakeObject(1, "/a");
  wished.id = "obj_one";
  ASSERT_TRUE(Insert({wished}).ok());
  Object same_id = MakeObject(2, "/b");
  same_id.id = "obj_one";
  for (const Object& other : {MakeObject(2, "/a"), MakeObject(1, "/b"), same_id}) {
    const Revision refused = Insert({MakeObject(9, "/before"), other});
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
    EXPECT_EQ(ReasonOf(refused.status()), "");
  }
  EXPECT_THAT(NamesBelow("/"), ElementsAre("/a"));
  ASSERT_TRUE(InsertNamed({"/c"}, 3).ok());
  Object onto = MakeObject(3, "/a");
  EXPECT_EQ(Update(onto, ObjectRows::Content::kStays).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(NumberOf(InsertNamed({"/d"}, 4)), 3) << "a refused change took a revision";
}

// ---- Lists --------------------------------------------------------------------------------------

const Names& ManyNames() {
  static const auto* const names = new Names{"/",
                                             "/a",
                                             "/A",
                                             "/a-b",
                                             "/a/",
                                             "/a/b/c/d",
                                             "/a/b/c/e",
                                             "/a/b.c",
                                             "/a0",
                                             "/ab",
                                             "/ab/",
                                             "/ab/x",
                                             "/b b/1",
                                             "/b b/2",
                                             "/c%_/x",
                                             "/c%_y",
                                             "/\x7f/del",
                                             "/\xc3\xa9",
                                             "/\xc3\xa9/x",
                                             "/e\xcc\x81",
                                             "/\xf0\x9f\x98\x80",
                                             "/\xf4\x8f\xbf\xbf/last",
                                             "/\xf4\x8f\xbf\xbf/last/1"};
  return *names;
}

Names Below(const std::string& prefix) {
  Names names;
  for (const std::string& name : ManyNames())
    if (name.starts_with(prefix)) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}
Names Inside(const std::string& folder) {
  Names names;
  for (const std::string& name : Below(folder)) {
    if (name == folder) continue;
    const size_t slash = name.find('/', folder.size());
    names.push_back(slash == std::string::npos ? name : name.substr(0, slash + 1));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

TEST_P(ObjectStoreContract, ListsAreInTheOrderOfBytesWhateverThePage) {
  ASSERT_TRUE(InsertNamed(ManyNames()).ok());
  for (const char* prefix : {"/", "/a", "/a/", "/a/b", "/ab/", "/c%_", "/\xf4", "/\xf4\x8f\xbf\xbf",
                             "/\xc3\xa9", "/zzz", ""}) {
    for (int limit = 1; limit < 25; ++limit)
      EXPECT_EQ(NamesBelow(prefix, limit), Below(prefix)) << prefix << " by " << limit;
  }
  EXPECT_EQ(NamesOf(List({.prefix = "/a", .after = "/", .limit = 100}).objects), Below("/a"));
  EXPECT_THAT(List({.prefix = "/a", .after = "/b"}).objects, IsEmpty());
  EXPECT_THAT(List({.prefix = "/a", .after = "/ab/"}).objects, ::testing::SizeIs(1));
}

TEST_P(ObjectStoreContract, AFoldersListHasWhatLiesInItselfWhateverThePage) {
  ASSERT_TRUE(InsertNamed(ManyNames()).ok());
  for (const char* folder : {"/", "/a/", "/a/b/", "/ab/", "/b b/", "/c%_/", "/\xc3\xa9/",
                             "/\xf4\x8f\xbf\xbf/", "/\xf4\x8f\xbf\xbf/last/", "/zzz/"}) {
    for (int limit = 1; limit < 25; ++limit)
      EXPECT_EQ(NamesIn(folder, limit), Inside(folder)) << folder << " by " << limit;
  }
}

TEST_P(ObjectStoreContract, AnImpliedFolderIsAName) {
  ASSERT_TRUE(InsertNamed({"/a/b/x", "/c/", "/c/y"}).ok());
  EXPECT_THAT(List({.prefix = "/", .recursive = false}).objects,
              ElementsAre(Object{.name = "/a/", .folder = true, .metageneration = 0},
                          MakeObject(2, "/c/")));
}

TEST_P(ObjectStoreContract, TheListOfTheTransactionIsBoundedOnBothSides) {
  ASSERT_TRUE(InsertNamed(ManyNames()).ok());
  EXPECT_EQ(ListIn("/a/", "", 100), Below("/a/"));
  EXPECT_EQ(ListIn("/a/", "/a/b", 2), (Names{"/a/b.c", "/a/b/c/d"}));
  EXPECT_EQ(ListIn("/a/", "/a/b/c/e", 2), Names());
  EXPECT_EQ(ListIn("/", "", 3), (Names{"/", "/A", "/a"}));
}

// ---- Changes ------------------------------------------------------------------------------------

TEST_P(ObjectStoreContract, AnUpdateChangesAllOrAllButTheContent) {
  const Object full = FullObject();
  ASSERT_TRUE(Insert({full}).ok());
  Object next = full;
  next.metageneration = 31;
  next.revision = 32;
  next.content_type = "text/html";
  next.metadata = {{"other", "one"}};
  next.update_time_ms = 33;
  next.expire_time_ms = 0;
  next.data = "not this";
  ASSERT_TRUE(Update(next, ObjectRows::Content::kStays).ok());
  next.data = full.data;
  EXPECT_EQ(Find("/a/full"), next);
  EXPECT_FALSE(AnyExpired(INT64_MAX));
  next.name = "/moved";
  next.data = "new bytes";
  next.size_bytes = 9;
  next.sha256 = ShaOf('n');
  next.crc32c = 5;
  next.generation = 40;
  next.expire_time_ms = 77;
  ASSERT_TRUE(Update(next, ObjectRows::Content::kReplaced).ok());
  EXPECT_EQ(Find("/moved"), next);
  EXPECT_EQ(Find("obj_wished"), next);
  EXPECT_EQ(Find("/a/full"), std::nullopt);
  EXPECT_TRUE(AnyExpired(77));
}

TEST_P(ObjectStoreContract, ARenamedFolderTakesAllOfItAndNothingElse) {
  Names names = {"/f", "/f-x", "/f0", "/f/", "/f/a", "/f/b/c", "/f/\xc5\xbc/d"};
  std::vector<Object> objects;
  int64_t number = 1;
  for (const std::string& name : names) objects.push_back(MakeObject(number++, name));
  objects[4].id = "obj_a";
  objects[4].expire_time_ms = 50;
  ASSERT_TRUE(Insert(objects).ok());
  ASSERT_TRUE(Replace(MakeObject(6, "/f/b/c"), 5).ok());
  int64_t renamed = 0;
  ASSERT_EQ(NumberOf(Rename("/f/", "/\xc3\xa9t\xc3\xa9/g/", &renamed, 99)), 3);
  EXPECT_EQ(renamed, 4);
  EXPECT_THAT(NamesBelow("/"),
              ElementsAre("/f", "/f-x", "/f0", "/\xc3\xa9t\xc3\xa9/g/", "/\xc3\xa9t\xc3\xa9/g/a",
                          "/\xc3\xa9t\xc3\xa9/g/b/c", "/\xc3\xa9t\xc3\xa9/g/\xc5\xbc/d"));
  const auto moved = Find("obj_a");
  ASSERT_TRUE(moved.has_value());
  EXPECT_EQ(moved->name, "/\xc3\xa9t\xc3\xa9/g/a");
  EXPECT_EQ(moved->revision, 3);
  EXPECT_EQ(moved->update_time_ms, 99);
  EXPECT_EQ(moved->generation, 1);
  EXPECT_EQ(moved->data, "/f/a");
  EXPECT_EQ(Find("/f0")->revision, 1);
  EXPECT_THAT(ExpiredAt(50), ElementsAre(moved->name));
  EXPECT_EQ(Version("/f/b/c", 1)->number, 6) << "a version keeps the name that it had";
  ASSERT_TRUE(Rename("/none/", "/other/", &renamed).ok());
  EXPECT_EQ(renamed, 0);
}

TEST_P(ObjectStoreContract, ExpiriesAreFoundOnceTheyAreDue) {
  std::vector<Object> objects;
  for (int i = 1; i <= 5; ++i) {
    objects.push_back(MakeObject(i, absl::StrCat("/", i)));
    objects.back().expire_time_ms = i == 5 ? 0 : i * 10;
  }
  ASSERT_TRUE(Insert(objects).ok());
  EXPECT_FALSE(AnyExpired(9));
  EXPECT_TRUE(AnyExpired(10));
  EXPECT_THAT(ExpiredAt(9), IsEmpty());
  EXPECT_THAT(ExpiredAt(20), UnorderedElementsAre("/1", "/2"));
  EXPECT_THAT(ExpiredAt(INT64_MAX), ::testing::SizeIs(4));
  EXPECT_THAT(ExpiredAt(INT64_MAX, 3), ::testing::SizeIs(3));
  EXPECT_EQ(Find("/1", 0, true, 10), std::nullopt);
  EXPECT_EQ(Find("/1", 1, true, 10), std::nullopt);
  EXPECT_TRUE(Find("/1", 0, true, 9).has_value());
  EXPECT_THAT(NamesOf(List({.prefix = "/", .now_ms = 20}).objects), ElementsAre("/3", "/4", "/5"));
  EXPECT_THAT(NamesOf(List({.prefix = "/", .recursive = false, .now_ms = 40}).objects),
              ElementsAre("/5"));
  EXPECT_THAT(ListIn("/", "", 10), ::testing::SizeIs(5)) << "a change sees what has expired";
  ASSERT_TRUE(Delete("/1").ok());
  ASSERT_TRUE(Delete("/2").ok());
  EXPECT_FALSE(AnyExpired(29));
}

// ---- Versions -----------------------------------------------------------------------------------

Object Next(Object object, int64_t generation) {
  object.generation = object.revision = generation;
  object.data = absl::StrCat("content ", generation);
  object.size_bytes = static_cast<int64_t>(object.data.size());
  return object;
}

TEST_P(ObjectStoreContract, WhatIsReplacedOrDeletedStaysAsAVersion) {
  const Object first = MakeObject(1, "/a");
  ASSERT_TRUE(Insert({first}).ok());
  ASSERT_TRUE(Replace(Next(first, 2), 20).ok());
  ASSERT_TRUE(Delete("/a", 30).ok());
  Object one = first;
  one.retire_time_ms = 20;
  Object two = Next(first, 2);
  two.retire_time_ms = 30;
  two.deleted = true;
  EXPECT_EQ(Find("/a"), std::nullopt);
  EXPECT_EQ(Find("/a", 1), one);
  EXPECT_EQ(Find(first.id, 2), two);
  EXPECT_EQ(Find("/a", 2, false), WithoutData(two));
  EXPECT_EQ(Find("/a", 3), std::nullopt);
  EXPECT_EQ(Version("/a", 0), WithoutData(two)) << "the one that was deleted";
  EXPECT_EQ(Version(first.id, 1), WithoutData(one));
  EXPECT_EQ(Version("/b", 0), std::nullopt);
  EXPECT_EQ(In<std::string>([&](ObjectRows& rows) { return rows.DataOf(one); }), first.data);
  // Another one under the same name: what was deleted last is found.
  ASSERT_TRUE(Insert({Next(MakeObject(2, "/a"), 5)}).ok());
  EXPECT_EQ(Version("/a", 0)->generation, 2);
  ASSERT_TRUE(Delete("/a", 40).ok());
  EXPECT_EQ(Version("/a", 0)->generation, 5);
  EXPECT_EQ(Version(first.id, 0)->generation, 2);
  const core::VersionKey replaced = {1, 1, first.id, "/a", false};
  const core::VersionKey deleted = {1, 2, first.id, "/a", true};
  const core::VersionKey other = {2, 5, core::ObjectIdOf(2), "/a", true};
  const auto keys = [&](const std::string& name_or_id) {
    return In<std::vector<core::VersionKey>>(
        [&](ObjectRows& rows) { return rows.ListVersionKeys(name_or_id); });
  };
  EXPECT_THAT(keys("/a"), ElementsAre(other, deleted, replaced));
  EXPECT_THAT(keys(first.id), ElementsAre(deleted, replaced));
  EXPECT_THAT(keys("/b"), IsEmpty());
  EXPECT_THAT(Generations("/a"), ElementsAre(5, 2, 1));
}

TEST_P(ObjectStoreContract, VersionsAreListedByPagesTheNewestFirst) {
  Object object = MakeObject(1, "/a");
  object.id = "obj_many";
  ASSERT_TRUE(Insert({object, MakeObject(2, "/other")}).ok());
  for (int64_t generation = 2; generation <= 9; ++generation)
    ASSERT_TRUE(Replace(Next(object, generation), generation * 10).ok());
  for (const char* reference : {"/a", "obj_many"}) {
    for (int limit = 1; limit <= 10; ++limit) {
      EXPECT_THAT(Generations(reference, limit), ElementsAre(9, 8, 7, 6, 5, 4, 3, 2, 1))
          << reference << " by " << limit;
    }
  }
  const auto page = VersionPage("/a", {9, 0}, 2);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(page.objects.at(0), WithoutData(*Find("/a", 8)));
  EXPECT_EQ(page.objects.at(0).retire_time_ms, 90);
  EXPECT_FALSE(VersionPage("/a", {2, 0}, 1).more);
  EXPECT_THAT(VersionPage("/a", {1, 0}, 5).objects, IsEmpty());
  EXPECT_THAT(VersionPage("/none", {}, 5).objects, IsEmpty());
  ASSERT_TRUE(Delete("/a", 100).ok());
  EXPECT_THAT(Generations("/a", 4), ElementsAre(9, 8, 7, 6, 5, 4, 3, 2, 1));
}

// Two objects of one transaction, which had the same name one after the other.
TEST_P(ObjectStoreContract, VersionsOfOneGenerationAreAllListed) {
  ASSERT_TRUE(InsertNamed({"/a", "/b", "/c", "/d"}).ok());
  for (const char* name : {"/b", "/c", "/d"}) {
    ASSERT_TRUE(Delete("/a", 20).ok());
    ASSERT_TRUE(Change([name](ObjectRows& rows, int64_t) {
                  Object moved = **rows.FindByName(name);
                  moved.name = "/a";
                  return rows.Update(moved, ObjectRows::Content::kStays);
                }).ok());
  }
  for (const bool live : {true, false}) {
    for (int limit = 1; limit <= 5; ++limit) {
      std::vector<int64_t> numbers;
      core::ObjectPage page = {.objects = {}, .more = true};
      for (core::VersionPlace before; page.more; before = core::PlaceOf(page.objects.back())) {
        page = VersionPage("/a", before, limit);
        for (const Object& one : page.objects) numbers.push_back(one.number);
      }
      EXPECT_THAT(numbers, ElementsAre(4, 3, 2, 1)) << "by " << limit;
    }
    if (live) {
      ASSERT_TRUE(Delete("/a", 30).ok());
    }
  }
}

TEST_P(ObjectStoreContract, AnObjectKeepsItsNewestVersions) {
  const Object object = MakeObject(1, "/a");
  ASSERT_TRUE(Insert({object}).ok());
  constexpr int kMany = limits::kVersionsPerObject + 5;
  for (int64_t generation = 2; generation <= kMany + 1; ++generation)
    ASSERT_TRUE(Replace(Next(object, generation), generation).ok());
  const std::vector<int64_t> kept = Generations("/a");
  ASSERT_EQ(kept.size(), size_t{limits::kVersionsPerObject} + 1) << "and the live one";
  EXPECT_EQ(kept.front(), kMany + 1);
  EXPECT_EQ(kept.back(), 6);
  EXPECT_EQ(Find("/a", 5), std::nullopt);
}

TEST_P(ObjectStoreContract, ANameKeepsItsNewestVersions) {
  constexpr int kMany = limits::kVersionsPerObject + 3;
  for (int64_t number = 1; number <= kMany; ++number) {
    ASSERT_TRUE(Insert({Next(MakeObject(number, "/a"), number)}).ok());
    ASSERT_TRUE(Delete("/a", number).ok());
  }
  const std::vector<int64_t> kept = Generations("/a");
  EXPECT_EQ(kept.size(), size_t{limits::kVersionsPerObject});
  EXPECT_EQ(kept.back(), 4);
}

TEST_P(ObjectStoreContract, VersionsAreRemovedOneByOneOrAllOfAnObject) {
  const Object object = MakeObject(1, "/a");
  ASSERT_TRUE(Insert({object, MakeObject(2, "/b")}).ok());
  for (int64_t generation = 2; generation <= 4; ++generation)
    ASSERT_TRUE(Replace(Next(object, generation), generation).ok());
  ASSERT_TRUE(Delete("/b", 9).ok());
  ASSERT_TRUE(Change([](ObjectRows& rows, int64_t) { return rows.RemoveVersion(1, 2); }).ok());
  EXPECT_THAT(Generations("/a"), ElementsAre(4, 3, 1));
  ASSERT_TRUE(Change([](ObjectRows& rows, int64_t) { return rows.RemoveVersions(1); }).ok());
  EXPECT_THAT(Generations("/a"), ElementsAre(4));
  EXPECT_THAT(Generations("/b"), ElementsAre(1));
  EXPECT_EQ(Find("/a")->generation, 4);
}

// An id is an object's for as long as it is live or has versions.
TEST_P(ObjectStoreContract, AWishedIdFindsTheLiveObjectAndItsVersions) {
  Object object = MakeObject(1, "/a");
  object.id = "obj_mine";
  ASSERT_TRUE(Insert({object}).ok());
  ASSERT_TRUE(Replace(Next(object, 2), 20).ok());
  EXPECT_EQ(Find("obj_mine")->generation, 2);
  EXPECT_EQ(Find("obj_mine", 1)->data, "/a");
  ASSERT_TRUE(Delete("/a", 30).ok());
  EXPECT_EQ(Find("obj_mine"), std::nullopt);
  EXPECT_EQ(Version("obj_mine", 0)->generation, 2);
  // Brought back, as core::Objects does.
  Object back = Next(object, 3);
  ASSERT_TRUE(Change([&](ObjectRows& rows, int64_t) {
                if (auto status = rows.Insert(back); !status.ok()) return status;
                return rows.RemoveVersion(1, 2);
              }).ok());
  EXPECT_EQ(Find("obj_mine"), back);
  EXPECT_THAT(Generations("obj_mine"), ElementsAre(3, 1));
  ASSERT_TRUE(Delete("/a", 40).ok());
  ASSERT_TRUE(Change([](ObjectRows& rows, int64_t) { return rows.RemoveVersions(1); }).ok());
  EXPECT_THAT(Generations("obj_mine"), IsEmpty());
  Object other = MakeObject(2, "/b");
  other.id = "obj_mine";
  ASSERT_TRUE(Insert({other}).ok());
  EXPECT_EQ(Find("obj_mine")->name, "/b");
}

TEST_P(ObjectStoreContract, MeasuresWhatLiesBelowAPrefix) {
  ASSERT_TRUE(InsertNamed({"/a/1", "/a/22", "/a/f/", "/b/333", "/b/4"}).ok());
  ASSERT_TRUE(Replace(Next(MakeObject(4, "/b/333"), 2), 1).ok());
  ASSERT_TRUE(Delete("/b/4", 2).ok());
  for (int limit = 1; limit < 8; ++limit) {
    const core::ObjectUsage all = Measure("/", limit);
    EXPECT_EQ(all.objects, 3) << limit;
    EXPECT_EQ(all.bytes, 4 + 5 + 9) << limit;
    EXPECT_EQ(all.versions, 2) << limit;
    EXPECT_EQ(all.version_bytes, 6 + 4) << limit;
    EXPECT_EQ(Measure("/a/", limit).objects, 2);
    EXPECT_EQ(Measure("/a/", limit).versions, 0);
    EXPECT_EQ(Measure("/b/3", limit).objects, 1);
    EXPECT_EQ(Measure("/none", limit).objects, 0);
  }
}

TEST_P(ObjectStoreContract, ARefusedChangeLeavesNothing) {
  ASSERT_TRUE(InsertNamed({"/a", "/b"}).ok());
  for (const auto refuses : {Refuses::kAnyhow, Refuses::kClean}) {
    const Revision refused = SubmitChange(
                                 [&](ObjectRows& rows, int64_t) {
                                   if (refuses == Refuses::kAnyhow) {
                                     EXPECT_TRUE(rows.Insert(MakeObject(9, "/c")).ok());
                                     EXPECT_TRUE(rows.Remove(MakeObject(1, "/a")).ok());
                                   }
                                   return absl::NotFoundError("no");
                                 },
                                 refuses)
                                 .get();
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(NamesBelow("/"), ElementsAre("/a", "/b"));
  }
  EXPECT_EQ(NumberOf(Delete("/a")), 2);
}

INSTANTIATE_TEST_SUITE_P(Stores, ObjectStoreContract, ::testing::ValuesIn(HomeFactories()),
                         [](const auto& suite) { return suite.param.name; });

}  // namespace
}  // namespace grpc_os::store
