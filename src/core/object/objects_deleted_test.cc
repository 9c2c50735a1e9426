// What is listed of what was deleted, and to whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/object/objects.h"
#include "testing/memory_object_store.h"

namespace grpc_os::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Names = std::vector<std::string>;

struct FakeClock final : Clock {
  int64_t NowMs() const override { return now_ms; }
  int64_t now_ms = 1000;
};

bool All(ObjectVerb, std::string_view) { return true; }
std::optional<std::string> Itself(std::string_view hidden) { return std::string(hidden); }

class DeletedObjectsTest : public ::testing::Test {
 protected:
  static Objects::By Ann() {
    Objects::By by;
    by.origin.record.user = "ann";
    by.access = All;
    return by;
  }
  absl::StatusOr<Object> Create(const std::string& name, int64_t expire = 0) {
    std::optional<absl::StatusOr<Object>> got;
    objects_.Create({.name = name, .expire_time_ms = expire}, Ann(),
                    [&](absl::StatusOr<Object> object) { got = std::move(object); });
    return *std::move(got);
  }
  bool Delete(const std::string& name, bool recursive = false, bool purge = false) {
    ++clock_.now_ms;
    bool deleted = false;
    objects_.Delete({.name = name, .recursive = recursive, .purge = purge}, Ann(),
                    [&](const auto& done) { deleted = done.ok(); });
    return deleted;
  }
  absl::Status Undelete(const std::string& name) {
    std::optional<absl::Status> got;
    objects_.Undelete(name, 0, Ann(), [&](const auto& object) { got = object.status(); });
    return *got;
  }
  void MakeAndDelete(const Names& names) {
    for (const std::string& name : names) ASSERT_TRUE(Create(name).ok()) << name;
    for (const std::string& name : names) ASSERT_TRUE(Delete(name)) << name;
  }
  ObjectPage List(ObjectQuery query) {
    query.deleted = true;
    std::optional<ObjectPage> got;
    objects_.List(query, access_, hidden_up_to_,
                  [&](absl::StatusOr<ObjectPage> page) { got = *std::move(page); });
    return *std::move(got);
  }
  // By pages; the names at which they end are readable.
  Names Deleted(ObjectQuery query) {
    Names names;
    for (pages_ = 1; pages_ < 1000; ++pages_) {
      const ObjectPage page = List(query);
      for (const Object& object : page.objects) names.push_back(object.name);
      if (!page.more) return names;
      EXPECT_TRUE(access_(ObjectVerb::kRead, page.next_after)) << page.next_after;
      query.after = page.next_after;
    }
    return {"it does not end"};
  }

  grpc_os::testing::MemoryObjectStore store_;
  FakeClock clock_;
  Objects objects_{store_, clock_};
  ObjectAccess access_ = All;
  Objects::HiddenUpTo hidden_up_to_ = Itself;
  int pages_ = 0;
};

TEST_F(DeletedObjectsTest, WhatIsListedIsWhatComesBack) {
  MakeAndDelete({"/d/a", "/d/b", "/d/e/c", "/gone", "/taken", "/x"});
  ASSERT_TRUE(Create("/taken").ok());
  ASSERT_TRUE(Delete("/gone", false, true));
  ASSERT_TRUE(Create("/expires", clock_.now_ms + 10).ok());
  EXPECT_THAT(Deleted({.prefix = "/"}), ElementsAre("/d/a", "/d/b", "/d/e/c", "/x"));
  EXPECT_EQ(List({.prefix = "/x"}).objects.at(0).retire_time_ms, clock_.now_ms - 1);
  clock_.now_ms += 10;
  EXPECT_THAT(Deleted({.prefix = "/e"}), IsEmpty()) << "not before it is cleared away";
  objects_.Tick(clock_.now_ms);
  const Names listed = Deleted({.prefix = "/"});
  EXPECT_THAT(listed, ElementsAre("/d/a", "/d/b", "/d/e/c", "/expires", "/x"));
  EXPECT_THAT(Deleted({.prefix = "/d", .recursive = false}), ElementsAre("/d/a", "/d/b", "/d/e/"));
  EXPECT_FALSE(Undelete("/taken").ok());
  for (const std::string& name : listed) EXPECT_EQ(Undelete(name), absl::OkStatus()) << name;
  EXPECT_THAT(Deleted({.prefix = "/"}), IsEmpty());
}

