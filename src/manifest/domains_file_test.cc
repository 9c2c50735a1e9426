#include "manifest/domains_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace grpc_os::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<std::string> ProblemsOf(std::string_view text) {
  std::vector<Problem> problems;
  const bool good = ParseDomainsFile(text, problems).has_value();
  EXPECT_EQ(good, problems.empty());
  std::vector<std::string> words;
  for (const Problem& problem : problems) words.push_back(Describe(problem, "f"));
  return words;
}

std::vector<DomainEntry> Parsed(std::string_view text) {
  std::vector<Problem> problems;
  const auto entries = ParseDomainsFile(text, problems);
  for (const Problem& problem : problems) ADD_FAILURE() << Describe(problem, "f");
  return entries.value_or(std::vector<DomainEntry>(1));
}

// As the seed has it.
constexpr char kSeed[] =
    "# /etc/grpc-os/domains.conf\n"
    "domain example.com {\n"
    "    process_id: \"proc_123\"\n"
    "    port: 8080\n"
    "}\n"
    "\n"
    "domain api.example.com {\n"
    "    process_id: \"proc_456\"\n"
    "    port: 8081\n"
    "}\n";

DomainEntry Simple(const char* name, int line, const char* process, int port) {
  return {.name = name,
          .line = line,
          .column = 8,
          .routes = {{.path = "/", .targets = {{.process = process, .port = port}}}}};
}

// A file of the repository that the tests run in.
std::string FileOf(const char* name) {
  namespace fs = std::filesystem;
  fs::path root = fs::current_path();
  while (root.has_relative_path() && !fs::exists(root / name)) root = root.parent_path();
  std::ifstream file(root / name);
  return {std::istreambuf_iterator<char>(file), {}};
}
std::string Example() { return FileOf("config/examples/domains.conf.example"); }

TEST(DomainsFile, TheSeedsBlock) {
  const auto expected = ElementsAre(Simple("example.com", 2, "proc_123", 8080),
                                    Simple("api.example.com", 7, "proc_456", 8081));
  EXPECT_THAT(Parsed(kSeed), expected);
  std::string with_cr = "\xEF\xBB\xBF";
  for (const char c : std::string(kSeed))
    absl::StrAppend(&with_cr, c == '\n' ? "\r" : "", std::string(1, c));
  EXPECT_THAT(Parsed(with_cr), expected);
}

TEST(DomainsFile, TheExample) {
  const auto entries = Parsed(Example());
  ASSERT_THAT(entries, SizeIs(4));
  EXPECT_EQ(entries[2].name, "*.shop.example.com");
  EXPECT_EQ(entries[2].max_body_bytes, int64_t{50} << 20);
  EXPECT_THAT(
      entries[2].routes,
      ElementsAre(DomainRoute{.path = "/", .targets = {{.process = "shop"}}},
                  DomainRoute{.path = "/api", .strip = true, .targets = {{.process = "shop-api"}}},
                  DomainRoute{.path = "/search",
                              .targets = {{.process = "search", .weight = 9},
                                          {.process = "search-next", .port = 9200}}}));
  EXPECT_EQ(entries[3].grpc, true);
}

TEST(DomainsFile, ThePagesBlocks) {
  const std::vector<std::string> parts = absl::StrSplit(FileOf("docs/DOMAIN_YML.md"), "```");
  ASSERT_THAT(parts, SizeIs(7));  // each second one is a block
  for (const size_t block : {1, 3}) {
    std::vector<Problem> problems;
    EXPECT_TRUE(ParseDomain(parts[block].substr(parts[block].find('\n')), problems).has_value())
        << parts[block];
  }
  EXPECT_THAT(Parsed(parts[5]), SizeIs(2));
}

TEST(DomainsFile, BlanksLinesAndQuotesAreFree) {
  for (const char* text : {"domain a.example {process:web port:80}",
                           "domain 'A.example'\n{\n  process : \"web\"\n  port:80\n}# x\n",
                           "\t domain \"a.example\"{process: web # c }\n#}\nport: 80 }"}) {
    const auto entries = Parsed(text);
    EXPECT_THAT(entries.at(0).routes,
                ElementsAre(DomainRoute{.targets = {{.process = "web", .port = 80}}}))
        << text;
    EXPECT_EQ(entries[0].name, "a.example");
  }
  EXPECT_THAT(Parsed(""), SizeIs(0));
  EXPECT_THAT(Parsed("# nothing\n\n"), SizeIs(0));
  EXPECT_EQ(
      Parsed("domain a.example { target { process: web } target { process: b weight: 3 } }")[0]
          .routes,
      (std::vector<DomainRoute>{{.targets = {{.process = "web"}, {.process = "b", .weight = 3}}}}));
}

