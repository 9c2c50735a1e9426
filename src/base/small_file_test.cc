#include "base/small_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/unique_fd.h"

namespace grpc_os {
namespace {

class SmallFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/small-file-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    path_ = path;
    Open();
  }
  void TearDown() override {
    directory_.Reset();
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
    std::filesystem::remove_all(path_);
  }
  void Open() { directory_.Reset(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }
  bool Mount() {
    mounted_ = mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=64k") == 0;
    Open();
    return mounted_;
  }
  void Fill() { std::ofstream(path_ + "/filler") << std::string(1 << 20, 'x') << std::flush; }
  int Replace(const std::string& text) {
    return ReplaceSmallFile(directory_.get(), "port", text, 0600);
  }
  std::string Content() const {
    std::ifstream file(path_ + "/port");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  ino_t Inode() const {
    struct stat status {};
    stat((path_ + "/port").c_str(), &status);
    return status.st_ino;
  }

  std::string path_;
  UniqueFd directory_;
  bool mounted_ = false;
};

TEST_F(SmallFileTest, AnotherFileTakesThePlaceOfTheOldOneUnlessItIsTheSame) {
  ASSERT_EQ(Replace("50051\n"), 0);
  EXPECT_EQ(Content(), "50051\n");
  const ino_t first = Inode();
  ASSERT_EQ(Replace("50051\n"), 0);
  EXPECT_EQ(Inode(), first) << "what is there already is left alone";
  ASSERT_EQ(Replace("7\n"), 0);
  EXPECT_EQ(Content(), "7\n");
  EXPECT_NE(Inode(), first);
  EXPECT_FALSE(std::filesystem::exists(path_ + "/port.new"));
}

TEST_F(SmallFileTest, OnAFullDiskItIsWrittenWhereTheOldOneIs) {
  if (!Mount()) GTEST_SKIP() << "file systems cannot be mounted here";
  ASSERT_EQ(Replace("50051\n"), 0);
  Fill();
  ASSERT_EQ(Replace("7\n"), 0);
  EXPECT_EQ(Content(), "7\n");
  ASSERT_EQ(Replace("40000\n"), 0);
  EXPECT_EQ(Content(), "40000\n");
  EXPECT_FALSE(std::filesystem::exists(path_ + "/port.new"));
}

TEST_F(SmallFileTest, OnAFullDiskWithoutAnOldOneThereIsNone) {
  if (!Mount()) GTEST_SKIP() << "file systems cannot be mounted here";
  Fill();
  EXPECT_EQ(Replace("7\n"), ENOSPC);
  EXPECT_FALSE(std::filesystem::exists(path_ + "/port"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/port.new"));
}

TEST_F(SmallFileTest, ALinkIsReplacedAndNotFollowed) {
  const std::string other = path_ + "/other";
  std::ofstream(other) << "mine";
  std::filesystem::create_symlink(other, path_ + "/port");
  ASSERT_EQ(Replace("7\n"), 0);
  EXPECT_EQ(Content(), "7\n");
  EXPECT_FALSE(std::filesystem::is_symlink(path_ + "/port"));
  std::ifstream file(other);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "mine");
}

}  // namespace
}  // namespace grpc_os
