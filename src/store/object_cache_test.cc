#include "store/object_cache.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/objects_under_test.h"

namespace grpc_os::store {
namespace {

using core::Object;
using testing::Eq;
using testing::Optional;

constexpr int64_t kBytes = 1 << 20;

class ObjectCacheTest : public testing::Test {
 protected:
  // As the reader does.
  void Keep(const Object& object) { cache_.Keep(object, cache_.Epoch()); }
  std::optional<Object> Find(const std::string& name_or_id, int64_t generation = 0,
                             bool data = true, int64_t now_ms = 0) {
    return cache_.Find({name_or_id, generation, data, now_ms});
  }

  const Object object_ = MakeObject(7, "/a");
  ObjectCache cache_{kBytes};
};

TEST_F(ObjectCacheTest, FindsByNameAndByIdWithAndWithoutData) {
  EXPECT_EQ(Find("/a"), std::nullopt);
  Keep(object_);
  EXPECT_THAT(Find("/a"), Optional(Eq(object_)));
  EXPECT_THAT(Find(object_.id), Optional(Eq(object_)));
  EXPECT_THAT(Find("/a", 0, false), Optional(Eq(WithoutData(object_))));
  EXPECT_THAT(Find("/a"), Optional(Eq(object_)));
  EXPECT_EQ(Find("/a/"), std::nullopt);
}

TEST_F(ObjectCacheTest, FindsTheLiveGenerationOnlyAndNothingThatHasExpired) {
  Object expires = object_;
  expires.generation = 5;
  expires.expire_time_ms = 1000;
  Keep(expires);
  EXPECT_THAT(Find("/a", 5), Optional(Eq(expires)));
  EXPECT_EQ(Find("/a", 4), std::nullopt);
  EXPECT_THAT(Find("/a", 0, true, 999), Optional(Eq(expires)));
  EXPECT_EQ(Find("/a", 0, true, 1000), std::nullopt);
}

TEST_F(ObjectCacheTest, KeepsNeitherVersionsNorWhatLiesInFiles) {
  Object version = object_;
  version.retire_time_ms = 1;
  Keep(version);
  Keep(MakeBlob(8, "/b", 'x'));
  EXPECT_EQ(Find("/a"), std::nullopt);
  EXPECT_EQ(Find("/b"), std::nullopt);
}

TEST_F(ObjectCacheTest, WhatIsInDoubtIsNeitherFoundNorKept) {
  Keep(object_);
  Keep(MakeObject(8, "/b"));
  cache_.Doubt(object_.id);
  EXPECT_EQ(Find("/a"), std::nullopt);
  EXPECT_EQ(Find(object_.id), std::nullopt);
  Keep(object_);
  EXPECT_EQ(Find("/a"), std::nullopt);
  EXPECT_NE(Find("/b"), std::nullopt) << "the others are not in doubt";
  cache_.Settle();
  EXPECT_EQ(Find("/a"), std::nullopt);
  Keep(object_);
  EXPECT_NE(Find("/a"), std::nullopt);
}

// A reader that took its snapshot before the commit may come with it at any time.
TEST_F(ObjectCacheTest, ASnapshotFromBeforeAChangeIsNotKeptAfterIt) {
  const uint64_t before = cache_.Epoch();
  cache_.Doubt(object_.id);
  const uint64_t meanwhile = cache_.Epoch();
  cache_.Keep(object_, before);
  EXPECT_EQ(Find("/a"), std::nullopt);
  cache_.Settle();
  cache_.Keep(object_, before);
  EXPECT_EQ(Find("/a"), std::nullopt);
  cache_.Keep(object_, meanwhile);
  EXPECT_EQ(Find("/a"), std::nullopt);
}

TEST_F(ObjectCacheTest, DoubtOfAllDropsAllAndEndsWithTheNextSettling) {
  const uint64_t before = cache_.Epoch();
  Keep(object_);
  cache_.DoubtAll();
  Keep(MakeObject(8, "/b"));
  EXPECT_EQ(Find("/a"), std::nullopt);
  EXPECT_EQ(Find("/b"), std::nullopt);
  cache_.Settle();
  cache_.Keep(object_, before);
  EXPECT_EQ(Find("/a"), std::nullopt);
  Keep(object_);
  EXPECT_NE(Find("/a"), std::nullopt);
}

TEST_F(ObjectCacheTest, SettlingWithoutAChangeLeavesSnapshotsGood) {
  const uint64_t before = cache_.Epoch();
  cache_.Settle();
  cache_.Keep(object_, before);
  EXPECT_NE(Find("/a"), std::nullopt);
}

TEST_F(ObjectCacheTest, WhatWasAskedForLongestAgoGoesFirst) {
  // Each nearly a tenth of it.
  std::vector<Object> objects;
  for (int i = 0; i < 10; ++i) {
    objects.push_back(MakeObject(i + 1, absl::StrCat("/", i)));
    objects.back().data = std::string(kBytes / 10 - 2000, 'x');
  }
  for (const Object& object : objects) Keep(object);
  for (const Object& object : objects) EXPECT_NE(Find(object.name), std::nullopt) << object.name;
  EXPECT_NE(Find("/0"), std::nullopt);
  Object more = MakeObject(11, "/more");
  more.data = std::string(kBytes / 10, 'x');
  Keep(more);
  EXPECT_NE(Find("/more"), std::nullopt);
  EXPECT_NE(Find("/0"), std::nullopt);
  EXPECT_EQ(Find("/1"), std::nullopt);
  Object too_large = MakeObject(12, "/large");
  too_large.data = std::string(kBytes, 'x');
  Keep(too_large);
  EXPECT_EQ(Find("/large"), std::nullopt);
  EXPECT_NE(Find("/more"), std::nullopt) << "nothing went for it";
}

}  // namespace
}  // namespace grpc_os::store
