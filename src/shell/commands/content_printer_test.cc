#include "shell/commands/content_printer.h"

#include <gtest/gtest.h>

#include <sstream>

namespace grpc_os::shell {
namespace {

std::string Printed(std::initializer_list<std::string_view> pieces, bool escape) {
  std::ostringstream out;
  ContentPrinter printer(out, escape);
  for (const std::string_view piece : pieces) printer.Print(piece);
  printer.Finish();
  return out.str();
}

TEST(ContentPrinterTest, APipeGetsTheBytesAsTheyAre) {
  const std::string bytes("\x1b]0;x\x07\0\xff\r\n", 10);
  EXPECT_EQ(Printed({bytes}, false), bytes);
  EXPECT_EQ(Printed({}, false), "");
}

TEST(ContentPrinterTest, ATerminalGetsNothingThatActsOnIt) {
  EXPECT_EQ(Printed({"\x1b]0;owned\x07\x1b[2Jred\r\n"}, true),
            "\\x1b]0;owned\\x07\\x1b[2Jred\\r\n");
  EXPECT_EQ(Printed({"\xc2\x9b"
                     "31m"},
                    true),
            "\\x9b31m\n");
  EXPECT_EQ(Printed({"\xff\xfe"}, true), "\\xff\\xfe\n");
  EXPECT_EQ(Printed({"a\tb\nc"}, true), "a\tb\nc\n");
}

TEST(ContentPrinterTest, ACharacterThatTwoPiecesShareIsOne) {
  EXPECT_EQ(Printed({"za\xc5", "\xbc\xc3", "\xb3\xc5\x82\n"}, true), "zażół\n");
  EXPECT_EQ(Printed({"\xf0", "\x9f", "\x98", "\x80"}, true), "\xf0\x9f\x98\x80\n");
  // Also where it makes a control character.
  EXPECT_EQ(Printed({"a\xc2",
                     "\x9b"
                     "2J"},
                    true),
            "a\\x9b2J\n");
}

TEST(ContentPrinterTest, AnUnfinishedCharacterAtTheEndIsShownAsItsBytes) {
  EXPECT_EQ(Printed({"a\xc5"}, true), "a\\xc5\n");
  EXPECT_EQ(Printed({"\xf0\x9f\x98"}, true), "\\xf0\\x9f\\x98\n");
}

}  // namespace
}  // namespace grpc_os::shell
