#include "shell/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace grpc_os::shell {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Refusal(const std::string& line) {
  const auto words = SplitLine(line);
  EXPECT_EQ(words.status().code(), absl::StatusCode::kInvalidArgument) << line;
  return std::string(words.status().message());
}

TEST(WordsTest, BlanksSeparate) {
  EXPECT_THAT(*SplitLine("  ps \t -l  web "), ElementsAre("ps", "-l", "web"));
  EXPECT_THAT(*SplitLine(" \t\r"), IsEmpty());
}

TEST(WordsTest, QuotesJoin) {
  EXPECT_THAT(*SplitLine(R"(start web "python3 -m http.server" A='b c'd"e f")"),
              ElementsAre("start", "web", "python3 -m http.server", "A=b cde f"));
  EXPECT_THAT(*SplitLine(R"(a "" '')"), ElementsAre("a", "", ""));
}

TEST(WordsTest, BackslashesAsInAPosixShell) {
  EXPECT_THAT(*SplitLine(R"(a\ b \"c "d\"e\\f\n" 'g\h')"),
              ElementsAre("a b", "\"c", "d\"e\\f\\n", "g\\h"));
}

TEST(WordsTest, CommentsBeginAWord) {
  EXPECT_THAT(*SplitLine("ps # all of them; really | yes"), ElementsAre("ps"));
  EXPECT_THAT(*SplitLine("a#b '#c'"), ElementsAre("a#b", "#c"));
}

TEST(WordsTest, NothingIsExpanded) {
  EXPECT_THAT(*SplitLine("kill web-* $HOME ~"), ElementsAre("kill", "web-*", "$HOME", "~"));
}

TEST(WordsTest, OperatorsAreRefusedUnlessQuoted) {
  for (const char* line : {"ps | wc", "ps > file", "x <y", "x &", "ps;ps"}) {
    EXPECT_THAT(Refusal(line), HasSubstr("quote it"));
  }
  EXPECT_THAT(Refusal("ps | wc"), HasSubstr("column 4"));
  EXPECT_THAT(*SplitLine(R"(start x "a | b; c > d" \|)"),
              ElementsAre("start", "x", "a | b; c > d", "|"));
}

TEST(WordsTest, SeveralCommands) {
  EXPECT_THAT(*SplitCommands("ps -l; kill 'a;b' # c; d\n;\nps"),
              ElementsAre(ElementsAre("ps", "-l"), ElementsAre("kill", "a;b"), ElementsAre("ps")));
  EXPECT_THAT(*SplitCommands(" ; "), IsEmpty());
  EXPECT_FALSE(SplitCommands("ps; kill 'x").ok());
  EXPECT_FALSE(SplitCommands("ps | wc").ok());
}

TEST(WordsTest, WhatIsUnfinishedGoesOnWithTheNextLine) {
  EXPECT_EQ(WhatIsUnfinished("ps -l"), Unfinished::kNothing);
  EXPECT_EQ(WhatIsUnfinished("start x \"sh -c"), Unfinished::kQuote);
  EXPECT_EQ(WhatIsUnfinished("start x 'a\\'"), Unfinished::kNothing);
  EXPECT_EQ(WhatIsUnfinished("ps \\"), Unfinished::kBackslash);
  EXPECT_EQ(WhatIsUnfinished("ps \\\\"), Unfinished::kNothing);
  EXPECT_EQ(WhatIsUnfinished("ps # it's \\"), Unfinished::kNothing);
  EXPECT_THAT(*SplitLine("ps \\\n -l we\\\nb"), ElementsAre("ps", "-l", "web"));
  EXPECT_THAT(*SplitLine("start x 'a\nb' \"c\\\nd\""), ElementsAre("start", "x", "a\nb", "cd"));
}

TEST(WordsTest, PastedLinesAreCommands) {
  EXPECT_THAT(SplitPasted("ps\nwhoami\n\n  \nstart x 'a\nb'\nps \\\n-l"),
              ElementsAre("ps", "whoami", "start x 'a\nb'", "ps \\\n-l"));
  EXPECT_THAT(SplitPasted("ps"), ElementsAre("ps"));
  EXPECT_THAT(SplitPasted(""), IsEmpty());
}

TEST(WordsTest, WhatAPageShowsBeforeACommandIsLeftOut) {
  EXPECT_THAT(SplitPasted("# list\ngrpc-os> ps\n  admin@local:/config grpc-os> ls 'a\ngrpc-os> b'\n"
                          "grpc-os> \ngrpc-os register-process ./a\n"),
              ElementsAre("# list", "ps", "ls 'a\ngrpc-os> b'", "register-process ./a"));
  EXPECT_THAT(SplitPasted("echo x grpc-os> y\nps grpc-os> y\ngrpc-os"),
              ElementsAre("echo x grpc-os> y", "ps grpc-os> y", "grpc-os"));
}

TEST(WordsTest, TheWordThatIsTyped) {
  Typed typed = SplitTyped("kill 'a b' we");
  EXPECT_THAT(typed.before, ElementsAre("kill", "a b"));
  EXPECT_EQ(typed.word, "we");
  EXPECT_EQ(typed.start, 11U);
  typed = SplitTyped("kill \"a b");
  EXPECT_EQ(typed.word, "a b");
  EXPECT_EQ(typed.quote, '"');
  typed = SplitTyped("kill a\\ b ");
  EXPECT_THAT(typed.before, ElementsAre("kill", "a b"));
  EXPECT_EQ(typed.word, "");
  EXPECT_TRUE(SplitTyped("ps # wh").in_comment);
}

TEST(WordsTest, AQuotedWordIsReadAgainAsItWas) {
  EXPECT_EQ(QuoteWord("/tmp/a-b_1.txt@2"), "/tmp/a-b_1.txt@2");
  EXPECT_EQ(QuoteWord("the plan"), "'the plan'");
  for (const char* word :
       {"", "it's", "a\"b", "\\", "#x", "a;b|c>d<e&f", "$HOME", "`x`", "a\nb", "é"}) {
    EXPECT_THAT(*SplitLine(QuoteWord(word)), ElementsAre(word));
  }
}

TEST(WordsTest, UnbalancedQuotesAreRefusedWithTheirPlace) {
  EXPECT_THAT(Refusal("start web \"python"), HasSubstr("column 11"));
  EXPECT_THAT(Refusal("it's"), HasSubstr("column 3"));
  EXPECT_THAT(Refusal("end\\"), HasSubstr("backslash"));
}

}  // namespace
}  // namespace grpc_os::shell
