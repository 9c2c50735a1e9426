#include "base/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace grpc_os {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Words(std::string_view command) {
  auto words = SplitCommand(command);
  EXPECT_TRUE(words.ok()) << command << ": " << words.status();
  return words.ok() ? *words : std::vector<std::string>{};
}

TEST(SplitCommand, SplitsAtBlanks) {
  EXPECT_THAT(Words("python3 -m  http.server\t8099 "),
              ElementsAre("python3", "-m", "http.server", "8099"));
}

TEST(SplitCommand, QuotesAsAShellDoes) {
  EXPECT_THAT(Words(R"(sh -c 'echo "$HOME" | cat > /dev/null; ls *')"),
              ElementsAre("sh", "-c", R"(echo "$HOME" | cat > /dev/null; ls *)"));
  EXPECT_THAT(Words(R"(a"b c"'d e'f\ g)"), ElementsAre("ab cd ef g"));
  EXPECT_THAT(Words(R"("\$x \\ \" \n")"), ElementsAre(R"($x \ " \n)"));
  EXPECT_THAT(Words(R"(x '' "")"), ElementsAre("x", "", ""));
  EXPECT_THAT(Words("a\\\nb"), ElementsAre("ab"));
}

TEST(SplitCommand, RefusesWhatOnlyAShellUnderstands) {
  for (const char* command : {"a | b", "a > b", "a < b", "a & b", "a ; b", "a $b", "a *", "a `b`",
                              "a \"$b\"", "a\nb", "a (b)"}) {
    auto words = SplitCommand(command);
    ASSERT_FALSE(words.ok()) << command;
    EXPECT_EQ(words.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(words.status().message(), HasSubstr("sh -c")) << command;
  }
}

TEST(SplitCommand, RefusesUnbalancedQuotesAndNothing) {
  for (const std::string& command :
       {std::string("a 'b"), std::string("a \"b"), std::string("a\\"), std::string(""),
        std::string("  "), std::string("''"), std::string("a\0b", 3), std::string("'a\0b'", 5)}) {
    EXPECT_EQ(SplitCommand(command).status().code(), absl::StatusCode::kInvalidArgument) << command;
  }
}

}  // namespace
}  // namespace grpc_os
