#include "host/volume_directories.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/error_detail.h"

namespace grpc_os::host {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TestLogger final : public core::Logger {
 public:
  bool Enabled(core::LogLevel) const override { return true; }
  void SetLevel(core::LogLevel) override {}
  core::LogLevel Level() const override { return core::LogLevel::kInfo; }
  void Write(core::LogLevel, std::string_view message, const core::LogFields&) override {
    lines.emplace_back(message);
  }
  std::vector<std::string> lines;
};

class VolumeDirectoriesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/volumes-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    base_ = path;
    root_ = base_ / "volumes";
    Restart();
  }
  void TearDown() override { fs::remove_all(base_); }
  void Restart(bool shielded = false) {
    directories_ = std::make_unique<VolumeDirectories>(
        VolumeDirectories::Options{.path = root_, .shielded = shielded, .step = 10}, logger_);
    ASSERT_TRUE(directories_->Open().ok());
  }
  absl::Status Make(const std::string& name, const std::string& account = "") {
    absl::Status status = directories_->Prepare(name, account);
    return status.ok() ? directories_->Publish(name) : status;
  }
  void RemoveAll() {
    while (directories_->RemoveSome()) {
    }
  }
  core::VolumeSize Measure(const std::string& name) const {
    return directories_->Measure(name, [] { return false; });
  }
  int64_t Du(const std::string& name) const {
    const std::string command = "du -s --block-size=1 " + (root_ / name).string();
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    long long bytes = -1;
    EXPECT_EQ(fscanf(pipe.get(), "%lld", &bytes), 1);
    return bytes;
  }
  static void WriteFile(const fs::path& path) { std::ofstream(path) << "text"; }
  static std::string Why(const absl::Status& status) {
    const auto detail = DetailOf(status);
    return detail ? detail->reason : status.ToString();
  }

  TestLogger logger_;
  fs::path base_, root_;
  std::unique_ptr<VolumeDirectories> directories_;
};

TEST_F(VolumeDirectoriesTest, AVolumeIsADirectoryOfItsAccountAlone) {
  ASSERT_TRUE(Make("data").ok());
  struct stat status {};
  ASSERT_EQ(lstat((root_ / "data").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFDIR | 0700));
  EXPECT_EQ(status.st_uid, geteuid());
}

TEST_F(VolumeDirectoriesTest, WhatIsThereAlreadyIsRefusedWithTheCure) {
  fs::create_directory(root_ / "foreign");
  fs::create_symlink("/etc", root_ / "link");
  for (const char* name : {"foreign", "link"}) {
    const absl::Status status = Make(name);
    EXPECT_EQ(Why(status), "VOLUME_DIRECTORY");
    EXPECT_THAT(std::string(status.message()), HasSubstr("move it away"));
  }
  EXPECT_TRUE(fs::is_symlink(root_ / "link"));
}

TEST_F(VolumeDirectoriesTest, MendingMakesWhatIsMissingAndFollowsNoLink) {
  EXPECT_TRUE(directories_->Mend("data", "").ok());
  WriteFile(root_ / "data/file");
  EXPECT_TRUE(directories_->Mend("data", "").ok());
  EXPECT_TRUE(fs::exists(root_ / "data/file"));
  fs::remove_all(root_ / "data");
  fs::create_symlink(base_, root_ / "data");
  EXPECT_EQ(Why(directories_->Mend("data", "")), "VOLUME_DIRECTORY");
  fs::remove(root_ / "data");
  WriteFile(root_ / "data");
  EXPECT_EQ(Why(directories_->Mend("data", "")), "VOLUME_DIRECTORY");
}

TEST_F(VolumeDirectoriesTest, AnotherAccountsDirectoryIsNoneOfOurs) {
  if (geteuid() != 0) GTEST_SKIP() << "gives a directory away: run it as root";
  ASSERT_TRUE(Make("data").ok());
  ASSERT_EQ(chown((root_ / "data").c_str(), 54'321, 54'321), 0);
  EXPECT_EQ(Why(directories_->Mend("data", "")), "VOLUME_DIRECTORY");
}

TEST_F(VolumeDirectoriesTest, AnotherAccountNeedsTheShieldAndIsGrantedAccess) {
  EXPECT_THAT(std::string(Make("a", "no-such-account").message()), HasSubstr("no account"));
  EXPECT_THAT(std::string(Make("a", geteuid() == 0 ? "nobody" : "root").message()),
              HasSubstr("without --user"));
  Restart(/*shielded=*/true);
  EXPECT_THAT(std::string(Make("a").message()), HasSubstr("named account"));
  if (geteuid() != 0) GTEST_SKIP() << "becomes another account: run it as root";
  ASSERT_TRUE(Make("a", "nobody").ok());
  ASSERT_EQ(chmod(base_.c_str(), 0711), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(1);
    const std::string file = root_ / "a/file";
    _exit(open(file.c_str(), O_WRONLY | O_CREAT, 0600) < 0 ? 2 : 0);
  }
  int result = 0;
  ASSERT_EQ(waitpid(child, &result, 0), child);
  EXPECT_EQ(result, 0);
  EXPECT_TRUE(fs::exists(root_ / "a/file"));
  const pid_t stranger = fork();
  if (stranger == 0) {
    if (setresgid(54'322, 54'322, 54'322) != 0 || setresuid(54'322, 54'322, 54'322) != 0) _exit(1);
    _exit(open((root_ / "a").c_str(), O_RDONLY | O_DIRECTORY) < 0 ? 0 : 2);
  }
  ASSERT_EQ(waitpid(stranger, &result, 0), stranger);
  EXPECT_EQ(result, 0);
}

