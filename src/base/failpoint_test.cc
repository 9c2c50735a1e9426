#include "base/failpoint.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace grpc_os {
namespace {

// The environment is read once per program, so each case runs in a child of its own. Gives the wait
// status.
int StatusOfPassing(const char* failpoint, const std::string& directory) {
  const pid_t child = fork();
  if (child == 0) {
    if (!directory.empty()) setenv("GRPC_OS_FAILPOINT_DIR", directory.c_str(), 1);
    Failpoint(failpoint);
    _exit(7);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

class FailpointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "failpoint.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    std::ofstream(directory_ + "/test.armed").put('\n');
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
};

TEST_F(FailpointTest, AnArmedOneKillsOnceAndLeavesItsProof) {
  const int first = StatusOfPassing("test.armed", directory_);
  ASSERT_TRUE(WIFSIGNALED(first));
  EXPECT_EQ(WTERMSIG(first), SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/test.armed.hit"));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/test.armed"));
  const int second = StatusOfPassing("test.armed", directory_);
  ASSERT_TRUE(WIFEXITED(second));
  EXPECT_EQ(WEXITSTATUS(second), 7);
}

TEST_F(FailpointTest, AnotherNameOrNoDirectoryDoesNothing) {
  EXPECT_TRUE(WIFEXITED(StatusOfPassing("test.other", directory_)));
  EXPECT_TRUE(WIFEXITED(StatusOfPassing("test.armed", "")));
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/test.armed"));
}

}  // namespace
}  // namespace grpc_os
