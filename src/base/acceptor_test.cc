#include "base/acceptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "base/limits.h"

namespace grpc_os {
namespace {

// UBSan asks the kernel by a pipe whether an object can be read: where no descriptor is left, it
// takes every object for none.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kNeedsDescriptors = true;
#else
constexpr bool kNeedsDescriptors = false;
#endif

class AcceptorTest : public ::testing::Test {
 protected:
  AcceptorTest() {
    getrlimit(RLIMIT_NOFILE, &limit_);
    UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    EXPECT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)), 0);
    EXPECT_EQ(listen(listener.get(), SOMAXCONN), 0);
    size_ = sizeof address_;
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address_), &size_);
    acceptor_.emplace(loop_, std::move(listener),
                      [this](UniqueFd socket) { taken_.push_back(std::move(socket)); });
  }
  ~AcceptorTest() override { setrlimit(RLIMIT_NOFILE, &limit_); }

  UniqueFd Connect() const {
    UniqueFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&address_), size_), 0);
    return client;
  }
  static bool WasHungUpOn(const UniqueFd& client) {
    char byte = 0;
    return recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }
  // From here on no descriptor can be had, but for those below the limit that are given back.
  void UseUpDescriptors() {
    rlimit few = limit_;
    few.rlim_cur = 128;
    setrlimit(RLIMIT_NOFILE, &few);
    for (int fd = 0; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) used_.emplace_back(fd);
    ASSERT_EQ(errno, EMFILE);
  }

  rlimit limit_{};
  sockaddr_un address_{};
  socklen_t size_ = 0;
  EventLoop loop_;
  std::vector<UniqueFd> taken_;
  std::vector<UniqueFd> used_;
  std::optional<Acceptor> acceptor_;
};

TEST_F(AcceptorTest, TakesWhoConnectsWithoutBlocking) {
  const UniqueFd client = Connect();
  loop_.RunOnce(-1);
  ASSERT_EQ(taken_.size(), 1u);
  EXPECT_EQ(fcntl(taken_[0].get(), F_GETFD), FD_CLOEXEC);
  EXPECT_TRUE(fcntl(taken_[0].get(), F_GETFL) & O_NONBLOCK);
  loop_.RunOnce(0);
  EXPECT_EQ(taken_.size(), 1u);
}

TEST_F(AcceptorTest, WithoutAFreeDescriptorItHangsUpAndLaterHearsAgain) {
  if (kNeedsDescriptors) GTEST_SKIP() << "the sanitizer needs descriptors of its own";
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(Connect());
  UniqueFd later(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  UseUpDescriptors();
  loop_.RunOnce(0);
  for (const UniqueFd& client : clients) EXPECT_TRUE(WasHungUpOn(client));
  EXPECT_TRUE(taken_.empty());
  used_.clear();
  ASSERT_EQ(connect(later.get(), reinterpret_cast<const sockaddr*>(&address_), size_), 0);
  loop_.RunOnce(0);
  EXPECT_EQ(taken_.size(), 1u);
}

TEST_F(AcceptorTest, NoLoopSpinsWhereNotEvenTheSpareDescriptorIsEnough) {
  if (kNeedsDescriptors) GTEST_SKIP() << "the sanitizer needs descriptors of its own";
  const UniqueFd client = Connect();
  rlimit none = limit_;
  none.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &none);
  loop_.RunOnce(0);
  const int64_t before_ms = EventLoop::NowMs();
  loop_.RunOnce(-1);  // until the timer, not at once for the connection that waits
  EXPECT_GE(EventLoop::NowMs(), before_ms + limits::kAcceptPauseMs - 1);
  setrlimit(RLIMIT_NOFILE, &limit_);
  while (taken_.empty()) loop_.RunOnce(-1);
  EXPECT_FALSE(WasHungUpOn(client));
}

TEST_F(AcceptorTest, ATurnTakesNoMoreThanItsShare) {
  std::vector<UniqueFd> clients;
  for (int i = 0; i < limits::kAcceptsPerTurn + 1; ++i) clients.push_back(Connect());
  loop_.RunOnce(0);
  EXPECT_EQ(taken_.size(), static_cast<size_t>(limits::kAcceptsPerTurn));
  loop_.RunOnce(0);
  EXPECT_EQ(taken_.size(), clients.size());
}

}  // namespace
}  // namespace grpc_os