TEST_F(VolumeDirectoriesTest, RemovalTakesAllOfItInBoundedStepsAndNothingThatLinksName) {
  ASSERT_TRUE(Make("data").ok());
  WriteFile(base_ / "outside");
  fs::create_directories(base_ / "kept/inner");
  fs::create_symlink(base_ / "kept", root_ / "data/link");
  fs::create_symlink(base_ / "outside", root_ / "data/file-link");
  fs::path deep = root_ / "data";
  for (int i = 0; i < 60; ++i) {
    deep /= "d";
    fs::create_directory(deep);
    WriteFile(deep / "f");
  }
  ASSERT_EQ(chmod((root_ / "data/d").c_str(), 0), 0);
  directories_->BeginRemoval("data");
  ASSERT_TRUE(directories_->EndRemoval("data", true).ok());
  EXPECT_FALSE(fs::exists(root_ / "data"));
  ASSERT_TRUE(Make("data").ok()) << "the name is free at once";
  WriteFile(root_ / "data/new");
  int steps = 0;
  while (directories_->RemoveSome()) ++steps;
  EXPECT_GE(steps, 12);
  EXPECT_TRUE(fs::is_empty(root_ / ".removed"));
  EXPECT_TRUE(fs::exists(base_ / "outside"));
  EXPECT_TRUE(fs::exists(base_ / "kept/inner"));
  EXPECT_TRUE(fs::exists(root_ / "data/new"));
  EXPECT_TRUE(logger_.lines.empty());
}

TEST_F(VolumeDirectoriesTest, ASizeIsWhatDuSays) {
  ASSERT_TRUE(Make("data").ok());
  EXPECT_EQ(Measure("data"), (core::VolumeSize{Du("data"), false}));
  const std::string content(3 << 20, 'x');
  std::ofstream(root_ / "data/full") << content;
  fs::create_directories(root_ / "data/inner/deeper");
  std::ofstream(root_ / "data/inner/deeper/more") << content;
  fs::create_hard_link(root_ / "data/full", root_ / "data/inner/again");
  WriteFile(root_ / "data/sparse");
  fs::resize_file(root_ / "data/sparse", 1 << 30);
  std::ofstream(base_ / "outside") << content;
  fs::create_symlink(base_ / "outside", root_ / "data/link");
  fs::create_directory_symlink(base_, root_ / "data/inner/links");
  const core::VolumeSize size = Measure("data");
  EXPECT_EQ(size, (core::VolumeSize{Du("data"), false}));
  EXPECT_GE(size.bytes, 6 << 20);
  EXPECT_LT(size.bytes, 7 << 20);
}

TEST_F(VolumeDirectoriesTest, WhatCannotBeCountedIsSaid) {
  EXPECT_TRUE(Measure("missing").partial);
  fs::create_directory_symlink("/", root_ / "link");
  EXPECT_EQ(Measure("link"), (core::VolumeSize{0, true}));

  ASSERT_TRUE(Make("deep").ok());
  fs::path deepest = root_ / "deep";
  for (int i = 0; i < 63; ++i) deepest /= "d";
  fs::create_directories(deepest);
  EXPECT_FALSE(Measure("deep").partial);
  fs::create_directory(deepest / "d");
  EXPECT_EQ(Measure("deep"), (core::VolumeSize{Du("deep"), true})) << "the last is counted itself";

  ASSERT_TRUE(Make("data").ok());
  fs::create_directory(root_ / "data/private");
  std::ofstream(root_ / "data/private/file") << std::string(1 << 20, 'x');
  ASSERT_EQ(chmod((root_ / "data/private").c_str(), 0), 0);
  if (geteuid() != 0) {
    EXPECT_TRUE(Measure("data").partial);
    return;
  }
  // As one who may not read everything.
  ASSERT_EQ(chmod(base_.c_str(), 0711), 0);
  ASSERT_EQ(chmod((root_ / "data").c_str(), 0755), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(1);
    const core::VolumeSize size = Measure("data");
    _exit(size.partial && size.bytes < 1 << 20 ? 0 : 2);
  }
  int result = 0;
  ASSERT_EQ(waitpid(child, &result, 0), child);
  EXPECT_EQ(result, 0);
}

TEST_F(VolumeDirectoriesTest, AMeasureEndsWhereItIsStopped) {
  ASSERT_TRUE(Make("data").ok());
  for (int i = 0; i < 10; ++i) WriteFile(root_ / "data" / std::to_string(i));
  int asked = 0;
  const core::VolumeSize size = directories_->Measure("data", [&] { return ++asked == 5; });
  EXPECT_TRUE(size.partial);
  EXPECT_EQ(asked, 5);
}

TEST_F(VolumeDirectoriesTest, RecoveryEndsWhatACrashInterrupted) {
  ASSERT_TRUE(Make("committed").ok());
  ASSERT_TRUE(Make("not-committed").ok());
  ASSERT_TRUE(directories_->Prepare("prepared", "").ok());
  directories_->BeginRemoval("committed");
  directories_->BeginRemoval("not-committed");
  Restart();
  directories_->Recover([](const std::string& name) { return name == "not-committed"; });
  RemoveAll();
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(root_)) left.push_back(entry.path().filename());
  EXPECT_THAT(left, ::testing::UnorderedElementsAre(".removed", "not-committed"));
  EXPECT_TRUE(fs::is_empty(root_ / ".removed"));
}

}  // namespace
}  // namespace grpc_os::host
