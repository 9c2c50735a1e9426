// What every core::ObjectStore must list of what was deleted.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/object_homes_harness.h"

namespace grpc_os::store {
namespace {

using core::Object;
using core::ObjectRows;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Names = std::vector<std::string>;

class DeletedObjectsContract : public ObjectWords, public ::testing::TestWithParam<HomeFactory> {
 public:
  core::ObjectStore& Objects() override { return home_->Objects(); }

 protected:
  static core::ObjectQuery Below(const std::string& prefix, int limit = 100) {
    return {.prefix = prefix, .limit = limit, .deleted = true};
  }
  static core::ObjectQuery In(const std::string& folder, int limit = 100) {
    return {.prefix = folder, .recursive = false, .limit = limit, .deleted = true};
  }
  Names Deleted(const std::string& prefix = "/", int limit = 100) {
    return PagedNames(Below(prefix, limit));
  }
  void MakeAndDelete(const Names& names) {
    ASSERT_TRUE(InsertNamed(names, next_number_).ok());
    next_number_ += static_cast<int64_t>(names.size());
    for (const std::string& name : names) ASSERT_TRUE(Delete(name, ++now_ms_).ok());
  }
  Revision Move(const std::string& from, const std::string& to) {
    return Change([=](ObjectRows& rows, int64_t) {
      Object moved = **rows.FindByName(from);
      moved.name = to;
      return rows.Update(moved, ObjectRows::Content::kStays);
    });
  }
  // As core::Objects does.
  Revision Undelete(const std::string& name, int64_t generation) {
    return Change([=](ObjectRows& rows, int64_t) {
      const Object version = **rows.FindVersion(name, 0);
      Object back = version;
      back.generation = generation;
      back.data = *rows.DataOf(version);
      back.retire_time_ms = 0;
      back.deleted = false;
      if (auto status = rows.Insert(back); !status.ok()) return status;
      return rows.RemoveVersion(version.number, version.generation);
    });
  }

