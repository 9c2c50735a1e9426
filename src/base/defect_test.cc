#include "base/defect.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace grpc_os {
namespace {

// The environment is read once per program, so each case runs in a child of its own.
bool Has(const char* defect, const std::string& directory) {
  const pid_t child = fork();
  if (child == 0) {
    if (!directory.empty()) setenv("GRPC_OS_FAILPOINT_DIR", directory.c_str(), 1);
    _exit(Defect(defect) ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status) == 1;
}

TEST(Defect, OnlyOneThatATestWants) {
  std::string directory = (std::filesystem::temp_directory_path() / "defect.XXXXXX").string();
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  std::ofstream(directory + "/defect.wanted").put('\n');
  EXPECT_TRUE(Has("defect.wanted", directory));
  EXPECT_FALSE(Has("defect.other", directory));
  EXPECT_FALSE(Has("defect.wanted", ""));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace grpc_os
