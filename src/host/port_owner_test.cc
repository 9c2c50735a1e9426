#include "host/port_owner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

// A socket of a port that the system chose.
class Port {
 public:
  explicit Port(int family, bool listens = true) : socket_(socket(family, SOCK_STREAM, 0)) {
    sockaddr_storage address{};
    socklen_t size = sizeof(sockaddr_in);
    address.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET) {
      reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
      reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
      size = sizeof(sockaddr_in6);
    }
    auto* any = reinterpret_cast<sockaddr*>(&address);
    there_ = bind(socket_.get(), any, size) == 0;
    if (listens && there_) {
      EXPECT_EQ(listen(socket_.get(), 1), 0);
    }
    EXPECT_EQ(getsockname(socket_.get(), any, &size), 0);
    number_ = ntohs(family == AF_INET ? reinterpret_cast<sockaddr_in&>(address).sin_port
                                      : reinterpret_cast<sockaddr_in6&>(address).sin6_port);
  }
  bool there() const { return there_; }
  int number() const { return number_; }
  void Connect(int port) const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

 private:
  const UniqueFd socket_;
  bool there_ = false;
  int number_ = 0;
};

std::string Ourselves() {
  std::ifstream file("/proc/self/comm");
  std::string name;
  std::getline(file, name);
  return absl::StrCat(name, " (pid ", getpid(), ")");
}

TEST(PortOwnerTest, WhoListensIsNamed) {
  const Port four(AF_INET);
  EXPECT_EQ(OwnerOfPort(four.number()), Ourselves());
  const Port six(AF_INET6);
  if (!six.there()) return;
  EXPECT_EQ(OwnerOfPort(six.number()), Ourselves());
}

TEST(PortOwnerTest, APortWhereNobodyListensIsNobodys) {
  const Port server(AF_INET);
  const Port client(AF_INET, /*listens=*/false);
  EXPECT_EQ(OwnerOfPort(client.number()), "");
  client.Connect(server.number());
  EXPECT_EQ(OwnerOfPort(client.number()), "") << "a connection comes from there";
  int number = 0;
  {
    const Port closed(AF_INET);
    number = closed.number();
  }
  EXPECT_EQ(OwnerOfPort(number), "");
}

TEST(PortOwnerTest, AProbeSaysOfEachPortWhatCameOfIt) {
  const Port open(AF_INET);
  const Port silent(AF_INET, /*listens=*/false);
  EXPECT_THAT(ProbePorts({open.number(), silent.number()}, "accepts connections"),
              ::testing::UnorderedElementsAre(Pair(open.number(), "accepts connections"),
                                              Pair(silent.number(), "Connection refused")));
  EXPECT_THAT(ProbePorts({}, "accepts connections"), IsEmpty());
}

}  // namespace
}  // namespace grpc_os::host
