#include "supervise/listeners.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::supervise {
namespace {

using Whose = PortHolder::Whose;

constexpr char kHeading[] =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode                                                     \n";

std::string Text(const Listener& listener) {
  char text[INET6_ADDRSTRLEN] = {};
  int port = 0;
  if (listener.address.ss_family == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(listener.address);
    inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    port = ntohs(address.sin_port);
  } else {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(listener.address);
    inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
    port = ntohs(address.sin6_port);
  }
  return absl::StrCat(text, " ", port, " uid ", listener.uid, " inode ", listener.inode);
}

// Lines of a little-endian machine.
TEST(ParseListenersTest, FindsThoseOfThePort) {
  const auto found = ParseListeners(
      absl::StrCat(
          kHeading,
          "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  "
          "1000        0 4711 1 0000000000000000 100 0 0 10 0\n"
          "   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     "
          "0        0 4712 1 0000000000000000 100 0 0 10 0\n"
          "   2: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     "
          "0        0 4713 1 0000000000000000 100 0 0 10 0\n"),
      8080);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(Text(found[0]), "127.0.0.1 8080 uid 1000 inode 4711");
  EXPECT_EQ(Text(found[1]), "127.0.0.1 8080 uid 0 inode 4712") << "all: reached by loopback";
}

TEST(ParseListenersTest, FindsThoseOfIpv6) {
  const std::string rest =
      ":1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 "
      "00:00000000 00000000    33        0 9 1 0 100 0 0 10 0\n";
  const auto found = ParseListeners(absl::StrCat("   0: 00000000000000000000000000000000", rest,
                                                 "   1: 0000000000000000FFFF00000100007F", rest),
                                    8080);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(Text(found[0]), "::1 8080 uid 33 inode 9");
  EXPECT_EQ(Text(found[1]), "::ffff:127.0.0.1 8080 uid 33 inode 9");
}

TEST(ParseListenersTest, EndsWithTheFirstThatDoesNotListen) {
  bool done = false;
  EXPECT_TRUE(ParseListeners("   1: 0100007F:1F90 0100007F:0050 01 00000000:00000000 00:00000000 "
                             "00000000  1000        0 4711 1 0 100 0 0 10 0\n",
                             8080, &done)
                  .empty());
  EXPECT_TRUE(done);
}

TEST(ParseListenersTest, PassesOverWhatItCannotRead) {
  for (const char* text :
       {"", "\n", "x", "   0: zz:1F90 0:0 0A a b c 1 0 2", "   0: 0100007F:zzzz 0:0 0A a b c 1 0 2",
        "   0: 0100007F 0:0 0A a b c 1 0 2", "   0: 0100007F0:1F90 0:0 0A a b c 1 0 2",
        "   0: 0100007F:1F90 0:0 0A a b c -1 0 2"}) {
    EXPECT_TRUE(ParseListeners(text, 8080).empty()) << text;
  }
}

class PortHolderTest : public ::testing::Test {
 protected:
  PortHolderTest() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  UniqueFd socket_;
  int port_ = 0;
};

TEST_F(PortHolderTest, NobodyHasOneOnWhichNobodyListens) {
  EXPECT_EQ(FindPortHolder(port_, {{getpid()}, geteuid(), true}).whose, Whose::kNobody);
}

TEST_F(PortHolderTest, IsItsOwnOnlyIfOneOfItsProcessesHasIt) {
  ASSERT_EQ(listen(socket_.get(), 1), 0);
  EXPECT_EQ(FindPortHolder(port_, {{1, getpid()}, geteuid(), true}).whose, Whose::kOwn);
  EXPECT_EQ(FindPortHolder(port_, {{}, geteuid(), true}).whose, Whose::kStranger)
      << "of its account is not enough";
  EXPECT_EQ(FindPortHolder(port_, {{}, geteuid(), false}).whose, Whose::kOwnByUid);
  EXPECT_EQ(FindPortHolder(port_, {{}, geteuid() + 1, false}).whose, Whose::kStranger);
}

TEST_F(PortHolderTest, IsNamed) {
  ASSERT_EQ(listen(socket_.get(), 1), 0);
  const PortHolder holder = FindPortHolder(port_, {{}, geteuid(), true});
  const std::string text = DescribeHolder(holder.listener);
  EXPECT_TRUE(text.starts_with(absl::StrCat("pid ", getpid(), " ("))) << text;
  Listener nobodys = holder.listener;
  nobodys.inode = 1;
  nobodys.uid = 33;
  EXPECT_EQ(DescribeHolder(nobodys), "uid 33");
}

}  // namespace
}  // namespace grpc_os::supervise
