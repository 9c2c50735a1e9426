#include "client/tls_probe.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::client {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = TlsFinding::Kind;
using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};
// The beginning of a record of TLS: of an alert (unrecognized_name), and of a long handshake.
const std::string kAlert("\x15\x03\x03\x00\x02\x02\x70", 7);
const std::string kRecord("\x16\x03\x03\x40\x00", 5);

// Serves one connection.
class Peer {
 public:
  explicit Peer(const std::function<void(int fd)>& serve)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    struct sockaddr_in place = {};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(place);
    auto* const address = reinterpret_cast<struct sockaddr*>(&place);
    EXPECT_EQ(::bind(listener_.get(), address, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener_.get(), address, &size), 0);
    address_ = *ParseAddress(absl::StrCat("127.0.0.1:", ::ntohs(place.sin_port)), {.secure = true});
    thread_ = std::thread([this, serve] {
      const UniqueFd one(::accept(listener_.get(), nullptr, nullptr));
      serve(one.get());
    });
  }
  ~Peer() { thread_.join(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  TlsFinding Probe(
      milliseconds time = kLong, const std::function<bool()>& cancelled = [] { return false; }) {
    return ProbeTls(address_, time, cancelled);
  }

 private:
  const UniqueFd listener_;
  Address address_;
  std::thread thread_;
};

// The whole of what is asked has to be read: what is left would make a reset of the end.
void Say(int fd, const std::string& bytes) {
  char asked[4096];
  EXPECT_GT(::recv(fd, asked, sizeof(asked), 0), 0);
  EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), std::ssize(bytes));
}

// A byte now and then, until nobody takes them.
void Drip(int fd) {
  for (size_t i = 0; ::send(fd, i < kRecord.size() ? &kRecord[i] : "", 1, MSG_NOSIGNAL) == 1; ++i)
    ::poll(nullptr, 0, 20);
}

TEST(TlsProbeTest, WhoHangsUpAtOnceHasNotAnswered) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Peer([](int) {}).Probe().kind, Kind::kNoAnswer);
    Peer resets([](int fd) {
      const struct linger now = {.l_onoff = 1, .l_linger = 0};
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    });
    EXPECT_EQ(resets.Probe().kind, Kind::kNoAnswer);
  }
}

TEST(TlsProbeTest, AnAlertIsTlsAndGivesTheReason) {
  const TlsFinding found = Peer([](int fd) { Say(fd, kAlert); }).Probe();
  EXPECT_EQ(found.kind, Kind::kFailed);
  EXPECT_THAT(found.detail, HasSubstr("unrecognized name"));
}

TEST(TlsProbeTest, AHandshakeThatIsCutOffIsTls) {
  const TlsFinding found = Peer([](int fd) { Say(fd, kRecord); }).Probe();
  EXPECT_EQ(found.kind, Kind::kFailed);
  EXPECT_THAT(found.detail, HasSubstr("closed"));
}

TEST(TlsProbeTest, WhatIsNoTlsIsSeenByItsFirstBytes) {
  const std::string settings_of_http2("\0\0\x06\x04\0", 5);
  for (const std::string& text : {std::string("220 mail"), std::string("H"), settings_of_http2,
                                  std::string("\x16!"), std::string("\xff")}) {
    const TlsFinding found = Peer([text](int fd) { Say(fd, text); }).Probe();
    EXPECT_EQ(found.kind, Kind::kPlain) << text;
    EXPECT_THAT(found.detail, IsEmpty());
  }
}

TEST(TlsProbeTest, TheTimeIsThatOfTheWholeProbe) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Peer(Drip).Probe(milliseconds(200)).kind, Kind::kNoAnswer);
  EXPECT_LT(std::chrono::steady_clock::now() - start, kLong / 4);
}

TEST(TlsProbeTest, ACancelledProbeEnds) {
  std::atomic<bool> cancelled = false;
  Peer peer([&cancelled](int fd) {
    Say(fd, kRecord);
    cancelled = true;
    Drip(fd);
  });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(peer.Probe(kLong, [&cancelled] { return cancelled.load(); }).kind, Kind::kNoAnswer);
  EXPECT_LT(std::chrono::steady_clock::now() - start, kLong / 4);
}

TEST(TlsProbeTest, NobodyThere) {
  const Address nowhere = *ParseAddress("nowhere.invalid", {.secure = true});
  EXPECT_EQ(ProbeTls(nowhere, kLong, [] { return false; }).kind, Kind::kNoAnswer);
  EXPECT_EQ(ProbeTls(nowhere, kLong, [] { return true; }).kind, Kind::kNoAnswer);
}

}  // namespace
}  // namespace grpc_os::client
