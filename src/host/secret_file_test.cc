#include "host/secret_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace grpc_os::host {
namespace {

class SecretFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/grpc-os-key-XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/jwt.key";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  std::string path_;
};

TEST_F(SecretFile, AKeyIsMadeOnceAndKept) {
  const auto first = LoadOrMakeKey(path_);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->size(), 32u);
  EXPECT_EQ(*LoadOrMakeKey(path_), *first);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(SecretFile, AKeyIsRefusedWhenDamagedOrOpenToOthers) {
  std::ofstream(path_) << "short";
  chmod(path_.c_str(), 0600);
  EXPECT_EQ(LoadOrMakeKey(path_).status().code(), absl::StatusCode::kFailedPrecondition);
  std::ofstream(path_) << std::string(32, 'k');
  EXPECT_TRUE(LoadOrMakeKey(path_).ok());
  chmod(path_.c_str(), 0644);
  EXPECT_EQ(LoadOrMakeKey(path_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(SecretFile, APasswordIsMadeOnceAndFoundAgain) {
  const auto made = LoadOrMakePassword(path_);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->size(), 20u);
  EXPECT_THAT(*made, ::testing::MatchesRegex("[a-z0-9]*"));
  EXPECT_EQ(*LoadOrMakePassword(path_), *made);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  std::filesystem::remove(path_);
  EXPECT_NE(*LoadOrMakePassword(path_), *made);
}

TEST_F(SecretFile, APasswordIsRefusedWhenDamagedOrOpenToOthers) {
  std::ofstream(path_) << "short\n";
  chmod(path_.c_str(), 0600);
  EXPECT_EQ(LoadOrMakePassword(path_).status().code(), absl::StatusCode::kFailedPrecondition);
  std::ofstream(path_) << "correct horse battery\n";
  EXPECT_EQ(*LoadOrMakePassword(path_), "correct horse battery");
  chmod(path_.c_str(), 0644);
  EXPECT_EQ(LoadOrMakePassword(path_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(SecretFile, TheDirectoryAndEachFileInItMustBePrivate) {
  const auto refusal = [this](const std::string& words, const std::string& cure) {
    const absl::Status status = CheckSecretDirectory(directory_);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << words;
    EXPECT_THAT(std::string(status.message()),
                ::testing::AllOf(::testing::HasSubstr(words), ::testing::EndsWith(cure)));
  };
  EXPECT_TRUE(CheckSecretDirectory(directory_ + "/none").ok());
  std::ofstream(path_) << "secret";
  chmod(path_.c_str(), 0600);
  EXPECT_TRUE(CheckSecretDirectory(directory_).ok());
  for (const mode_t mode : {0644, 0640, 0602}) {
    chmod(path_.c_str(), mode);
    refusal("other accounts", "; run: chmod 600 " + path_);
  }
  chmod(path_.c_str(), 0600);
  for (const mode_t mode : {0777, 0750, 0711}) {
    chmod(directory_.c_str(), mode);
    refusal("other accounts", "; run: chmod 700 " + directory_);
  }
  chmod(directory_.c_str(), 0700);
  const std::string deep = directory_ + "/old/deep";
  std::filesystem::create_directories(deep);
  chmod((directory_ + "/old").c_str(), 0700);
  chmod(deep.c_str(), 0700);
  std::ofstream(deep + "/jwt.key") << "secret";
  chmod((deep + "/jwt.key").c_str(), 0644);
  refusal("other accounts", "; run: chmod 600 " + deep + "/jwt.key");
  std::filesystem::remove(deep + "/jwt.key");
  std::filesystem::create_symlink("/etc", deep + "/link");
  refusal("symbolic link", deep + "/link");
  std::filesystem::remove(deep + "/link");
  EXPECT_TRUE(CheckSecretDirectory(directory_).ok());
  std::filesystem::rename(path_, directory_ + ".elsewhere");
  std::filesystem::create_symlink(directory_ + ".elsewhere", path_);
  refusal("symbolic link", path_);
  EXPECT_EQ(LoadOrMakeKey(path_).status().code(), absl::StatusCode::kFailedPrecondition);
  std::filesystem::remove(directory_ + ".elsewhere");
  std::filesystem::remove(path_);
  std::filesystem::create_directory_symlink(directory_, directory_ + ".link");
  EXPECT_THAT(std::string(CheckSecretDirectory(directory_ + ".link").message()),
              ::testing::HasSubstr("symbolic link"));
  std::filesystem::remove(directory_ + ".link");
}

TEST_F(SecretFile, AFileOfAnotherAccountIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  std::ofstream(path_) << "secret";
  chmod(path_.c_str(), 0600);
  ASSERT_EQ(chown(path_.c_str(), 12345, 0), 0);
  const absl::Status status = CheckSecretDirectory(directory_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(
      std::string(status.message()),
      ::testing::AllOf(::testing::HasSubstr("uid 12345"), ::testing::EndsWith("chown 0 " + path_)));
}

}  // namespace
}  // namespace grpc_os::host
