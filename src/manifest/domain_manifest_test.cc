#include "manifest/domain_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"

namespace grpc_os::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> ProblemsOf(std::string_view text) {
  std::vector<Problem> problems;
  const bool good = ParseDomain(text, problems).has_value();
  EXPECT_EQ(good, problems.empty());
  std::vector<std::string> words;
  for (const Problem& problem : problems) words.push_back(Describe(problem, "f"));
  return words;
}

DomainEntry Parsed(std::string_view text) {
  std::vector<Problem> problems;
  const auto entry = ParseDomain(text, problems);
  for (const Problem& problem : problems) ADD_FAILURE() << Describe(problem, "f");
  return entry.value_or(DomainEntry());
}

// With what every domain needs, in front.
std::vector<std::string> ProblemsWith(const std::string& line) {
  return ProblemsOf("domain: a.example\nprocess: web\n" + line);
}

TEST(DomainManifest, ANameAndAProcessSuffice) {
  EXPECT_EQ(Parsed("process: proc_12\ndomain: Example.com\n"),
            (DomainEntry{.name = "example.com",
                         .line = 2,
                         .column = 9,
                         .routes = {{.path = "/", .targets = {{.process = "proc_12"}}}}}));
}

TEST(DomainManifest, EachKeyIsTaken) {
  const DomainEntry entry = Parsed(
      "domain: '*.example.com'\nprocess: web\nport: 8080\ngrpc: true\nhold: 0\ndrain: 1500ms\n"
      "max_body: 2G\nread_timeout: 2h\npaths:\n  /b: {process: api, port: 81, strip: true}\n"
      "  /a:\n    targets: [{process: x, port: 1, weight: 9}, {process: x, port: 2}]\n");
  EXPECT_EQ(entry.name, "*.example.com");
  EXPECT_THAT(
      entry.routes,
      ElementsAre(
          DomainRoute{.path = "/", .targets = {{.process = "web", .port = 8080}}},
          DomainRoute{.path = "/b", .strip = true, .targets = {{.process = "api", .port = 81}}},
          DomainRoute{.path = "/a",
                      .targets = {{.process = "x", .port = 1, .weight = 9},
                                  {.process = "x", .port = 2, .weight = 1}}}));
  EXPECT_EQ(entry.grpc, true);
  EXPECT_EQ(entry.hold_ms, 0);
  EXPECT_EQ(entry.drain_ms, 1500);
  EXPECT_EQ(entry.max_body_bytes, int64_t{2} << 30);
  EXPECT_EQ(entry.read_timeout_ms, 7'200'000);
}

TEST(DomainManifest, PathsAndTargetsDoWithoutAProcessOutside) {
  EXPECT_THAT(Parsed("domain: a.example\npaths: {/api: {process: api}}\n").routes,
              ElementsAre(DomainRoute{.path = "/api", .targets = {{.process = "api"}}}));
  EXPECT_THAT(Parsed("domain: a.example\npaths: {/: {process: api}}\n").routes,
              ElementsAre(DomainRoute{.path = "/", .targets = {{.process = "api"}}}));
  EXPECT_THAT(Parsed("domain: a.example\ntargets: [{process: a}, {process: b}]\n").routes,
              ElementsAre(DomainRoute{.targets = {{.process = "a"}, {.process = "b"}}}));
}

TEST(DomainManifest, AllProblemsComeAtOnceInTheOrderOfTheFile) {
  EXPECT_THAT(
      ProblemsOf("domian: x\nport: 65536\npaths:\n  api: {process: api, weigth: 1}\n  /b: {strip: "
                 "yes}\nhold: 6m\nhodl: 1s\n"),
      ElementsAre("f:1:1: there is no key 'domian'; did you mean 'domain'?",
                  "f:1:1: `domain: …` is missing",
                  "f:1:1: `process: …` is missing, which says where requests go",
                  "f:2:7: here is '65536'; expected: a number from 1 to 65535",
                  "f:4:3: the path 'api' does not begin with '/'; write /api",
                  "f:4:23: there is no key 'weigth'; there are: process, port, targets, strip",
                  "f:5:7: `process: …` is missing, which says where requests go",
                  "f:5:15: here is 'yes'; expected: `true` or `false`",
                  "f:6:7: '6m' is out of range; expected: 0s to 5m",
                  "f:7:1: there is no key 'hodl'; did you mean 'hold'?"));
}

