#include "base/secret_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

namespace grpc_os {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class SecretFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/grpc-os-secret-XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/secret";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void Write(const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), mode);
  }
  // That both ways refuse it with.
  void ExpectRefused(const std::string& words, const std::string& cure) const {
    for (const absl::Status& status :
         {CheckPrivateFile(path_, "the secret"), ReadSecretFile(path_, "the secret").status()}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << words;
      EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(words), EndsWith(cure)));
    }
  }

  std::string directory_;
  std::string path_;
};

TEST_F(SecretFile, IsReadWholeOrNotThere) {
  EXPECT_EQ(*ReadSecretFile(path_, "the secret"), std::nullopt);
  EXPECT_TRUE(CheckPrivateFile(path_, "the secret").ok());
  Write(std::string(4096, 's'));
  EXPECT_EQ(*ReadSecretFile(path_, "the secret"), std::string(4096, 's'));
  Write(std::string(4097, 's'));
  EXPECT_THAT(std::string(ReadSecretFile(path_, "the secret").status().message()),
              HasSubstr("is larger than 4096 bytes"));
}

TEST_F(SecretFile, ThatOthersMayReadOrChangeIsRefused) {
  for (const mode_t mode : {0644, 0602}) {
    Write("secret", mode);
    ExpectRefused("other accounts", "; run: chmod 600 " + path_);
  }
}

TEST_F(SecretFile, ALinkIsNotReadThrough) {
  Write("secret");
  std::filesystem::rename(path_, directory_ + "/elsewhere");
  std::filesystem::create_symlink(directory_ + "/elsewhere", path_);
  const absl::Status status = ReadSecretFile(path_, "the secret").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("is a symbolic link"));
}

TEST_F(SecretFile, OfAnotherAccountIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  Write("secret");
  ASSERT_EQ(chown(path_.c_str(), 12345, 0), 0);
  ExpectRefused("uid 12345", "chown 0 " + path_);
}

TEST_F(SecretFile, ThatRootSharesWithOurGroupIsPrivate) {
  if (geteuid() != 0) GTEST_SKIP() << "only root's files may be so";
  for (const auto& [mode, ok] : {std::pair(0600, true), std::pair(0640, true),
                                 std::pair(0660, false), std::pair(0644, false)}) {
    Write("secret", static_cast<mode_t>(mode));
    EXPECT_EQ(CheckPrivateFile(path_, "the secret").ok(), ok) << mode;
    EXPECT_EQ(ReadSecretFile(path_, "the secret").ok(), ok) << mode;
  }
}

// Whatever is seen of it at which moment.
TEST_F(SecretFile, ALinkThatIsReplacedWhileItIsReadIsRefusedOrReplaced) {
  const std::string other = directory_ + "/other";
  std::ofstream(path_) << std::string(32, 'k');
  chmod(path_.c_str(), 0600);
  std::filesystem::create_symlink("/dev/null", other);
  std::atomic<bool> over{false};
  std::thread swapping([&] {
    while (!over) renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE);
  });
  for (int i = 0; i < 20'000; ++i) {
    const auto read = ReadSecretFile(path_, "the signing key");
    const bool as_expected = read.ok() ||
                             read.status().code() == absl::StatusCode::kFailedPrecondition ||
                             read.status().code() == absl::StatusCode::kUnavailable;
    EXPECT_TRUE(as_expected) << read.status();
    if (!as_expected) break;
  }
  over = true;
  swapping.join();
}

}  // namespace
}  // namespace grpc_os
