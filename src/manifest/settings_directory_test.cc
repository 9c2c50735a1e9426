#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "manifest/settings.h"
#include "manifest/yaml.h"

namespace grpc_os::manifest {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class SettingsDirectoryTest : public ::testing::Test {
 protected:
  SettingsDirectoryTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "settings.XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~SettingsDirectoryTest() override { std::filesystem::remove_all(path_); }

  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = absl::StrCat(path_, "/", name);
    std::ofstream(path) << text;
    chmod(path.c_str(), 0644);
    return path;
  }
  SettingsFiles Read() const { return ReadSettingsDirectory(path_); }
  // What is wrong, without the directory's name.
  std::string Problems() const {
    std::string all = absl::StrJoin(Read().problems, "\n");
    for (size_t at = 0; (at = all.find(path_ + "/")) != std::string::npos;)
      all.erase(at, path_.size() + 1);
    return all;
  }
  std::string ProblemsOf(const std::string& text) const {
    Write("x.yml", text);
    return Problems();
  }

  std::string path_;
};

TEST_F(SettingsDirectoryTest, KeysAreNestedAndKeepTheirPlaces) {
  Write("system.yml", "grpc:\n  port: 1\n  tls:\n    port: 2\nevents: {kept: \"5000\"}\n");
  const SettingsFiles files = Read();
  EXPECT_THAT(files.problems, IsEmpty());
  EXPECT_EQ(files.variables.at("GRPC_PORT"), (Given{"1", path_ + "/system.yml:2"}));
  EXPECT_EQ(files.variables.at("GRPC_TLS_PORT"), (Given{"2", path_ + "/system.yml:4"}));
  EXPECT_EQ(files.variables.at("EVENTS_KEPT"), (Given{"5000", path_ + "/system.yml:5"}));
  EXPECT_EQ(files.variables.size(), 3U);
}

TEST_F(SettingsDirectoryTest, NoDirectoryAndNoSettingsAreNothing) {
  EXPECT_THAT(ReadSettingsDirectory(path_ + "/none").problems, IsEmpty());
  Write("empty.yml", "");
  Write("comments.yml", "# grpc:\n#  port: x\n");
  Write("null.yml", "---\n");
  Write("sections.yml", "grpc:\n  #port: 1\n  tls:\n    #port: 2\nedge:\n");
  EXPECT_EQ(Problems(), "");
  EXPECT_THAT(Read().variables, IsEmpty());
}

TEST_F(SettingsDirectoryTest, OnlyFilesYmlAreRead) {
  for (const char* name : {"accounts", "domains.conf", "a.yml.dpkg-old", "a.yml~", ".a.yml.swp",
                           ".hidden.yml", "a.yaml", "#a.yml#"})
    Write(name, "nonsense: [");
  EXPECT_EQ(Problems(), "");
}

TEST_F(SettingsDirectoryTest, AnUnknownKeyIsRefusedWithItsPlaceAndTheNearest) {
  EXPECT_EQ(ProblemsOf("grpc:\n  prot: 1\n"),
            "x.yml:2:3: there is no key 'prot'; did you mean 'port'?");
  EXPECT_EQ(ProblemsOf("gprc:\n  port: 1\n"),
            "x.yml:1:1: there is no key 'gprc'; did you mean 'grpc'?");
  EXPECT_EQ(ProblemsOf("http: {address: 1}\n"),
            "x.yml:1:8: there is no key 'address'; there are: port");
  EXPECT_EQ(ProblemsOf("grpc.port: 1\n"),
            "x.yml:1:1: 'grpc.port' is written so here: grpc: {port: …}");
  EXPECT_EQ(ProblemsOf("GRPC_TLS_KEY: /k\n"),
            "x.yml:1:1: 'GRPC_TLS_KEY' is written so here: grpc: {tls: {key: …}}");
  EXPECT_EQ(ProblemsOf("DATA_DIR: /d\n"),
            "x.yml:1:1: DATA_DIR cannot be set here; it is taken from the environment");
}

