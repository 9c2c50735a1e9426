#include "shell/current_directory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace grpc_os::shell {
namespace {

namespace fs = std::filesystem;

class CurrentDirectoryTest : public ::testing::Test {
 protected:
  CurrentDirectoryTest() : before_(fs::current_path()) {
    std::string name = (fs::temp_directory_path() / "current_directory.XXXXXX").string();
    root_ = fs::canonical(mkdtemp(name.data()));
    fs::create_directories(root_ / "r1");
    fs::create_directories(root_ / "r2");
    fs::create_directory_symlink("r1", root_ / "current");
    fs::current_path(root_ / "r1");
  }
  ~CurrentDirectoryTest() override {
    fs::current_path(before_);
    fs::remove_all(root_);
    unsetenv("PWD");
  }
  std::string With(const std::string& pwd) {
    setenv("PWD", pwd.c_str(), 1);
    return CurrentDirectory();
  }

  const fs::path before_;
  fs::path root_;
};

TEST_F(CurrentDirectoryTest, KeepsTheSymbolicLinkThatTheUserWentThrough) {
  EXPECT_EQ(With(root_ / "current"), root_ / "current");
}

TEST_F(CurrentDirectoryTest, BelievesNoNameOfAnotherDirectory) {
  EXPECT_EQ(With(root_ / "r2"), root_ / "r1");
  EXPECT_EQ(With(root_ / "none"), root_ / "r1");
  EXPECT_EQ(With("r1"), root_ / "r1");
  EXPECT_EQ(With((root_ / "r2/../current").string()), root_ / "r1");
  unsetenv("PWD");
  EXPECT_EQ(CurrentDirectory(), root_ / "r1");
}

TEST_F(CurrentDirectoryTest, IsEmptyWhereItWasRemoved) {
  fs::remove(root_ / "r1");
  EXPECT_EQ(With(root_ / "r1"), "");
}

}  // namespace
}  // namespace grpc_os::shell
