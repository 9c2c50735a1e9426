#include "manifest/process_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace grpc_os::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<std::string> ProblemsOf(std::string_view text) {
  std::vector<Problem> problems;
  const bool good = ParseProcesses(text, problems).has_value();
  EXPECT_EQ(good, problems.empty());
  std::vector<std::string> words;
  for (const Problem& problem : problems) words.push_back(Describe(problem, "f"));
  return words;
}

std::vector<ProcessManifest> Parsed(std::string_view text) {
  std::vector<Problem> problems;
  auto processes = ParseProcesses(text, problems);
  for (const Problem& problem : problems) ADD_FAILURE() << Describe(problem, "f");
  return processes.value_or(std::vector<ProcessManifest>(1));
}

// With what every process needs, in front.
std::vector<std::string> ProblemsWith(const std::string& lines) {
  return ProblemsOf("name: a\ncommand: b\n" + lines);
}
ProcessManifest With(const std::string& lines) {
  return Parsed("name: a\ncommand: b\n" + lines).at(0);
}

TEST(ProcessManifest, WhatIsWrittenStaysText) {
  const ProcessManifest web = With(
      "version: 1.0\nenvironment:\n  PORT: 8080\n  DEBUG: false\n  A: yes\n  B: 0755\n  C: ''\n");
  EXPECT_EQ(web.version, "1.0");
  EXPECT_THAT(web.environment, ElementsAre(Pair("A", "yes"), Pair("B", "0755"), Pair("C", ""),
                                           Pair("DEBUG", "false"), Pair("PORT", "8080")));
}

