#include "host/secret_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

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
  chmod(path_.c_str(), 0640);
  EXPECT_EQ(LoadOrMakePassword(path_).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace grpc_os::host