TEST(DomainManifest, EachFormRefusesWhatItIsNot) {
  for (const char* line : {"port: 0",
                           "port: auto",
                           "port: [80]",
                           "port: 80\nport: 81",
                           "process: other",
                           "targets: [{process: b}]",
                           "grpc: 1",
                           "grpc:",
                           "hold: -1s",
                           "hold: soon",
                           "hold: 301s",
                           "drain: 61s",
                           "max_body: 0",
                           "max_body: 6G",
                           "max_body: lots",
                           "read_timeout: 500ms",
                           "read_timeout: 25h",
                           "strip: true",
                           "weight: 2",
                           "path: /a",
                           "paths: {}",
                           "paths: [/a]",
                           "paths: {/a: api}",
                           "paths: {/a: {}}",
                           "paths: {/a/: {process: b}}",
                           "paths: {/a/../b: {process: b}}",
                           "paths: {'/a;': {process: b}}",
                           "paths: {/: {process: b}}",
                           "paths: {/a: {process: b}, /a: {process: c}}",
                           "paths: {/a: {process: b, hold: 1s}}",
                           "paths: {/a: {process: b, paths: {}}}",
                           "paths: {/a: {targets: []}}",
                           "paths: {/a: {targets: [b]}}",
                           "paths: {/a: {targets: [{port: 1}]}}",
                           "paths: {/a: {targets: [{process: b}, {process: b}]}}",
                           "paths: {/a: {targets: [{process: b, weight: 0}]}}",
                           "paths: {/a: {targets: [{process: b, weight: 101}]}}",
                           "paths: {/a: {targets: [{process: b, strip: true}]}}",
                           "paths: {/a: {port: 1, targets: [{process: b}]}}"}) {
    EXPECT_THAT(ProblemsWith(absl::StrCat(line, "\n")), ::testing::SizeIs(1)) << line;
  }
  EXPECT_THAT(ProblemsOf("- a\n"), ElementsAre(HasSubstr("keys such as `domain: example.com`")));
  EXPECT_THAT(ProblemsOf("domain: a.example\n"),
              ElementsAre("f:1:1: `process: …` is missing, which says where requests go"));
  EXPECT_THAT(
      ProblemsOf("domain: 'a.com;'\nprocess: 'a b'\n"),
      ElementsAre(HasSubstr("f:1:9: 'a.com;' has ';'"), HasSubstr("f:2:10: here is 'a b'")));
  EXPECT_THAT(ProblemsOf("domain: *.example.com\nprocess: a\n"),
              ElementsAre(HasSubstr("f:1:9: no YAML: text that begins with * needs quotes")));
}

TEST(DomainManifest, HasAtMostSoManyPathsAndTargets) {
  std::string paths = "paths:\n";
  std::string targets = "targets:\n";
  for (int i = 0; i < 32; ++i) absl::StrAppend(&paths, "  /", i, ": {process: a}\n");
  for (int i = 0; i < 16; ++i) absl::StrAppend(&targets, "- process: t", i, "\n");
  const std::string domain = "domain: a.example\n";
  EXPECT_EQ(Parsed(domain + paths).routes.size(), 32U);
  EXPECT_EQ(Parsed(domain + targets).routes[0].targets.size(), 16U);
  EXPECT_THAT(ProblemsOf(domain + "process: a\n" + paths),
              ElementsAre(HasSubstr("there are 33 paths, the limit is 32")));
  EXPECT_THAT(ProblemsOf(domain + targets + "- process: b\n"),
              ElementsAre(HasSubstr("there are 17 targets, the limit is 16")));
}

TEST(DomainManifest, IsToldFromAProcessByTheKeyDomain) {
  EXPECT_TRUE(IsDomainManifest("process: a\ndomain: a.example\n"));
  EXPECT_TRUE(IsDomainManifest("domain: 1\ndomain: 2\nmore: &x y\n"));
  EXPECT_FALSE(IsDomainManifest("name: a\ndomains: [a.example]\nlabels: {domain: b}\n"));
  for (const char* other : {"", "- domain: a\n", "domain", "[", "domain: {\n"})
    EXPECT_FALSE(IsDomainManifest(other)) << other;
}

TEST(DomainManifest, TheExampleUsesEachKeyButTargetsInPlaceOfProcess) {
  const std::string example = DomainExample();
  const DomainEntry entry = Parsed(example);
  EXPECT_EQ(entry.routes.size(), 3U);
  for (const char* key :
       {"domain", "process", "port", "paths", "grpc", "hold", "drain", "max_body", "read_timeout"})
    EXPECT_THAT(example, HasSubstr(absl::StrCat("\n", key, ":")));
  EXPECT_THAT(example, HasSubstr("targets:"));
}

}  // namespace
}  // namespace grpc_os::manifest
