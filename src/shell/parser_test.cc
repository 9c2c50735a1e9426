#include "shell/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "manifest/suggest.h"
#include "shell/help.h"
#include "shell/reference.h"

namespace grpc_os::shell {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Words = std::vector<std::string>;

std::string Refusal(const std::string& command, const Words& words) {
  const auto arguments = ParseArguments(*FindCommand(command), words);
  EXPECT_EQ(arguments.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(arguments.status().message());
}

TEST(ParserTest, OptionsStandAnywhereAndInEveryForm) {
  const Words words = {"--restart=never", "web", "--dir", "/tmp", "sleep 1", "-o", "json", "A=1"};
  const auto arguments = ParseArguments(*FindCommand("start"), words);
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_THAT(arguments->positional(), ElementsAre("web", "sleep 1", "A=1"));
  EXPECT_EQ(arguments->Value("restart"), "never");
  EXPECT_EQ(arguments->Value("dir"), "/tmp");
  EXPECT_EQ(arguments->Value("output"), "json");
  EXPECT_EQ(arguments->Value("user"), std::nullopt);
}

TEST(ParserTest, LettersCombineAndTakeValues) {
  for (const Words& words :
       {Words{"-fn20", "web"}, {"-f", "-n", "20", "web"}, {"web", "-fn", "20"}}) {
    const auto arguments = ParseArguments(*FindCommand("logs"), words);
    ASSERT_TRUE(arguments.ok()) << arguments.status();
    EXPECT_TRUE(arguments->Has("follow"));
    EXPECT_EQ(arguments->Value("lines"), "20");
    EXPECT_THAT(arguments->positional(), ElementsAre("web"));
  }
}

TEST(ParserTest, TwoDashesEndTheOptions) {
  const Words words = {"--", "-x", "--force"};
  const auto arguments = ParseArguments(*FindCommand("kill"), words);
  ASSERT_TRUE(arguments.ok());
  EXPECT_THAT(arguments->positional(), ElementsAre("-x", "--force"));
}

TEST(ParserTest, RepeatableOptionsKeepAllValues) {
  const Words words = {"web", "--unset", "A", "--unset=B"};
  EXPECT_THAT(ParseArguments(*FindCommand("update"), words)->Values("unset"),
              ElementsAre("A", "B"));
  EXPECT_THAT(Refusal("update", {"web", "--restart", "never", "--restart", "always"}),
              HasSubstr("twice"));
}

TEST(ParserTest, RefusalsSayWhatWasMeant) {
  EXPECT_THAT(Refusal("delete", {"web", "--froce"}), HasSubstr("Did you mean --force?"));
  EXPECT_THAT(Refusal("logs", {"-z", "web"}), HasSubstr("no option -z"));
  EXPECT_THAT(Refusal("delete", {"--force=yes", "web"}), HasSubstr("takes no value"));
  EXPECT_THAT(Refusal("start", {"web", "--dir"}), HasSubstr("--dir needs a value: DIR"));
  EXPECT_THAT(Refusal("kill", {}), HasSubstr("Too few arguments; expected: kill NAME…"));
  EXPECT_THAT(Refusal("logs", {"a", "b"}), HasSubstr("Too many arguments"));
}

TEST(ParserTest, AnOptionalValueIsANumber) {
  const auto watch = [](const Words& words) { return ParseArguments(*FindCommand("ps"), words); };
  EXPECT_EQ(watch({"-w"})->Value("watch"), "");
  EXPECT_EQ(watch({"-w", "5"})->Value("watch"), "5");
  EXPECT_EQ(watch({"--watch=5"})->Value("watch"), "5");
  EXPECT_EQ(watch({"-w5s"})->Value("watch"), "5s");
  EXPECT_EQ(watch({"-w", "web"})->Value("watch"), "");
  EXPECT_THAT(watch({"-w", "web"})->positional(), ElementsAre("web"));
}

TEST(ParserTest, CommandsOfTwoWords) {
  EXPECT_EQ(FindCommand(Words{"user", "add", "eva"}).command, FindCommand("user add"));
  EXPECT_EQ(FindCommand(Words{"user", "add", "eva"}).words, 2U);
  EXPECT_EQ(FindCommand(Words{"sessions"}).words, 1U);
  EXPECT_EQ(FindCommand(Words{"sessions", "end"}).words, 2U);
  EXPECT_EQ(FindCommand(Words{"user"}).command, nullptr);
  EXPECT_EQ(FindCommand(Words{"user add"}).command, nullptr);
  EXPECT_THAT(Subcommands("role"), ElementsAre("ls", "list", "show", "create", "add", "update",
                                               "rm", "delete", "grant", "revoke"));
}

TEST(ParserTest, HelpNeedsNoArguments) {
  EXPECT_TRUE(ParseArguments(*FindCommand("kill"), Words{"--help"})->Has("help"));
}

TEST(ParserTest, TheProgramsOptionsEndAtTheCommand) {
  const Words words = {"--address", "unix:/x", "-ojson", "ps", "-l"};
  std::span<const std::string> rest;
  const auto arguments = ParseProgramOptions(words, rest);
  ASSERT_TRUE(arguments.ok());
  EXPECT_EQ(arguments->Value("address"), "unix:/x");
  EXPECT_EQ(arguments->Value("output"), "json");
  EXPECT_THAT(Words(rest.begin(), rest.end()), ElementsAre("ps", "-l"));
}

TEST(CommandTableTest, EveryCommandCanBeRunAndIsExplained) {
  const std::string markdown = Reference(ReferenceFormat::kMarkdown);
  std::set<std::string> names;
  for (const std::string& name : CommandNames()) EXPECT_TRUE(names.insert(name).second) << name;
  for (const Command& command : Commands()) {
    EXPECT_NE(command.run, nullptr) << command.name;
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_FALSE(command.section.empty()) << command.name;
    const bool shown = HelpText().find(command.summary) != std::string::npos;
    EXPECT_EQ(shown, !command.hidden) << command.name;
    EXPECT_EQ(markdown.find("\n### " + command.name + "\n") != std::string::npos, !command.hidden);
    ASSERT_FALSE(command.examples.empty()) << command.name;
    for (const std::string& example : command.examples) {
      EXPECT_TRUE(example.starts_with(command.name)) << example;
      EXPECT_THAT(HelpText(command), HasSubstr(example));
    }
    std::set<char> letters;
    for (const Option& option : command.options) {
      EXPECT_THAT(HelpText(command), HasSubstr("--" + option.name));
      EXPECT_TRUE(option.letter == 0 || letters.insert(option.letter).second) << option.name;
    }
  }
  EXPECT_EQ(FindCommand("stop"), FindCommand("kill"));
  EXPECT_EQ(FindCommand("nonsense"), nullptr);
}

TEST(SuggestTest, EditDistanceCountsSwapsAsOne) {
  EXPECT_EQ(manifest::EditDistance("", "abc"), 3U);
  EXPECT_EQ(manifest::EditDistance("kill", "kill"), 0U);
  EXPECT_EQ(manifest::EditDistance("klil", "kill"), 1U);
  EXPECT_EQ(manifest::EditDistance("strat", "start"), 1U);
  EXPECT_EQ(manifest::EditDistance("sitting", "kitten"), 3U);
}

TEST(SuggestTest, NearButNotFar) {
  EXPECT_EQ(manifest::Nearest("strat", CommandNames()), "start");
  EXPECT_EQ(manifest::Nearest("lgos", CommandNames()), "logs");
  EXPECT_EQ(manifest::Nearest("del", CommandNames()), "delete");
  EXPECT_EQ(manifest::Nearest("frobnicate", CommandNames()), "");
  EXPECT_EQ(manifest::Nearest("", CommandNames()), "");
  EXPECT_EQ(manifest::Nearest(std::string(100'000, 'x'), CommandNames()), "");
}

}  // namespace
}  // namespace grpc_os::shell
