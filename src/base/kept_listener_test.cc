#include "base/kept_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace grpc_os {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class KeptListenerTest : public ::testing::Test {
 protected:
  KeptListenerTest() : directory_(::testing::TempDir() + absl::StrCat("kept-", getpid())) {
    std::filesystem::create_directories(directory_);
    listener_.emplace(
        loop_, Listen().value(),
        KeptListener::Settings{path_, [this] { return Listen(); },
                               [this](UniqueFd fd) { taken_.push_back(std::move(fd)); },
                               [this](const std::string& text) { said_.push_back(text); }});
  }
  ~KeptListenerTest() override {
    listener_.reset();
    std::filesystem::remove_all(directory_);
  }

  static sockaddr_un AddressOf(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path.data(), path.size());
    return address;
  }
  // As ListenUnix does it: what is there goes.
  absl::StatusOr<UniqueFd> Listen() const {
    unlink(path_.c_str());
    return Bound(path_);
  }
  static absl::StatusOr<UniqueFd> Bound(const std::string& path) {
    UniqueFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = AddressOf(path);
    if (bind(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(socket_fd.get(), 16) != 0)
      return absl::UnavailableError(strerror(errno));
    return socket_fd;
  }
  UniqueFd Connect() const {
    UniqueFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = AddressOf(path_);
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return {};
    return client;
  }
  size_t Taken() {
    loop_.RunOnce(0);
    return taken_.size();
  }

  const std::string directory_;
  const std::string path_ = directory_ + "/sock";
  EventLoop loop_;
  std::vector<UniqueFd> taken_;
  std::vector<std::string> said_;
  std::optional<KeptListener> listener_;
};

TEST_F(KeptListenerTest, WhatIsInItsPlaceIsLeftThere) {
  struct stat before {
  }, after{};
  ASSERT_EQ(stat(path_.c_str(), &before), 0);
  listener_->Look();
  ASSERT_EQ(stat(path_.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(KeptListenerTest, ItIsMadeAgainAndLosesNobody) {
  const UniqueFd early = Connect();
  ASSERT_EQ(Taken(), 1u);
  const UniqueFd waits = Connect();
  unlink(path_.c_str());
  EXPECT_FALSE(Connect());
  listener_->Look();
  EXPECT_EQ(taken_.size(), 2u) << "who had waited";
  const UniqueFd late = Connect();
  EXPECT_TRUE(late);
  EXPECT_EQ(Taken(), 3u);
  EXPECT_EQ(write(taken_[0].get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(early.get(), &byte, 1), 1) << "connections go on";
  listener_->Look();
  EXPECT_THAT(said_, ElementsAre(HasSubstr("was gone; made it again")));
}

TEST_F(KeptListenerTest, SoIsItsDirectoryOnceThatIsThere) {
  std::filesystem::remove_all(directory_);
  listener_->Look();
  listener_->Look();
  EXPECT_EQ(said_.size(), 1u) << "said once";
  std::filesystem::create_directories(directory_);
  listener_->Look();
  EXPECT_TRUE(Connect());
}

TEST_F(KeptListenerTest, AFileOfSomebodyElseIsLeftAlone) {
  unlink(path_.c_str());
  std::ofstream(path_) << "theirs";
  listener_->Look();
  listener_->Look();
  EXPECT_THAT(said_, ElementsAre(HasSubstr("a file that is no socket is there")));
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
  unlink(path_.c_str());
  listener_->Look();
  EXPECT_TRUE(Connect());
}

TEST_F(KeptListenerTest, SoIsASocketThatSomebodyElseListensOn) {
  unlink(path_.c_str());
  {
    const auto theirs = Bound(path_);
    ASSERT_TRUE(theirs.ok());
    listener_->Look();
    EXPECT_THAT(said_, ElementsAre(HasSubstr("another program does")));
  }
  listener_->Look();  // a socket that nobody listens on is in nobody's way
  EXPECT_TRUE(Connect());
  EXPECT_EQ(Taken(), 1u);
}

}  // namespace
}  // namespace grpc_os