TEST_F(SettingsDirectoryTest, ASecretThatDoesNotBelongThereIsNotShown) {
  EXPECT_THAT(ProblemsOf("auth:\n  jwt_secret: hunter2-hunter2\n"),
              AllOf(HasSubstr("did you mean 'jwt_secret_file'"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(ProblemsOf("JWT_SECRET: hunter2-hunter2\n"),
              AllOf(HasSubstr("JWT_SECRET cannot be set here; name a file that has it: auth: "
                              "{jwt_secret_file: …}"),
                    Not(HasSubstr("hunter2"))));
}

TEST_F(SettingsDirectoryTest, AWrongKindSaysWhatIsExpected) {
  EXPECT_EQ(ProblemsOf("grpc:\n  port: [1, 2]\n"),
            "x.yml:2:9: here is a list; expected: a number from 0 (any free port) to 65535");
  EXPECT_EQ(ProblemsOf("grpc:\n  port:\n"),
            "x.yml:2:8: here is nothing; expected: a number from 0 (any free port) to 65535");
  EXPECT_EQ(ProblemsOf("grpc: 50051\n"),
            "x.yml:1:7: here is '50051'; expected: keys such as `port`");
  EXPECT_EQ(ProblemsOf("- grpc\n"), "x.yml:1:1: here is a list; expected: keys such as `grpc`");
  EXPECT_EQ(ProblemsOf("edge: {trusted_proxies: {a: b}}\n"),
            "x.yml:1:25: here is a map; expected: networks with commas between, as in "
            "10.0.0.0/8,192.0.2.1");
}

TEST_F(SettingsDirectoryTest, AListIsOneWhereItMayBe) {
  Write("x.yml", "edge:\n  trusted_proxies:\n    - 10.0.0.0/8\n    - 192.0.2.1\n");
  const auto settings = ResolveSettings({.files = Read()});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_THAT(settings->edge_trusted_proxies, ElementsAre("10.0.0.0/8", "192.0.2.1"));
  EXPECT_THAT(ProblemsOf("edge: {trusted_proxies: [10.0.0.0/8, [a]]}\n"),
              HasSubstr("expected: networks"));
}

TEST_F(SettingsDirectoryTest, TwoFilesThatContradictAreRefusedNamingBoth) {
  Write("a.yml", "grpc:\n  port: 1\n");
  Write("b.yml", "http: {port: 2}\ngrpc: {port: 3}\n");
  EXPECT_EQ(
      Problems(),
      absl::StrCat("b.yml:2:14: grpc.port has another value here than in a.yml:2; keep one of "
                   "them"));
  Write("b.yml", "grpc: {port: 1}\n");
  EXPECT_EQ(Problems(), "");
  EXPECT_EQ(Read().variables.at("GRPC_PORT").source, path_ + "/a.yml:2");
  EXPECT_EQ(ProblemsOf("http: {port: 1}\nhttp: {port: 1}\n"),
            "x.yml:2:1: 'http' comes twice; first in line 1");
}

TEST_F(SettingsDirectoryTest, AllThatIsWrongIsSaidAtOnce) {
  Write("a.yml", "nonsense: 1\ngrpc: {prot: 1, port: []}\n");
  Write("b.yml", "\tx\n");
  Write("c.yml", "a: \xff\n");
  EXPECT_THAT(Read().problems,
              ElementsAre(HasSubstr("a.yml:1:1: "), HasSubstr("a.yml:2:8: "),
                          HasSubstr("a.yml:2:23: "), HasSubstr("b.yml:1:1: no YAML: a tab"),
                          HasSubstr("c.yml:1:4: the byte ff is no UTF-8")));
}

TEST_F(SettingsDirectoryTest, FilesThatNobodyShouldGoByAreRefused) {
  const std::string file = Write("a.yml", "grpc: {port: 1}\n");
  EXPECT_EQ(Problems(), "");
  chmod(file.c_str(), 0646);
  EXPECT_THAT(Problems(), HasSubstr("a.yml can be changed by other accounts; run: chmod o-w "));
  std::filesystem::remove(file);
  const std::string elsewhere = Write("elsewhere", "grpc: {port: 1}\n");
  symlink(elsewhere.c_str(), file.c_str());
  EXPECT_THAT(Problems(), HasSubstr("a.yml is a symbolic link"));
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  EXPECT_EQ(Problems(), "a.yml is no file");
  std::filesystem::remove(file);
  mkfifo(file.c_str(), 0644);
  EXPECT_EQ(Problems(), "a.yml is no file");
  std::filesystem::remove(file);
  Write("a.yml", std::string(kYamlBytes + 1, '#'));
  EXPECT_THAT(Problems(), HasSubstr("is larger than 65536 bytes"));
  EXPECT_THAT(Read().variables, IsEmpty());
}

TEST_F(SettingsDirectoryTest, ADirectoryThatOthersCanChangeIsRefused) {
  Write("a.yml", "grpc: {port: 1}\n");
  chmod(path_.c_str(), 0757);
  EXPECT_EQ(absl::StrJoin(Read().problems, "\n"),
            absl::StrCat(path_, " can be changed by other accounts; run: chmod o-w ", path_));
  EXPECT_THAT(Read().variables, IsEmpty());
  chmod(path_.c_str(), 0755);
  EXPECT_THAT(ReadSettingsDirectory(path_ + "/a.yml").problems,
              ElementsAre(path_ + "/a.yml is no directory"));
}

TEST_F(SettingsDirectoryTest, TooManyFilesAreRefused) {
  for (int i = 0; i < 101; ++i) Write(absl::StrCat(i, ".yml"), "");
  EXPECT_THAT(Problems(), HasSubstr("has 101 files *.yml"));
}

TEST_F(SettingsDirectoryTest, NothingOfAFileCommandsATerminal) {
  EXPECT_THAT(ProblemsOf("\"\\e[31m\": 1\n"), AllOf(HasSubstr("'?[31m'"), Not(HasSubstr("\x1b"))));
}

// ---- LoadSettings

TEST_F(SettingsDirectoryTest, WhatHasSecretsMustBeThereAndBePrivate) {
  const std::string secret(40, 'k');
  const auto load = [&](const std::string& env_file = "") {
    const auto settings = LoadSettings({.env_file = env_file, .directory = path_});
    return settings.ok() ? settings->jwt_secret : std::string(settings.status().message());
  };
  EXPECT_EQ(load(), "");
  const std::string env_file = Write(".env", absl::StrCat("JWT_SECRET=", secret));
  EXPECT_THAT(load(env_file), HasSubstr("chmod 600 " + env_file));
  chmod(env_file.c_str(), 0600);
  EXPECT_EQ(load(env_file), secret);

  const std::string own = path_ + "/jwt.secret";
  Write("auth.yml", absl::StrCat("auth: {jwt_secret_file: ", own, "}"));
  EXPECT_THAT(load(), HasSubstr(own + " does not exist"));
  Write("jwt.secret", secret + "\n");
  EXPECT_THAT(load(), HasSubstr("chmod 600 " + own));
  chmod(own.c_str(), 0600);
  EXPECT_EQ(load(), secret);
  EXPECT_EQ(load(env_file), secret);
  const std::string elsewhere = path_ + "/elsewhere";
  std::filesystem::rename(own, elsewhere);
  std::filesystem::create_symlink(elsewhere, own);
  EXPECT_THAT(load(), HasSubstr(own + " is a symbolic link"));
}

// ---- config/default

TEST_F(SettingsDirectoryTest, TheFilesToBeginWithSetNothingAndShowTheDefaults) {
  for (const std::string name : {"system", "auth", "logging"})
    Write(name + ".yml", SettingsExample(name));
  EXPECT_EQ(Problems(), "");
  EXPECT_THAT(Read().variables, IsEmpty());

  for (const std::string name : {"system", "auth", "logging"}) {
    std::vector<std::string> lines = absl::StrSplit(SettingsExample(name), '\n');
    for (std::string& line : lines) {
      const size_t mark = line.find('#');
      if (mark != std::string::npos && line.substr(mark, 2) != "# ") line.erase(mark, 1);
    }
    Write(name + ".yml", absl::StrJoin(lines, "\n"));
  }
  EXPECT_EQ(Problems(), "");
  const auto all = ResolveSettings({.files = Read()});
  ASSERT_TRUE(all.ok()) << all.status();
  size_t i = 0;
  for (const Setting& setting : SettingTable()) {
    const SettingInForce& in_force = all->in_force[i++];
    if (*setting.key == 0) continue;
    EXPECT_THAT(in_force.source, HasSubstr(path_)) << setting.name;
    if (*setting.fallback != 0) {
      EXPECT_EQ(in_force.value, setting.fallback) << setting.name;
    }
  }
}

TEST_F(SettingsDirectoryTest, TheReferenceHasEachSetting) {
  const std::string page = SettingsReference();
  for (const Setting& setting : SettingTable())
    EXPECT_THAT(
        page, AllOf(HasSubstr(absl::StrCat("| `", setting.name, "` | ")), HasSubstr(setting.what)));
}

}  // namespace
}  // namespace grpc_os::manifest
