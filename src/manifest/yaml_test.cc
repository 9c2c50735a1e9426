#include "manifest/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace grpc_os::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> ProblemsOf(std::string_view text) {
  std::vector<Problem> problems;
  if (!ParseYaml(text, problems).has_value()) {
    EXPECT_FALSE(problems.empty());
  }
  std::vector<std::string> words;
  for (const Problem& problem : problems) words.push_back(Describe(problem, "f"));
  return words;
}

YamlNode Parsed(std::string_view text) {
  std::vector<Problem> problems;
  auto root = ParseYaml(text, problems);
  EXPECT_TRUE(root.has_value()) << (problems.empty() ? "" : problems[0].message);
  return root.value_or(YamlNode());
}

TEST(Yaml, ScalarsStayAsTheyWereWritten) {
  for (const char* text : {"1.0", "8080", "false", "yes", "on", "0755", "08", "1e3", "0x1F",
                           "2026-11-30", "12:30", ".5", "a: b"}) {
    const bool quoted = std::string_view(text) == "a: b";
    const YamlNode root =
        Parsed(quoted ? absl::StrCat("k: '", text, "'") : absl::StrCat("k: ", text));
    ASSERT_EQ(root.entries.size(), 1U) << text;
    EXPECT_EQ(root.entries[0].second.text, text);
    EXPECT_EQ(root.entries[0].second.plain, !quoted);
  }
}

TEST(Yaml, ItKnowsWhereEachThingStands) {
  const YamlNode root = Parsed("# comment\nlist:\n  - one\n  - {a: ä, b: two}\n");
  const YamlNode& list = root.entries[0].second;
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_EQ(list.items[0].line, 3);
  EXPECT_EQ(list.items[0].column, 5);
  EXPECT_EQ(list.items[1].entries[1].second.column, 15) << "in characters";
}

TEST(Yaml, NothingIsNullAndQuotedNothingIsNot) {
  const YamlNode root = Parsed("a:\nb: ~\nc: null\nd: ''\ne: 'null'\n");
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(root.entries[i].second.IsNull()) << i;
  for (size_t i = 3; i < 5; ++i) EXPECT_FALSE(root.entries[i].second.IsNull()) << i;
}

TEST(Yaml, ByteOrderMarkAndCarriageReturnsArePassedOver) {
  const YamlNode root = Parsed("\xEF\xBB\xBFname: web\r\ncommand: run\r\n");
  EXPECT_EQ(root.entries[0].second.text, "web");
  EXPECT_EQ(root.entries[1].second.text, "run");
}

TEST(Yaml, WhatIsNotUnderstoodIsSaidWithItsPlace) {
  EXPECT_THAT(ProblemsOf(""), ElementsAre("f:1:1: the file is empty"));
  EXPECT_THAT(ProblemsOf("# nothing\n"), ElementsAre(HasSubstr("the file is empty")));
  EXPECT_THAT(ProblemsOf("a: 1\nb: caf\xE9\n"),
              ElementsAre("f:2:7: the byte e9 is no UTF-8; save the file as UTF-8"));
  EXPECT_THAT(ProblemsOf(std::string_view("a: \0", 4)),
              ElementsAre(HasSubstr("f:1:4: a NUL byte")));
  EXPECT_THAT(ProblemsOf("a:\n\tb: 1\n"), ElementsAre("f:2:1: no YAML: a tab; indent with blanks"));
  EXPECT_THAT(ProblemsOf("a: 'one\nb: two\n"), ElementsAre(HasSubstr("that begins in line 1")));
  EXPECT_THAT(ProblemsOf("a: [1, 2\nb: 3\n"), ElementsAre(HasSubstr("f:2:2: no YAML: ")));
  EXPECT_THAT(ProblemsOf("a: 1\n---\nb: 2\n"), ElementsAre(HasSubstr("f:2:1: a second document")));
  EXPECT_THAT(ProblemsOf("? [a]\n: b\n"), ElementsAre(HasSubstr("a key is text")));
}

TEST(Yaml, AllThatIsRefusedIsSaidAtOnce) {
  EXPECT_THAT(
      ProblemsOf("a: &x 1\nb: *x\nc: !!python/object:os.system ls\na: 2\nd: {e: 1, e: 2}\n"),
      ElementsAre(HasSubstr("f:1:4: &x"), HasSubstr("f:2:4: *x"), HasSubstr("f:3:4: the tag"),
                  "f:4:1: 'a' comes twice; first in line 1",
                  "f:5:11: 'e' comes twice; first in line 5"));
}

TEST(Yaml, ItIsBounded) {
  EXPECT_THAT(ProblemsOf(std::string(10 << 20, 'x')),
              ElementsAre("f:1:1: the file has more than 64 KiB"));
  EXPECT_THAT(ProblemsOf(std::string(kYamlBytes, '[')),
              ElementsAre(HasSubstr("deeper than 32 levels")));
  std::string deep;
  for (int i = 0; i < kYamlDepth; ++i)
    absl::StrAppend(&deep, std::string(static_cast<size_t>(i), ' '), "k:\n");
  EXPECT_THAT(ProblemsOf(deep), ElementsAre(HasSubstr("deeper than 32 levels")));
  std::string twice;
  for (int i = 0; i < 8000; ++i) twice += "k: 1\n";
  EXPECT_EQ(ProblemsOf(twice).size(), 7999U);
}

}  // namespace
}  // namespace grpc_os::manifest
