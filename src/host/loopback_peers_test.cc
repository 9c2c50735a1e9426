#include "host/loopback_peers.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace grpc_os::host {
namespace {

class LoopbackPeersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    listener_ = Socket();
    sockaddr_in address = Address(0);
    ASSERT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(listen(listener_.get(), 8), 0);
    port_ = PortOf(listener_);
  }
  static UniqueFd Socket() { return UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
  static sockaddr_in Address(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    return address;
  }
  static int PortOf(const UniqueFd& fd) {
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  UniqueFd Connect() const {
    UniqueFd fd = Socket();
    sockaddr_in address = Address(port_);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  UniqueFd listener_;
  int port_ = 0;
};

TEST_F(LoopbackPeersTest, KnowsWhoOpenedAConnectionWhileItIsOpen) {
  UniqueFd client = Connect();
  const int port = PortOf(client);
  EXPECT_EQ(UidOfLoopbackPeer("127.0.0.1", port, port_), static_cast<int64_t>(getuid()));
  client.Reset();
  EXPECT_EQ(UidOfLoopbackPeer("127.0.0.1", port, port_), std::nullopt);
}

TEST_F(LoopbackPeersTest, TellsAccountsApart) {
  if (geteuid() != 0) GTEST_SKIP() << "only root has other accounts";
  setfsuid(12345);
  const UniqueFd other = Connect();
  setfsuid(0);
  const UniqueFd own = Connect();
  EXPECT_EQ(UidOfLoopbackPeer("127.0.0.1", PortOf(other), port_), 12345);
  EXPECT_EQ(UidOfLoopbackPeer("127.0.0.1", PortOf(own), port_), 0);
}

TEST_F(LoopbackPeersTest, KnowsNothingOfOtherConnections) {
  const UniqueFd client = Connect();
  const int port = PortOf(client);
  EXPECT_EQ(UidOfLoopbackPeer("127.0.0.1", 1, port_), std::nullopt);
  EXPECT_EQ(UidOfLoopbackPeer("10.0.0.1", port, port_), std::nullopt);
  EXPECT_EQ(UidOfLoopbackPeer("unknown", port, port_), std::nullopt);
  EXPECT_EQ(UidOfLoopbackPeer("127.0.0.1", port, 1), std::nullopt) << "to another port";
}

}  // namespace
}  // namespace grpc_os::host