TEST_F(DeletedObjectsTest, AFolderThatWasDeletedIsListedByWhatLayInIt) {
  for (const char* name : {"/d/a", "/d/e/b"}) ASSERT_TRUE(Create(name).ok());
  ASSERT_TRUE(Delete("/d/", true));
  EXPECT_THAT(Deleted({.prefix = "/"}), ElementsAre("/d/a", "/d/e/b"));
  EXPECT_THAT(Deleted({.prefix = "/", .recursive = false}), ElementsAre("/d/"));
  // Listed, though something else has taken the folder's place: that is told when it is tried.
  ASSERT_TRUE(Create("/d").ok());
  EXPECT_THAT(Deleted({.prefix = "/"}), ElementsAre("/d/a", "/d/e/b"));
  EXPECT_EQ(Undelete("/d/a").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(DeletedObjectsTest, OnlyWhatMayBeReadWhateverThePage) {
  Names names;
  for (int i = 10; i < 30; ++i) {
    for (const char* folder : {"/f/", "/f/hidden-", "/f/in/hidden/", "/g/hidden/"})
      names.push_back(absl::StrCat(folder, i));
  }
  MakeAndDelete(names);
  access_ = [](ObjectVerb, std::string_view name) {
    return name.starts_with("/f") && name.find("hidden") == std::string_view::npos;
  };
  const std::vector<Objects::HiddenUpTo> ways = {
      Itself, [](std::string_view hidden) -> std::optional<std::string> {
        if (hidden.starts_with("/g")) return std::nullopt;
        return hidden.starts_with("/f/in/") ? "/f/in/\xff" : std::string(hidden);
      }};
  for (const auto& way : ways) {
    hidden_up_to_ = way;
    for (const int limit : {1, 7, 19, 20, 21, 1000}) {
      EXPECT_EQ(Deleted({.prefix = "/", .limit = limit}).size(), 20u) << limit;
      EXPECT_EQ(pages_, (20 + limit - 1) / limit) << "a page is not full";
      EXPECT_EQ(Deleted({.prefix = "/f", .recursive = false, .limit = limit}).size(), 21u);
    }
  }
}

// Where the next name that may be read lies within the folder that may not be.
TEST_F(DeletedObjectsTest, AFolderThatIsHiddenIsPassed) {
  MakeAndDelete({"/f/a", "/f/in/pub/x", "/f/in/x", "/f/z"});
  access_ = [](ObjectVerb, std::string_view name) {
    return !name.starts_with("/f/in/") || name.starts_with("/f/in/pub/");
  };
  hidden_up_to_ = [](std::string_view hidden) -> std::optional<std::string> {
    return hidden < "/f/in/pub" ? "/f/in/pub" : "/f/in/\xff";
  };
  for (const int limit : {1, 2, 10}) {
    EXPECT_THAT(Deleted({.prefix = "/f/", .recursive = false, .limit = limit}),
                ElementsAre("/f/a", "/f/z"));
    EXPECT_THAT(Deleted({.prefix = "/f/", .limit = limit}),
                ElementsAre("/f/a", "/f/in/pub/x", "/f/z"));
  }
}

TEST_F(DeletedObjectsTest, APageEndsWhereEnoughWasLookedAtAndNeverAtAHiddenName) {
  Names names;
  for (int i = 10; i < 40; ++i) {
    names.push_back(absl::StrCat("/a/", i));
    names.push_back(absl::StrCat("/hidden/", i));
  }
  MakeAndDelete(names);
  for (const std::string& name : names) {
    if (name == "/a/15" || name == "/hidden/35") continue;
    ASSERT_TRUE(Create(name).ok());
  }
  access_ = [](ObjectVerb, std::string_view name) { return !name.starts_with("/hidden/"); };
  EXPECT_THAT(Deleted({.prefix = "/", .most_looks = 7}), ElementsAre("/a/15"));
  EXPECT_GT(pages_, 3);
  EXPECT_LT(pages_, 7) << "what is hidden ends no page";
}

}  // namespace
}  // namespace grpc_os::core
