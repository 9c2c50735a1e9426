#include "host/acl.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/unique_fd.h"

namespace grpc_os::host {
namespace {

constexpr uid_t kAccount = 54'321;
constexpr uid_t kStranger = 54'322;

class AclTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "becomes other accounts: run it as root";
    char path[] = "/tmp/acl-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    root_ = path;
    ASSERT_EQ(chmod(path, 0711), 0);
    path_ = root_ + "/granted";
    ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
    std::ofstream(path_ + "/file") << "text";
    ASSERT_EQ(chmod((path_ + "/file").c_str(), 0444), 0);
    directory_.Reset(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override {
    directory_.Reset();
    if (!root_.empty()) std::filesystem::remove_all(root_);
  }
  // What `uid` may do: "l" list, "r" read the file, "w" make another.
  std::string Rights(uid_t uid) const {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      std::string can;
      if (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) _exit(1);
      if (open(path_.c_str(), O_RDONLY | O_DIRECTORY) >= 0) can += 'l';
      if (open((path_ + "/file").c_str(), O_RDONLY) >= 0) can += 'r';
      if (open((path_ + "/new").c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600) >= 0) can += 'w';
      _exit(write(ends[1], can.data(), can.size()) < 0);
    }
    close(ends[1]);
    char text[8];
    const ssize_t size = read(ends[0], text, sizeof(text));
    close(ends[0]);
    int result = 0;
    EXPECT_EQ(waitpid(child, &result, 0), child);
    EXPECT_EQ(result, 0);
    unlink((path_ + "/new").c_str());
    return {text, static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }
  absl::Status Grant(uid_t uid, Access access) {
    return GrantAccess(directory_.get(), uid, access);
  }

  std::string root_, path_;
  UniqueFd directory_;
};

TEST_F(AclTest, OneAccountReadsAndNoOther) {
  ASSERT_EQ(Rights(kAccount), "");
  ASSERT_TRUE(Grant(kAccount, Access::kReadOnly).ok());
  EXPECT_EQ(Rights(kAccount), "lr");
  EXPECT_EQ(Rights(kStranger), "");
}

TEST_F(AclTest, ALaterGrantReplacesTheFormerOfTheAccountAndLeavesTheOthers) {
  ASSERT_TRUE(Grant(kAccount, Access::kReadWrite).ok());
  ASSERT_TRUE(Grant(kStranger, Access::kReadOnly).ok());
  EXPECT_EQ(Rights(kAccount), "lrw");
  EXPECT_EQ(Rights(kStranger), "lr");
  ASSERT_TRUE(Grant(kAccount, Access::kReadOnly).ok());
  EXPECT_EQ(Rights(kAccount), "lr");
  EXPECT_EQ(Rights(kStranger), "lr");
}

TEST_F(AclTest, WhatAModeTookAwayDoesNotComeBackWithTheGrantOfAnother) {
  ASSERT_TRUE(Grant(kStranger, Access::kReadWrite).ok());
  ASSERT_EQ(chmod(path_.c_str(), 0700), 0);  // the mask
  ASSERT_EQ(Rights(kStranger), "");
  ASSERT_TRUE(Grant(kAccount, Access::kReadWrite).ok());
  EXPECT_EQ(Rights(kAccount), "lrw");
  EXPECT_EQ(Rights(kStranger), "");
}

TEST_F(AclTest, TheOwnerHasItsModeAndIsOnlyChecked) {
  ASSERT_EQ(chown(path_.c_str(), kAccount, kAccount), 0);
  EXPECT_TRUE(Grant(kAccount, Access::kReadWrite).ok());
  ASSERT_EQ(chmod(path_.c_str(), 0500), 0);
  EXPECT_TRUE(Grant(kAccount, Access::kReadOnly).ok());
  EXPECT_EQ(Grant(kAccount, Access::kReadWrite).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(AclTest, AFileSystemWithoutAclsIsNamedWithTheCure) {
  const UniqueFd proc(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const absl::Status status = GrantAccess(proc.get(), kAccount, Access::kReadOnly);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("put the data directory on ext4"), std::string::npos) << status;
}

}  // namespace
}  // namespace grpc_os::host