  const std::unique_ptr<Home> home_ = GetParam().make();
  int64_t next_number_ = 1;
  int64_t now_ms_ = 100;
};

TEST_P(DeletedObjectsContract, EachNameAsItWasDeletedLast) {
  EXPECT_THAT(Deleted(), IsEmpty());
  Object object = MakeObject(1, "/a");
  object.id = "obj_wished";
  ASSERT_TRUE(Insert({object, MakeObject(2, "/b"), MakeObject(3, "/stays")}).ok());
  object.generation = 5;
  ASSERT_TRUE(Replace(object, 10).ok());
  EXPECT_THAT(Deleted(), IsEmpty()) << "what is replaced is not deleted";
  ASSERT_TRUE(Delete("/a", 20).ok());
  object.retire_time_ms = 20;
  object.deleted = true;
  EXPECT_EQ(List(Below("/")).objects, std::vector{WithoutData(object)});
  EXPECT_EQ(List(Below("/")).revision, 3);
  EXPECT_THAT(NamesBelow("/"), ElementsAre("/b", "/stays"));
  // Another one of that name, and of an older generation: what was deleted last is told.
  Object other = MakeObject(9, "/a");
  other.generation = 4;
  ASSERT_TRUE(Insert({other}).ok());
  EXPECT_THAT(Deleted(), IsEmpty()) << "the name is live";
  ASSERT_TRUE(Delete("/a", 30).ok());
  other.retire_time_ms = 30;
  other.deleted = true;
  EXPECT_EQ(List(Below("/")).objects, std::vector{WithoutData(other)});
  ASSERT_TRUE(Change([](ObjectRows& rows, int64_t) { return rows.RemoveVersions(9); }).ok());
  EXPECT_EQ(List(Below("/")).objects, std::vector{WithoutData(object)});
}

TEST_P(DeletedObjectsContract, WhatCameBackIsNotListedWhereverItIs) {
  MakeAndDelete({"/a", "/b", "/c"});
  ASSERT_TRUE(Undelete("/b", 7).ok());
  EXPECT_THAT(Deleted(), ElementsAre("/a", "/c"));
  ASSERT_TRUE(Move("/b", "/moved").ok());
  EXPECT_THAT(Deleted(), ElementsAre("/a", "/c"));
  ASSERT_TRUE(Delete("/moved", 300).ok());
  EXPECT_THAT(Deleted(), ElementsAre("/a", "/c", "/moved"));
}

TEST_P(DeletedObjectsContract, AnIdThatIsLiveUnderAnotherNameCannotComeBack) {
  ASSERT_TRUE(InsertNamed({"/a"}).ok());
  ASSERT_TRUE(Delete("/a", 20).ok());
  // Brought back, with its older deletion still among the versions.
  Object back = MakeObject(1, "/elsewhere");
  back.generation = 5;
  ASSERT_TRUE(Insert({back}).ok());
  EXPECT_THAT(Deleted(), IsEmpty());
  Object wished = MakeObject(2, "/w");
  wished.id = "obj_wished";
  ASSERT_TRUE(Insert({wished}).ok());
  ASSERT_TRUE(Delete("/w", 30).ok());
  EXPECT_THAT(Deleted(), ElementsAre("/w"));
  Object same = MakeObject(3, "/other");
  same.id = "obj_wished";
  ASSERT_TRUE(Insert({same}).ok());
  EXPECT_THAT(Deleted(), IsEmpty());
}

TEST_P(DeletedObjectsContract, WhatHasExpiredIsNotInTheWay) {
  MakeAndDelete({"/a"});
  Object live = MakeObject(5, "/a");
  live.expire_time_ms = 1000;
  ASSERT_TRUE(Insert({live}).ok());
  core::ObjectQuery query = Below("/");
  query.now_ms = 999;
  EXPECT_THAT(List(query).objects, IsEmpty());
  query.now_ms = 1000;
  EXPECT_THAT(NamesOf(List(query).objects), ElementsAre("/a"));
}

TEST_P(DeletedObjectsContract, ListsAreInTheOrderOfBytesWhateverThePage) {
  const Names sorted = {"/", "/a", "/a b", "/a/b", "/a0", "/b/c/d", "/b/c/e", "/b/d", "/\xc5\xbc"};
  Names names(sorted.rbegin(), sorted.rend());
  names.pop_back();
  MakeAndDelete(names);
  ASSERT_TRUE(InsertNamed({"/a/live", "/b", "/live"}, 50).ok());
  for (int limit = 1; limit <= 10; ++limit) {
    EXPECT_EQ(Deleted("/", limit), Names(sorted.begin() + 1, sorted.end())) << limit;
    EXPECT_THAT(Deleted("/b", limit), ElementsAre("/b/c/d", "/b/c/e", "/b/d"));
    EXPECT_THAT(Deleted("/a/", limit), ElementsAre("/a/b"));
    EXPECT_THAT(Deleted("/none", limit), IsEmpty());
    EXPECT_THAT(PagedNames(In("/", limit)),
                ElementsAre("/a", "/a b", "/a/", "/a0", "/b/", "/\xc5\xbc"));
    EXPECT_THAT(PagedNames(In("/b/", limit)), ElementsAre("/b/c/", "/b/d"));
    EXPECT_THAT(PagedNames(In("/b/c/", limit)), ElementsAre("/b/c/d", "/b/c/e"));
  }
  const core::ObjectPage page = List(In("/b/"));
  EXPECT_EQ(page.objects.at(0), (Object{.name = "/b/c/", .folder = true, .metageneration = 0}));
  EXPECT_TRUE(page.objects.at(1).deleted);
  core::ObjectQuery after = In("/b/");
  after.after = "/b/c/";
  EXPECT_THAT(NamesOf(List(after).objects), ElementsAre("/b/d")) << "the folder was told";
}

TEST_P(DeletedObjectsContract, AFolderOfWhichAllIsBackIsNotImplied) {
  MakeAndDelete({"/d/a", "/d/b", "/e/a", "/e/b"});
  ASSERT_TRUE(InsertNamed({"/d/a", "/d/b", "/e/a"}, 50).ok());
  EXPECT_THAT(PagedNames(In("/")), ElementsAre("/e/"));
}

// Of names that are live again very many may be looked at for nothing.
TEST_P(DeletedObjectsContract, APageEndsWhereEnoughWasLookedAt) {
  Names names;
  for (int i = 10; i < 40; ++i) names.push_back(absl::StrCat("/d/", i));
  names.push_back("/e");
  MakeAndDelete(names);
  names.resize(29);
  ASSERT_TRUE(InsertNamed(names, 100).ok());
  for (const bool recursive : {true, false}) {
    for (const std::string prefix : {"/", "/d/"}) {
      core::ObjectQuery query = {
          .prefix = prefix, .recursive = recursive, .limit = 5, .deleted = true, .most_looks = 10};
      Names found;
      std::vector<std::string> stops;
      for (int pages = 1;; ++pages) {
        ASSERT_LT(pages, 10);
        const core::ObjectPage page = List(query);
        for (const Object& object : page.objects) found.push_back(object.name);
        if (!page.more) break;
        ASSERT_THAT(page.objects, IsEmpty());
        stops.push_back(page.next_after);
        query.after = page.next_after;
      }
      EXPECT_THAT(stops, ElementsAre("/d/19", "/d/29")) << prefix << recursive;
      Names expected = {prefix == "/" && !recursive ? "/d/" : "/d/39"};
      if (prefix == "/") expected.push_back("/e");
      EXPECT_EQ(found, expected) << prefix << recursive;
    }
  }
}

TEST_P(DeletedObjectsContract, WhatIsForgottenIsListedNoMore) {
  MakeAndDelete({"/a", "/b"});
  ASSERT_TRUE(Change([](ObjectRows& rows, int64_t) { return rows.RemoveVersion(1, 1); }).ok());
  EXPECT_THAT(Deleted(), ElementsAre("/b"));
  // The name's newest versions push the deletion out.
  Object object = MakeObject(10, "/b");
  ASSERT_TRUE(Insert({object}).ok());
  for (int i = 0; i < limits::kVersionsPerObject; ++i) {
    object.generation = 10 + i;
    ASSERT_TRUE(Replace(object, 500 + i).ok());
  }
  ASSERT_TRUE(Move("/b", "/moved").ok());
  EXPECT_THAT(Deleted(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Stores, DeletedObjectsContract, ::testing::ValuesIn(HomeFactories()),
                         [](const auto& suite) { return suite.param.name; });

}  // namespace
}  // namespace grpc_os::store
