#include "host/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace grpc_os::host {
namespace {

// RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
TEST(Crc32c, OfKnownTexts) {
  const Crc32c crc;
  EXPECT_EQ(crc.Of("123456789"), 0xe3069283u);
  EXPECT_EQ(crc.Of(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc.Of(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc.Of(""), 0u);
}

TEST(Crc32c, OfPiecesIsThatOfTheWhole) {
  const Crc32c crc;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text.push_back(static_cast<char>(i * 31 + i / 256));
  for (const size_t cut : {size_t{0}, size_t{1}, size_t{7}, size_t{65'536}, text.size()}) {
    EXPECT_EQ(crc.Extend(crc.Of(text.substr(0, cut)), text.substr(cut)), crc.Of(text)) << cut;
  }
  std::string other = text;
  other[50'000] ^= 1;
  EXPECT_NE(crc.Of(other), crc.Of(text));
}

}  // namespace
}  // namespace grpc_os::host
