#include "protocol/system_identity.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"

namespace grpc_os::protocol {
namespace {

class SystemIdentityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "id.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
    directory_.Reset(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::string path_;
  UniqueFd directory_;
};

TEST_F(SystemIdentityTest, IsReadAsItWasWrittenWhateverThePathIsCalled) {
  const SystemIdentity written = {.id = std::string(32, 'a'),
                                  .machine_id = "0123",
                                  .path = "/srv/a b\n=#\\\xff",
                                  .held = "a copy of \"x\""};
  ASSERT_TRUE(WriteSystemIdentity(directory_.get(), written).ok());
  ASSERT_TRUE(WriteSystemIdentity(directory_.get(), written).ok()) << "over one that is there";
  const auto read = ReadSystemIdentity(directory_.get());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(**read, written);
  struct stat info {};
  ASSERT_EQ(stat((path_ + "/system-id").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
}

TEST_F(SystemIdentityTest, NoneIsNoErrorAndADamagedOneNamesTheCure) {
  const auto none = ReadSystemIdentity(directory_.get());
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  const std::string id(32, 'a');
  for (const std::string& text :
       {std::string(), "id=" + id + "\n", std::string("id=short\npath=/a\n"),
        "id=" + id + "\npath=a\n", "id=" + id + "\npath=/a\nrest"}) {
    std::ofstream(path_ + "/system-id") << text;
    const auto read = ReadSystemIdentity(directory_.get());
    EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(std::string(read.status().message()), ::testing::HasSubstr("remove it if"));
  }
  std::filesystem::remove(path_ + "/system-id");
  ASSERT_EQ(mkfifo((path_ + "/system-id").c_str(), 0600), 0);
  EXPECT_EQ(ReadSystemIdentity(directory_.get()).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace grpc_os::protocol
