#include "init/copied.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"

namespace grpc_os::init {
namespace {

using Original = Surroundings::Original;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

protocol::SystemIdentity Recorded(std::string machine_id, std::string path = "/srv/a") {
  return {.id = std::string(32, 'a'),
          .machine_id = std::move(machine_id),
          .path = std::move(path),
          .held = ""};
}

TEST(WhyCopiedTest, ARebootAndAMovedDirectoryAreNoCopies) {
  EXPECT_THAT(WhyCopied(Recorded("m1"), {"m1", "/srv/a", Original::kGone}), IsEmpty());
  EXPECT_THAT(WhyCopied(Recorded("m1"), {"m1", "/srv/b", Original::kGone}), IsEmpty());
  // At its own path nothing else can be.
  EXPECT_THAT(WhyCopied(Recorded("m1"), {"m1", "/srv/a", Original::kThere}), IsEmpty());
}

TEST(WhyCopiedTest, AnotherMachineMakesACopyEvenAtTheSamePath) {
  EXPECT_THAT(WhyCopied(Recorded("m1"), {"m2", "/srv/a", Original::kGone}),
              HasSubstr("on another machine, in /srv/a"));
}

TEST(WhyCopiedTest, AMachineWithoutAnIdIsNoOtherMachine) {
  EXPECT_THAT(WhyCopied(Recorded(""), {"m2", "/srv/a", Original::kGone}), IsEmpty());
  EXPECT_THAT(WhyCopied(Recorded("m1"), {"", "/srv/b", Original::kGone}), IsEmpty());
}

TEST(WhyCopiedTest, AnotherPathMakesACopyWhileTheOriginalIsThereOrMayBe) {
  EXPECT_THAT(WhyCopied(Recorded("m1"), {"m1", "/srv/b", Original::kThere}),
              HasSubstr("copy of /srv/a, which is still there"));
  EXPECT_THAT(WhyCopied(Recorded(""), {"", "/srv/b", Original::kThere}), HasSubstr("/srv/a"));
  EXPECT_THAT(WhyCopied(Recorded("m1"), {"m1", "/srv/b", Original::kHidden}),
              HasSubstr("cannot be seen"));
}

class LookAroundTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "copied.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    std::ofstream(root_ + "/machine-id") << "m1\n";
    original_ = root_ + "/a";
    Make(original_, Recorded("m1", original_));
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  static void Make(const std::string& path, const protocol::SystemIdentity& identity) {
    std::filesystem::create_directory(path);
    ASSERT_TRUE(protocol::WriteSystemIdentity(Open(path).get(), identity).ok());
  }
  static UniqueFd Open(const std::string& path) {
    return UniqueFd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  Surroundings Look(const std::string& path) const {
    return LookAround(Recorded("m1", original_), Open(path).get(), path, root_ + "/machine-id");
  }

  std::string root_;
  std::string original_;
};

TEST_F(LookAroundTest, SeesTheOriginalBesideItsCopy) {
  std::filesystem::copy(original_, root_ + "/b");
  const Surroundings found = Look(root_ + "/b");
  EXPECT_EQ(found.original, Original::kThere);
  EXPECT_EQ(found.path, root_ + "/b");
}

TEST_F(LookAroundTest, WhatElseIsAtTheOldPathIsNotTheOriginal) {
  std::filesystem::rename(original_, root_ + "/b");
  EXPECT_EQ(Look(root_ + "/b").original, Original::kGone);
  std::filesystem::create_directory(original_);
  EXPECT_EQ(Look(root_ + "/b").original, Original::kGone) << "a directory of somebody else";
  Make(original_, {.id = std::string(32, 'b'), .machine_id = "m1", .path = original_, .held = ""});
  EXPECT_EQ(Look(root_ + "/b").original, Original::kGone) << "another system";
  std::filesystem::remove_all(original_);
  std::filesystem::create_directory_symlink(root_ + "/b", original_);
  EXPECT_EQ(Look(root_ + "/b").original, Original::kGone) << "a link that leads here";
  std::filesystem::remove(original_);
  std::ofstream(original_) << "a file";
  EXPECT_EQ(Look(root_ + "/b").original, Original::kGone);
}

TEST_F(LookAroundTest, AnOriginalThatCannotBeReadMayBeThere) {
  std::filesystem::copy(original_, root_ + "/b");
  std::ofstream(original_ + "/system-id") << "damaged";
  EXPECT_EQ(Look(root_ + "/b").original, Original::kHidden);
}

TEST_F(LookAroundTest, ReadsTheMachineIdThatLastsAndNoOther) {
  EXPECT_EQ(Look(original_).machine_id, "m1");
  std::ofstream(root_ + "/machine-id") << "uninitialized\n";
  EXPECT_EQ(Look(original_).machine_id, "");
  std::filesystem::remove(root_ + "/machine-id");
  EXPECT_EQ(Look(original_).machine_id, "");
}

}  // namespace
}  // namespace grpc_os::init