TEST(DomainsFile, TheErrorOfLine500IsThere) {
  std::string text;
  for (int i = 1; i < 125; ++i)
    absl::StrAppend(&text, "domain d", i, ".example {\n  process: p\n  port: 80\n}\n");
  absl::StrAppend(&text, "domain last.example {\n  process: p\n  # é\n  hold: 1s  prot: 8080\n}\n");
  EXPECT_THAT(ProblemsOf(text),
              ElementsAre("f:500:13: there is no key 'prot'; did you mean 'port'?"));
}

TEST(DomainsFile, ColumnsCountCharacters) {
  EXPECT_THAT(
      ProblemsOf("domain a.example { process: \"żółw\" x: 1 }"),
      ElementsAre(HasSubstr("f:1:29: here is 'żółw'"), HasSubstr("f:1:36: there is no key 'x'")));
}

TEST(DomainsFile, AllProblemsComeAtOnceInTheOrderOfTheFile) {
  EXPECT_THAT(
      ProblemsOf(
          "domian x.example {\n  process: a\n}\n"
          "domain b..example {\n  process: a\n  port: 70000\n  port: 1\n}\n"
          "domain c.example {\n  port 80\n  path /a/ {\n    process: a\n  }\n"
          "  location /x {\n    process: a\n  }\n  hold: 1s\n  process_id: a\n  process: b\n}\n"
          "domain d.example {\n  process: a\n}\n"
          "domain D.example {\n  process:\n}\n"),
      ElementsAre(
          "f:1:1: here is 'domian'; expected: `domain NAME { … }`",
          "f:4:8: 'b..example' has two dots in a row; leave one out",
          "f:6:9: here is '70000'; expected: a number from 1 to 65535",
          "f:7:3: 'port' comes twice; first in line 6", "f:10:8: expected ':' after 'port'",
          "f:11:8: the path '/a/' ends with '/'; leave that out: /api covers what is below it, too",
          HasSubstr("f:14:3: here is 'location'; expected: `KEY: VALUE`, `path /PATH { … }`"),
          "f:19:3: 'process' comes twice; first in line 18",
          "f:24:8: 'D.example' comes twice; first in line 21",
          HasSubstr("f:25:11: here is nothing; expected: the name or id of a process")));
}

TEST(DomainsFile, EachMistakeIsSaidOnce) {
  const std::pair<const char*, const char*> wrong[] = {
      {"domain a.example {\n  process: a\n", "f:1:8: `domain a.example` has no '}' at its end"},
      {"domain a.example {\n  process: a\n  path /b {\n    process: c\n",
       "f:3:8: `path /b` has no '}' at its end"},
      {"domain a.example {\n  process: a\ndomain b.example {\n  process: b\n}\n",
       "f:3:1: `domain a.example` of line 1 has no '}' before this"},
      {"domain a.example {\n  path /b {\n    target {\n    process: a\ndomain b.example {process: "
       "b}\n",
       "f:5:1: `target` of line 3 has no '}' before this"},
      {"domain a.example {\n  process: \"a\n}\n", "f:2:12: this \" is not closed on its line"},
      {"domain a.example {\n  process: 'a\n}\n", "f:2:12: this ' is not closed on its line"},
      {"domain a.example {\n  process: \"a\\n\"\n}\n", "f:2:14: after a backslash expected \""},
      {"domain a.example\n  process: a\n}\n", "f:1:17: expected '{' after `domain a.example`"},
      {"domain a.example\n  path /b {\n    process: a\n  }\n}\n",
       "f:1:17: expected '{' after `domain a.example`"},
      {"domain a.example b {\n  process: a\n}\n", "f:1:18: expected '{' after `domain a.example`"},
      {"domain a.example { process: a }\n}\n", "f:2:1: here is '}'; expected: `domain NAME { … }`"},
      {"process: a\n", "f:1:1: here is 'process'; expected: `domain NAME { … }`"},
      {"{ process: a\n}\n", "f:1:1: here is '{'; expected: `domain NAME { … }`"},
      {"domain { process: a }\n", "f:1:8: here is nothing; expected: a host name"},
      {"domain a.example:80 { process: a }\n",
       "f:1:8: 'a.example:80' has a port; give the name alone"},
      {"domain 'a b' { process: a }\n", "f:1:8: 'a b' has ' '"},
      {"domain a.example { }\n", "f:1:8: `process: …` is missing"},
      {"domain a.example { process: a; }\n", "f:1:29: here is 'a;'; expected: the name or id"},
      {"domain a.example { process: a\"b\" }\n", "f:1:30: here is '\"'; expected: `KEY: VALUE`"},
      {"domain a.example { process: a {\n}\n}\n", "f:1:31: here is '{'; expected: `KEY: VALUE`"},
      {"domain a.example { process: my#app }\n", "f:1:29: here is 'my#app'"},
      {"domain a.example { process: a : b\n}\n", "f:1:31: here is ':'; expected: `KEY: VALUE`"},
      {"domain a.example { domain: b.example process: a }\n", "f:1:20: 'domain' comes twice"},
      {"domain a.example { process: a paths: /b }\n",
       "f:1:31: here is 'paths'; expected: `KEY: VALUE`, `path"},
      {"domain a.example { process: a path: /b { process: c } }\n", "f:1:31: here is 'path'"},
      {"domain a.example { process: a path /b { process: c\npath /d { process: d } }  }\n",
       "f:2:1: here is 'path'; expected: `KEY: VALUE`, `target { … }` or '}'"},
      {"domain a.example { process: a path /b { process: c } path '/b' { process: d } }\n",
       "'/b' comes twice; first in line 1"},
      {"domain a.example { process: a path { process: c } }\n",
       "f:1:36: the path '' does not begin with '/'"},
      {"domain a.example { process: a path / { process: c } }\n",
       "the path '/' is what stands outside"},
      {"domain a.example { process: a target { process: b } }\n", "f:1:29: there are targets too"},
      {"domain a.example { target { process: b weight: 0 } }\n",
       "f:1:48: here is '0'; expected: a number from 1 to 100"},
      {"domain a.example { target { process: b path /c { process: d } } }\n",
       "f:1:40: here is 'path'; expected: `KEY: VALUE` or '}'"},
      {"domain a.example { process: a grpc: yes }\n", "f:1:37: here is 'yes'"},
  };
  for (const auto& [text, said] : wrong)
    EXPECT_THAT(ProblemsOf(text), ElementsAre(HasSubstr(said))) << text;
}

