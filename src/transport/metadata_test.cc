#include "transport/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace grpc_os::transport {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

TEST(Metadata, OnlyGivesAValueThatIsAlone) {
  Metadata metadata;
  metadata.Add("one", "1");
  metadata.Add("two", "1");
  metadata.Add("two", "2");
  EXPECT_EQ(metadata.Only("one"), "1");
  EXPECT_EQ(metadata.Only("two"), "");
  EXPECT_EQ(metadata.Only("none"), "");
}

TEST(Metadata, KnowsWhatIsHttpsAndGrpcsOwn) {
  for (const char* name : {":path", "te", "content-type", "grpc-timeout", "user-agent", ""})
    EXPECT_TRUE(IsReserved(name)) << name;
  for (const char* name : {"authorization", "x-request-id", "x-bin", "mygrpc-x"})
    EXPECT_FALSE(IsReserved(name)) << name;
}

TEST(Binary, ComesBackAndMayBePaddedAndJoined) {
  const std::string bytes("\x00\xff\x01\x02", 4);
  EXPECT_THAT(DecodeBinary(EncodeBinary(bytes)), Optional(ElementsAre(bytes)));
  EXPECT_EQ(EncodeBinary("a"), "YQ") << "without padding";
  EXPECT_THAT(DecodeBinary("YQ==, YmI"), Optional(ElementsAre("a", "bb")));
  EXPECT_THAT(DecodeBinary(""), Optional(ElementsAre("")));
  EXPECT_EQ(DecodeBinary("not base64!"), std::nullopt);
}

TEST(Timeout, HasDigitsAndAUnit) {
  EXPECT_THAT(ParseTimeout("1H"), Optional(int64_t{3'600'000'000'000}));
  EXPECT_THAT(ParseTimeout("2M"), Optional(int64_t{120'000'000'000}));
  EXPECT_THAT(ParseTimeout("3S"), Optional(int64_t{3'000'000'000}));
  EXPECT_THAT(ParseTimeout("4m"), Optional(int64_t{4'000'000}));
  EXPECT_THAT(ParseTimeout("5u"), Optional(int64_t{5'000}));
  EXPECT_THAT(ParseTimeout("99999999n"), Optional(int64_t{99'999'999}));
  EXPECT_THAT(ParseTimeout("99999999H"), Optional(::testing::Gt(INT64_MAX / 2)));
  for (const char* wrong : {"", "S", "1", "1s", "-1S", "1.5S", "123456789S", "1 S"})
    EXPECT_EQ(ParseTimeout(wrong), std::nullopt) << wrong;
}

TEST(PercentEncode, LeavesPrintableAscii) {
  EXPECT_EQ(PercentEncode("plain text ~"), "plain text ~");
  EXPECT_EQ(PercentEncode("100% \n\x7fé"), "100%25 %0A%7F%C3%A9");
}

}  // namespace
}  // namespace grpc_os::transport
