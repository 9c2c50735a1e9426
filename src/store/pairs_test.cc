#include "store/pairs.h"

#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace grpc_os::store {
namespace {

using Pairs = std::map<std::string, std::string>;

TEST(Pairs, ComeBackWhateverTheirBytes) {
  const Pairs pairs = {{"", ""},
                       {"PORT", "8099"},
                       {"NUL", std::string("a\0b", 3)},
                       {"LINES", "one\ntwo,3:x,"},
                       {"UTF8", "zażółć"},
                       {std::string("\xff\0", 2), std::string(1 << 20, '7')}};
  const auto decoded = DecodePairs(EncodePairs(pairs));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, pairs);
}

TEST(Pairs, AreSpelledAsStored) {
  EXPECT_EQ(EncodePairs({{"PORT", "8099"}, {"A", ""}}), "1:A,0:,4:PORT,4:8099,");
  EXPECT_EQ(DecodePairs("")->size(), 0u);
}

TEST(Pairs, AnythingElseIsDataLoss) {
  for (const char* damaged :
       {"x", "1", "1:", "1:A", "1:A,", "1:A,1:", "1:A,2:b,", "1:A;0:,", "-1:A,0:,",
        "1:A,0:,1:A,0:,", "99999999999999999999:A,0:,", "18446744073709551615:A,0:,", " 1:A,0:,"}) {
    const auto decoded = DecodePairs(damaged);
    ASSERT_FALSE(decoded.ok()) << damaged;
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kDataLoss) << damaged;
  }
}

TEST(Words, ComeBackInTheirOrder) {
  const std::vector<std::string> words = {"viewer", "admin", "", "viewer", "a,3:b"};
  const auto decoded = DecodeWords(EncodeWords(words));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, words);
  EXPECT_EQ(EncodeWords({"admin", "viewer"}), "5:admin,6:viewer,");
  EXPECT_EQ(DecodeWords("")->size(), 0u);
  for (const char* damaged : {"x", "1", "1:", "1:A", "1:A,2:b,", "-1:A,"}) {
    EXPECT_EQ(DecodeWords(damaged).status().code(), absl::StatusCode::kDataLoss) << damaged;
  }
}

}  // namespace
}  // namespace grpc_os::store