TEST(DomainsFile, FilesThatAreSomethingElse) {
  EXPECT_THAT(ProblemsOf(std::string("domain a\0", 9)),
              ElementsAre(HasSubstr("f:1:9: a NUL byte")));
  EXPECT_THAT(ProblemsOf("# caf\xe9\n"), ElementsAre(HasSubstr("f:1:6: the byte e9 is no UTF-8")));
  EXPECT_THAT(ProblemsOf("#" + std::string(kDomainsFileBytes, 'x')),
              ElementsAre("f:1:1: the file has more than 1024 KiB"));
  EXPECT_THAT(Parsed("#" + std::string(kDomainsFileBytes - 1, 'x')), SizeIs(0));
  const auto lines = ProblemsOf(std::string(kDomainsFileBytes / 2, '}') + "\n");
  EXPECT_THAT(lines, SizeIs(101));
  EXPECT_THAT(lines.back(), HasSubstr("there may be more after this"));
}

// What takes longest: keys that differ, blocks in blocks.
TEST(DomainsFile, OneWithManyKeysIsGivenUp) {
  std::string text = "domain a.example {\n";
  for (int i = 0; text.size() < kDomainsFileBytes - 20; ++i) absl::StrAppend(&text, "k", i, ":1 ");
  EXPECT_THAT(ProblemsOf(text), SizeIs(101));
  text = "domain a.example {\n";
  while (text.size() < kDomainsFileBytes - 20) text += "target{";
  EXPECT_FALSE(ProblemsOf(text).empty());
}

TEST(DomainsFile, NoMutationOfAFileHarms) {
  const std::string whole = Example();
  const std::string_view pieces[] = {"{",  "}",  "\"", "'",      "\n",     "#",      ":", "domain ",
                                     "\\", "\r", "\t", "path /", "target", "port: ", "é", "\0"};
  std::mt19937 random(13);
  const auto pick = [&random](size_t below) { return random() % below; };
  size_t refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string text = whole;
    for (size_t changes = 1 + pick(4); changes > 0; --changes) {
      const size_t at = pick(text.size());
      switch (pick(4)) {
        case 0:
          text.erase(at, 1 + pick(20));
          break;
        case 1:
          text.insert(at, pieces[pick(std::size(pieces))]);
          break;
        case 2:
          text[at] = static_cast<char>(pick(256));
          break;
        default:
          text.insert(at, text.substr(pick(text.size()), pick(40)));
      }
      if (text.empty()) text = "x";
    }
    std::vector<Problem> problems;
    const bool good = ParseDomainsFile(text, problems).has_value();
    ASSERT_EQ(good, problems.empty());
    const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
    for (size_t j = 0; j < problems.size(); ++j) {
      ASSERT_LE(problems[j].line, lines) << text;
      ASSERT_LE(problems[j == 0 ? 0 : j - 1].line, problems[j].line) << text;
    }
    refused += good ? 0 : 1;
  }
  EXPECT_GT(refused, 1000U);
}

}  // namespace
}  // namespace grpc_os::manifest