TEST(ProcessManifest, EachKeyIsTaken) {
  const ProcessManifest web = With(
      "domains: [A.example, '*.b.example']\nvolumes: ['data:/app/data', 'both:/srv/x:shared']\n"
      "working_dir: sub\nuser: www-data\nrestart: on-failure\nstop_signal: INT\n"
      "stop_timeout: 2m\nstop_scope: all\nport: auto\nready: {http: /health, port: 81, timeout: "
      "1m}\n"
      "liveness: {tcp: 82, period: 5s, failures: 2, timeout: 1s}\n"
      "depends_on: {db: started, cache: completed}\nrelease: migrate\nlog_max: 64K\n"
      "labels: {team: web}\n");
  EXPECT_THAT(web.domains, ElementsAre("a.example", "*.b.example"));
  EXPECT_THAT(web.volumes, ElementsAre(VolumeMount{"data", "/app/data", false},
                                       VolumeMount{"both", "/srv/x", true}));
  EXPECT_EQ(web.working_dir, "sub");
  EXPECT_EQ(web.user, "www-data");
  EXPECT_EQ(web.restart, "on-failure");
  EXPECT_EQ(web.stop_signal, "INT");
  EXPECT_EQ(web.stop_timeout_ms, 120'000);
  EXPECT_EQ(web.stop_scope, "all");
  EXPECT_TRUE(web.auto_port);
  EXPECT_EQ(
      web.ready,
      (Probe{.kind = Probe::Kind::kHttp, .path = "/health", .port = 81, .timeout_ms = 60'000}));
  EXPECT_EQ(web.liveness, (Probe{.kind = Probe::Kind::kTcp,
                                 .port = 82,
                                 .timeout_ms = 1000,
                                 .period_ms = 5000,
                                 .failures = 2}));
  EXPECT_THAT(web.depends_on, ElementsAre(Dependency{"db", Dependency::Condition::kStarted},
                                          Dependency{"cache", Dependency::Condition::kCompleted}));
  EXPECT_EQ(web.release, "migrate");
  EXPECT_EQ(web.log_max_bytes, 65536);
  EXPECT_THAT(web.labels, ElementsAre(Pair("team", "web")));
}

TEST(ProcessManifest, ShortFormsOfProbesAndDependencies) {
  EXPECT_EQ(With("ready: notify\n").ready->kind, Probe::Kind::kNotify);
  EXPECT_EQ(With("port: 1\nready: tcp\n").ready->kind, Probe::Kind::kTcp);
  EXPECT_EQ(With("ready: {delay: 2}\n").ready->delay_ms, 2000);
  EXPECT_EQ(With("ready: {notify: true, timeout: 5s}\n").ready->timeout_ms, 5000);
  EXPECT_EQ(With("port: 1\nliveness: tcp\n").liveness->kind, Probe::Kind::kTcp);
  EXPECT_THAT(With("depends_on: [db]\n").depends_on,
              ElementsAre(Dependency{"db", Dependency::Condition::kReady}));
  EXPECT_EQ(With("port: 80\n").port, 80);
}

TEST(ProcessManifest, AllProblemsComeAtOnceInTheOrderOfTheFile) {
  EXPECT_THAT(
      ProblemsOf("nmae: web\ncommand: [a]\nport: 70000\nenvironment:\n  A:\n  B: [1]\n  1C: x\n"
                 "retsart: never\nport: 1\n"),
      ElementsAre("f:1:1: there is no key 'nmae'; did you mean 'name'?",
                  "f:1:1: `name: …` is missing", "f:2:10: here is a list; expected: text",
                  "f:3:7: here is '70000'; expected: a number from 1 to 65535, or `auto`",
                  "f:5:5: here is nothing; expected: text; for empty text write \"\"",
                  "f:6:6: here is a list; expected: text", HasSubstr("f:7:3: '1C' is no name"),
                  "f:8:1: there is no key 'retsart'; did you mean 'restart'?",
                  "f:9:1: 'port' comes twice; first in line 3"));
}

TEST(ProcessManifest, EachFormRefusesWhatItIsNot) {
  for (const char* line : {"restart: maybe",
                           "stop_timeout: -1s",
                           "stop_timeout: 2h",
                           "stop_timeout: soon",
                           "log_max: 1K",
                           "log_max: lots",
                           "port: 0",
                           "port: [80]",
                           "ready: yes",
                           "ready: []",
                           "ready: {}",
                           "ready: {http: health}",
                           "ready: {http: /a, tcp: 1}",
                           "ready: {tcp: 1, port: 2}",
                           "ready: {notify: false}",
                           "stop_signal: KILLL",
                           "stop_scope: everyone",
                           "release: a > b",
                           "ready: tcp",
                           "liveness: tcp",
                           "port: 1\nenvironment: {PORT: 2}",
                           "ready: {timeout: 1s}",
                           "liveness: notify",
                           "liveness: {tcp: 1, failures: 0}",
                           "depends_on: db",
                           "depends_on: {db: done}",
                           "depends_on: [db, db]",
                           "depends_on: [a]",
                           "volumes: data",
                           "volumes: [data]",
                           "volumes: ['data:app']",
                           "volumes: ['data:/app/../..']",
                           "volumes: ['d:/a', 'd:/b']",
                           "volumes: ['d:/a', 'e:/a']",
                           "volumes: ['d:/a:ro']",
                           "domains: a.example",
                           "domains: [a, A]",
                           "domains: ['a b.example']",
                           "domains: ['*.com']",
                           "domains: [[a]]",
                           "working_dir: ../x",
                           "labels: [a]",
                           "version:",
                           "environment: text",
                           "name: b"}) {
    EXPECT_THAT(ProblemsWith(absl::StrCat(line, "\n")), ::testing::SizeIs(1)) << line;
  }
  EXPECT_THAT(ProblemsWith("liveness: {delay: 1s}\n"),
              ElementsAre(HasSubstr("one of http, tcp"), HasSubstr("no key 'delay'")));
  EXPECT_THAT(ProblemsOf("processes: []\n"), ElementsAre(HasSubstr("here is a list")));
  EXPECT_THAT(ProblemsOf("name: proc_123\ncommand: a\n"),
              ElementsAre(HasSubstr("looks like an id")));
  EXPECT_THAT(ProblemsOf("name: -x\ncommand: a\n"), ElementsAre(HasSubstr("f:1:7: here is '-x'")));
  EXPECT_THAT(ProblemsOf("name: a\n"), ElementsAre(HasSubstr("needs `command: …`")));
  EXPECT_THAT(ProblemsOf("name: a\ncommand: python app.py > log\n"),
              ElementsAre(HasSubstr("f:2:10: the command has an unquoted '>'")));
  EXPECT_EQ(Parsed("name: a\ncommand: >\n  python\n  app.py\n")[0].command, "python app.py");
  EXPECT_THAT(ProblemsOf("- a\n"), ElementsAre(HasSubstr("expected: keys such as `name: myapp`")));
}

TEST(ProcessManifest, SeveralProcessesShareWhatIsSaidOutside) {
  const auto processes = Parsed(
      "version: 3\nenvironment: {A: 1, B: 2}\nuser: www\nprocesses:\n"
      "  web: {command: serve, port: 80, environment: {B: 3}}\n"
      "  worker: {command: work, user: other}\n");
  ASSERT_EQ(processes.size(), 2U);
  EXPECT_EQ(processes[0].name, "web");
  EXPECT_EQ(processes[0].user, "www");
  EXPECT_THAT(processes[0].environment, ElementsAre(Pair("A", "1"), Pair("B", "3")));
  EXPECT_EQ(processes[1].name, "worker");
  EXPECT_EQ(processes[1].user, "other");
  EXPECT_EQ(processes[1].version, "3");
  EXPECT_THAT(processes[1].environment, ElementsAre(Pair("A", "1"), Pair("B", "2")));
}

TEST(ProcessManifest, SeveralProcessesAreCheckedTogether) {
  EXPECT_THAT(ProblemsOf("port: 80\nprocesses:\n  a: {command: x}\n  b: {command: y}\n"),
              ElementsAre(HasSubstr("'a' and 'b' both have the port 80")));
  EXPECT_THAT(
      ProblemsOf("processes:\n  a: {command: x, depends_on: [b]}\n"
                 "  b: {command: y, depends_on: [c]}\n  c: {command: z, depends_on: [a]}\n"),
      ElementsAre(HasSubstr("in a circle: a → b → c → a")));
  EXPECT_THAT(ProblemsOf("volumes: ['d:/d']\ndomains: [a.example]\nprocesses:\n  a: {command: x}\n"
                         "  b: {command: y}\n"),
              ElementsAre(HasSubstr("domain a.example"), HasSubstr("volume d; write `:shared`")));
  EXPECT_THAT(ProblemsOf("name: x\nprocesses:\n  a: {command: x}\n"),
              ElementsAre(HasSubstr("f:1:7: with `processes`")));
  EXPECT_THAT(ProblemsOf("processes:\n  a: {command: x, name: b}\n"),
              ElementsAre(HasSubstr("`name` is not for in here")));
  EXPECT_THAT(ProblemsOf("processes:\n  -a: {command: x}\n  b: text\n"),
              ElementsAre(HasSubstr("f:2:3: here is '-a'"), HasSubstr("f:3:6: expected: keys")));
  EXPECT_THAT(ProblemsOf("command: x\nprocesses:\n  a:\n  b:\n"), IsEmpty()) << "the same twice";
}

TEST(ProcessManifest, TheExampleUsesEachKeyAndIsRight) {
  std::vector<Problem> problems;
  const auto processes = ParseProcesses(ProcessExample(), problems);
  ASSERT_TRUE(processes.has_value()) << Describe(problems.at(0), "example");
  const ProcessManifest& one = processes->at(0);
  EXPECT_EQ(one.environment.at("PORT"), "8080");
  EXPECT_EQ(one.ready->path, "/health");
  EXPECT_FALSE(one.labels.empty());
}

class ProcessFileTest : public ::testing::Test {
 protected:
  ProcessFileTest() {
    std::string form = ::testing::TempDir() + "manifest-XXXXXX";
    root_ = mkdtemp(form.data());
    std::filesystem::create_directories(root_ + "/processes/myapp");
  }
  ~ProcessFileTest() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(root_ + "/" + name) << text;
  }

  std::string root_;
};

TEST_F(ProcessFileTest, InTheDirectoryOrBesideItIfItHasItsName) {
  const std::string directory = root_ + "/processes/myapp";
  auto none = FindProcessFile(directory);
  EXPECT_TRUE(absl::IsNotFound(none.status()));
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("with `name: myapp`"));
  Write("processes/process.yml", "name: other\ncommand: a\n");
  EXPECT_TRUE(absl::IsNotFound(FindProcessFile(directory).status()));
  Write("processes/process.yml", "name: myapp\ncommand: a\n");
  EXPECT_EQ(FindProcessFile(directory)->path, root_ + "/processes/process.yml");
  EXPECT_EQ(FindProcessFile(directory + "/")->directory, directory + "/");
  Write("processes/process.yml", "name: 'my");
  EXPECT_TRUE(FindProcessFile(directory).ok()) << "so that its problems are shown";
  Write("processes/myapp/process.yml", "name: any\ncommand: a\n");
  EXPECT_EQ(FindProcessFile(directory)->path, directory + "/process.yml");
  EXPECT_EQ(FindProcessFile(directory + "/process.yml")->directory, directory);
  EXPECT_TRUE(absl::IsNotFound(FindProcessFile(root_ + "/nothing").status()));
  Write("large.yml", std::string(65 << 10, 'x'));
  EXPECT_TRUE(absl::IsInvalidArgument(FindProcessFile(root_ + "/large.yml").status()));
}

TEST_F(ProcessFileTest, AFileThatIsNamedIsAboutItsOwnDirectoryOrTheOneBesideIt) {
  Write("processes/process.yml", "name: myapp\ncommand: a\n");
  const std::string file = root_ + "/processes/process.yml";
  const auto directory = [&] { return FindProcessFile(file)->directory; };
  EXPECT_EQ(directory(), root_ + "/processes/myapp");
  std::filesystem::create_directories(root_ + "/processes/other");
  Write("processes/.hidden", "");
  EXPECT_EQ(directory(), root_ + "/processes/myapp");
  // A program with a package of its name.
  Write("processes/requirements.txt", "");
  EXPECT_EQ(directory(), root_ + "/processes");
  std::filesystem::remove(root_ + "/processes/requirements.txt");
  Write("processes/myapp/process.yml", "name: any\ncommand: a\n");
  EXPECT_EQ(directory(), root_ + "/processes");
  std::filesystem::remove(root_ + "/processes/myapp/process.yml");
  std::filesystem::create_directories(root_ + "/processes/processes");
  Write("processes/process.yml", "name: processes\ncommand: a\n");
  EXPECT_EQ(directory(), root_ + "/processes");
  Write("processes/process.yml", "processes:\n  myapp:\n    command: a\n");
  EXPECT_EQ(directory(), root_ + "/processes");
}

}  // namespace
}  // namespace grpc_os::manifest
