#include "base/id.h"

#include <gtest/gtest.h>

#include <set>

namespace grpc_os {
namespace {

TEST(NewIdTest, IsPrefixAndSixteenCharactersOfTheAlphabet) {
  const std::string id = NewId("proc_", 1'795'399'657'123);
  ASSERT_EQ(id.size(), 21u);
  EXPECT_EQ(id.substr(0, 5), "proc_");
  EXPECT_EQ(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz", 5), std::string::npos);
}

TEST(NewIdTest, LaterIdsSortAfterEarlierOnes) {
  // Neighbours at every bit of the time, so that none is lost or misplaced.
  for (int bit = 0; bit < 48; ++bit) {
    const int64_t time = int64_t{1} << bit;
    EXPECT_LT(NewId("", time - 1), NewId("", time)) << bit;
  }
}

TEST(NewIdTest, IdsOfOneMillisecondDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(NewId("proc_", 5));
  EXPECT_GE(ids.size(), 999u);  // 32 random bits: two alike in a thousand happen once in 8,600 runs
}

TEST(RandomHex128Test, IsThirtyTwoHexadecimalDigitsAndNew) {
  const std::string first = RandomHex128();
  EXPECT_EQ(first.size(), 32u);
  EXPECT_EQ(first.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(first, RandomHex128());
}

TEST(LooksLikeIdTest, KnowsTheKindsOfIds) {
  EXPECT_TRUE(LooksLikeId(NewId("proc_", 1)));
  EXPECT_TRUE(LooksLikeId("obj_1"));
  EXPECT_FALSE(LooksLikeId("web-server"));
  EXPECT_FALSE(LooksLikeId("proc"));
  EXPECT_FALSE(LooksLikeId("my_proc_1"));
}

}  // namespace
}  // namespace grpc_os
