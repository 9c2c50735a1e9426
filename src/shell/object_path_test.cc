#include "shell/object_path.h"

#include <gtest/gtest.h>

namespace grpc_os::shell {
namespace {

TEST(ObjectPathTest, RelativeNamesCountFromTheDirectory) {
  EXPECT_EQ(ResolveName("/", "a.json"), "/a.json");
  EXPECT_EQ(ResolveName("/config/", "a.json"), "/config/a.json");
  EXPECT_EQ(ResolveName("/config/", "sites/b"), "/config/sites/b");
  EXPECT_EQ(ResolveName("/config/", "/a"), "/a");
}

TEST(ObjectPathTest, DotsAreResolvedHereAndNeverAboveTheRoot) {
  EXPECT_EQ(ResolveName("/a/b/", ".."), "/a/");
  EXPECT_EQ(ResolveName("/a/b/", "../c"), "/a/c");
  EXPECT_EQ(ResolveName("/a/b/", "../../../../c"), "/c");
  EXPECT_EQ(ResolveName("/a/b/", "."), "/a/b/");
  EXPECT_EQ(ResolveName("/", ".."), "/");
  EXPECT_EQ(ResolveName("/a/", "./-dash"), "/a/-dash");
  EXPECT_EQ(ResolveName("/a/", "..."), "/a/...");
}

TEST(ObjectPathTest, ASlashAtTheEndStaysAndDoubledOnesGo) {
  EXPECT_EQ(ResolveName("/", "a/"), "/a/");
  EXPECT_EQ(ResolveName("/", "//a///b"), "/a/b");
  EXPECT_EQ(ResolveName("/", "/"), "/");
}

TEST(ObjectPathTest, AnIdIsAnIdEverywhere) {
  EXPECT_EQ(ResolveName("/config/", "obj_123"), "obj_123");
  EXPECT_EQ(ResolveName("/config/", "/obj_123"), "/obj_123");
  // None: a name that only looks like one.
  EXPECT_EQ(ResolveName("/config/", "obj_"), "/config/obj_");
  EXPECT_EQ(ResolveName("/config/", "obj_ABC"), "/config/obj_ABC");
  EXPECT_EQ(ResolveName("/config/", "obj_a.txt"), "/config/obj_a.txt");
  EXPECT_TRUE(IsObjectId("obj_" + std::string(32, 'a')));
  EXPECT_FALSE(IsObjectId("obj_" + std::string(33, 'a')));
}

TEST(ObjectPathTest, GenerationsFollowTheLastAt) {
  const auto expect = [](const char* typed, const char* name, int64_t generation) {
    const VersionedName versioned = ParseVersionedName(typed);
    EXPECT_EQ(versioned.name, name) << typed;
    EXPECT_EQ(versioned.generation, generation) << typed;
  };
  expect("a@42", "a", 42);
  expect("a", "a", 0);
  expect("a@5@0", "a@5", 0);
  expect("me@home", "me@home", 0);
  expect("@5", "@5", 0);
  expect("a@", "a@", 0);
  expect("a@-1", "a@-1", 0);
  expect("a@99999999999999999999", "a@99999999999999999999", 0);
}

TEST(ObjectPathTest, LastSegments) {
  EXPECT_EQ(LastSegment("/a/b"), "b");
  EXPECT_EQ(LastSegment("/a/b/"), "b");
  EXPECT_EQ(LastSegment("/"), "/");
  EXPECT_EQ(AsFolder("/a"), "/a/");
  EXPECT_EQ(AsFolder("/a/"), "/a/");
}

}  // namespace
}  // namespace grpc_os::shell
