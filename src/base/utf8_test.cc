#include "base/utf8.h"

#include <gtest/gtest.h>

namespace grpc_os {
namespace {

TEST(Utf8, WellFormedTextIsValid) {
  for (const char* text : {"", "a", "\x7f", "é", "€", "😀", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf4\x8f\xbf\xbf", "a\tb\x1b"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
  }
  EXPECT_TRUE(IsValidUtf8(std::string_view("\0", 1)));
}

TEST(Utf8, WhatIsNoUtf8IsFound) {
  for (const char* text :
       {"\x80", "\xff", "\xc3", "\xc3(", "\xe2\x82", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "caf\xe9"}) {
    EXPECT_FALSE(IsValidUtf8(text));
  }
}

TEST(Utf8, ACharacterHasItsBytes) {
  EXPECT_EQ(Utf8CharacterLength("ab"), 1U);
  EXPECT_EQ(Utf8CharacterLength("éa"), 2U);
  EXPECT_EQ(Utf8CharacterLength("€a"), 3U);
  EXPECT_EQ(Utf8CharacterLength("😀a"), 4U);
  EXPECT_EQ(Utf8CharacterLength("\xff"), 0U);
}

TEST(Utf8, IsCutBetweenTwoCharacters) {
  EXPECT_EQ(TruncateUtf8("a€b", 9), "a€b");
  EXPECT_EQ(TruncateUtf8("a€b", 4), "a€");
  EXPECT_EQ(TruncateUtf8("a€b", 3), "a");
  EXPECT_EQ(TruncateUtf8("€", 1), "");
}

}  // namespace
}  // namespace grpc_os
