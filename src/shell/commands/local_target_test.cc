#include "shell/commands/local_target.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "client/crc32c.h"
#include "client/fake_state.h"

namespace grpc_os::shell {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class LocalTargetTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  // As the target names it.
  std::string Part(const std::string& name, const std::string& mark = "m") const {
    return Path("." + name + "." + mark + ".part");
  }
  static std::string Content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  client::TemporaryDirectory directory_;
};

TEST_F(LocalTargetTest, TheFileIsReplacedOnlyOnceAllIsThere) {
  Write(Path("a"), "old");
  ::chmod(Path("a").c_str(), 0640);
  auto target = LocalTarget::Open(Path("a"), "m");
  ASSERT_TRUE(target.ok()) << target.status();
  ASSERT_TRUE(target->Append("new ").ok());
  ASSERT_TRUE(target->Append("content").ok());
  EXPECT_EQ(target->size(), 11);
  EXPECT_EQ(target->crc32c(), client::Crc32c("new content"));
  EXPECT_EQ(Content(Path("a")), "old");
  ASSERT_TRUE(target->Commit(true).ok());
  EXPECT_EQ(Content(Path("a")), "new content");
  EXPECT_FALSE(fs::exists(Part("a")));
  struct stat info = {};
  ::stat(Path("a").c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0640U);
}

TEST_F(LocalTargetTest, WhatIsNotWholeStaysForTheNextRunAndForNobodyElse) {
  {
    auto target = LocalTarget::Open(Path("a"), "m");
    ASSERT_TRUE(target->Append("half").ok());
  }
  EXPECT_FALSE(fs::exists(Path("a")));
  struct stat info = {};
  ASSERT_EQ(::stat(Part("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  auto other = LocalTarget::Open(Path("a"), "another");
  EXPECT_EQ(other->size(), 0);
  auto again = LocalTarget::Open(Path("a"), "m");
  EXPECT_EQ(again->size(), 4);
  EXPECT_EQ(again->crc32c(), client::Crc32c("half"));
  ASSERT_TRUE(again->Append(" whole").ok());
  ASSERT_TRUE(again->Commit(true).ok());
  EXPECT_EQ(Content(Path("a")), "half whole");
}

TEST_F(LocalTargetTest, NothingIsLeftWhereNothingCame) {
  { ASSERT_TRUE(LocalTarget::Open(Path("a"), "m").ok()); }
  EXPECT_TRUE(fs::is_empty(directory_.path()));
}

TEST_F(LocalTargetTest, TwoProgramsDoNotWriteOneFile) {
  auto first = LocalTarget::Open(Path("a"), "m");
  const auto second = LocalTarget::Open(Path("a"), "m");
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("wait until it is done"));
}

TEST_F(LocalTargetTest, WhatSomebodyElseLaidThereIsNotWrittenThrough) {
  Write(Path("victim"), "precious");
  fs::create_symlink(Path("victim"), Part("a"));
  const auto through_link = LocalTarget::Open(Path("a"), "m");
  EXPECT_TRUE(absl::IsFailedPrecondition(through_link.status())) << through_link.status();
  EXPECT_THAT(std::string(through_link.status().message()), HasSubstr("remove it and try again"));
  EXPECT_EQ(Content(Path("victim")), "precious");
  fs::remove(Part("a"));
  // Others may read and write it.
  Write(Part("a"), "planted");
  ::chmod(Part("a").c_str(), 0666);
  EXPECT_TRUE(absl::IsFailedPrecondition(LocalTarget::Open(Path("a"), "m").status()));
}

TEST_F(LocalTargetTest, ASymbolicLinkMakesRoomAndWhatItPointsToStays) {
  Write(Path("victim"), "precious");
  fs::create_symlink(Path("victim"), Path("a"));
  auto target = LocalTarget::Open(Path("a"), "m");
  ASSERT_TRUE(target->Append("new").ok());
  ASSERT_TRUE(target->Commit(true).ok());
  EXPECT_FALSE(fs::is_symlink(Path("a")));
  EXPECT_EQ(Content(Path("a")), "new");
  EXPECT_EQ(Content(Path("victim")), "precious");
}

TEST_F(LocalTargetTest, ADirectoryOfThatNameIsNotReplaced) {
  fs::create_directory(Path("a"));
  auto target = LocalTarget::Open(Path("a"), "m");
  ASSERT_TRUE(target->Append("new").ok());
  EXPECT_FALSE(target->Commit(true).ok());
  EXPECT_TRUE(fs::is_directory(Path("a")));
}

TEST_F(LocalTargetTest, LongNamesHaveRoomForTheirPart) {
  const std::string name(255, 'n');
  auto target = LocalTarget::Open(Path(name), "12345678");
  ASSERT_TRUE(target.ok()) << target.status();
  ASSERT_TRUE(target->Append("x").ok());
  ASSERT_TRUE(target->Commit(true).ok());
  EXPECT_EQ(Content(Path(name)), "x");
}

TEST_F(LocalTargetTest, ADirectoryThatThereIsNot) {
  const auto target = LocalTarget::Open(Path("none/a"), "m");
  EXPECT_TRUE(absl::IsNotFound(target.status()));
  EXPECT_THAT(std::string(target.status().message()), HasSubstr(Path("none")));
}

// A limit on the size of files stands for a full disk: the same answer of write(2) but for its
// errno.
TEST_F(LocalTargetTest, WhatCameBeforeTheDiskWasFullIsKept) {
  struct rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto target = LocalTarget::Open(Path("a"), "m");
  ASSERT_TRUE(target.ok());
  struct sigaction ignore = {};
  struct sigaction as_it_was = {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGXFSZ, &ignore, &as_it_was);
  struct rlimit small = before;
  small.rlim_cur = 1000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = target->Append(std::string(5000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::sigaction(SIGXFSZ, &as_it_was, nullptr);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("Cannot write"));
  EXPECT_EQ(target->size(), 1000);
  EXPECT_EQ(target->crc32c(), client::Crc32c(std::string(1000, 'x')));
  EXPECT_FALSE(fs::exists(Path("a")));
}

TEST_F(LocalTargetTest, BeginningAgain) {
  auto target = LocalTarget::Open(Path("a"), "m");
  ASSERT_TRUE(target->Append("wrong").ok());
  ASSERT_TRUE(target->Restart().ok());
  EXPECT_EQ(target->size(), 0);
  ASSERT_TRUE(target->Append("right").ok());
  ASSERT_TRUE(target->Commit(true).ok());
  EXPECT_EQ(Content(Path("a")), "right");
}

}  // namespace
}  // namespace grpc_os::shell
