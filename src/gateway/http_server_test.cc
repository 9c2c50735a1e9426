#include "gateway/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::gateway {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A client that sends bytes as they are.
class Connection {
 public:
  explicit Connection(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  void Send(const std::string& bytes) const {
    EXPECT_EQ(send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // As much as the server takes before it has enough of it.
  void SendSome(const std::string& bytes) const {
    EXPECT_GT(send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
  }
  void SendIfOpen(const std::string& bytes) const {
    (void)!send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  int fd() const { return socket_.get(); }
  // Until the server closes.
  std::string ReadAll() const {
    std::string all;
    char buffer[4096];
    ssize_t size = 0;
    while ((size = read(socket_.get(), buffer, sizeof buffer)) > 0)
      all.append(buffer, static_cast<size_t>(size));
    return all;
  }

 private:
  UniqueFd socket_;
};

// Exchanges that wait to be answered by the test.
class Held {
 public:
  void Put(std::shared_ptr<HttpExchange> exchange) {
    std::lock_guard lock(mutex_);
    exchanges_.push_back(std::move(exchange));
    most_ = std::max(most_, exchanges_.size());
    changed_.notify_all();
  }
  std::shared_ptr<HttpExchange> Take(size_t when_so_many = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return exchanges_.size() >= when_so_many; });
    auto taken = std::move(exchanges_.back());
    exchanges_.pop_back();
    return taken;
  }
  size_t most() {
    std::lock_guard lock(mutex_);
    return most_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<HttpExchange>> exchanges_;
  size_t most_ = 0;
};

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() { Start({}); }
  void Start(const HttpServer::Limits& with) {
    auto listener = HttpServer::Listen(0);
    EXPECT_TRUE(listener.ok()) << listener.status();
    auto server = HttpServer::Start(
        *std::move(listener),
        {{"/hello",
          [](const auto& exchange) {
            exchange->Answer([] { return HttpResponse{.body = "hello, world\n"}; });
          }},
         {"/held", [this](auto exchange) { held_.Put(std::move(exchange)); }}},
        with);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::string Ask(const std::string& request) const {
    const Connection connection(server_->port());
    connection.Send(request);
    return connection.ReadAll();
  }
  std::string AskHost(const std::string& host) const {
    return Ask(
        absl::StrCat("GET /hello HTTP/1.1\r\nHost: ", host, "\r\nConnection: close\r\n\r\n"));
  }
  static std::string Request(const std::string& line, const std::string& more = "") {
    return absl::StrCat(line, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", more,
                        "\r\n");
  }

  Held held_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AKnownPathIsAnswered) {
  EXPECT_THAT(Ask(Request("GET /hello")),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Type: text/plain"),
                    HasSubstr("X-Content-Type-Options: nosniff\r\n"),
                    HasSubstr("Cache-Control: no-store\r\n"), EndsWith("\r\n\r\nhello, world\n")));
  EXPECT_THAT(Ask(Request("GET /hello?a=b")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  EXPECT_THAT(Ask(Request("HEAD /hello")),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Length: 13\r\n"),
                    Not(HasSubstr("world"))));
}

TEST_F(HttpServerTest, OneConnectionTakesManyRequests) {
  const Connection connection(server_->port());
  connection.Send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  connection.Send(Request("GET /hello"));
  const std::string all = connection.ReadAll();
  const size_t first = all.find("hello, world");
  ASSERT_NE(first, std::string::npos) << all;
  EXPECT_NE(all.find("hello, world", first + 1), std::string::npos) << all;
}

TEST_F(HttpServerTest, OtherPathsAreNotFound) {
  for (const char* path : {"/", "/hello/", "/hell", "/hello/../hello", "//hello", "/HELLO"}) {
    EXPECT_THAT(Ask(Request(absl::StrCat("GET ", path))),
                AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("/hello, /held")))
        << path;
  }
}

TEST_F(HttpServerTest, OtherMethodsAreNotAllowed) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "BREW"}) {
    EXPECT_THAT(Ask(Request(absl::StrCat(method, " /hello"))),
                AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")))
        << method;
  }
}

TEST_F(HttpServerTest, ABodyIsRefused) {
  EXPECT_THAT(Ask(Request("GET /hello", "Content-Length: 5\r\n") + "abcde"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(Request("GET /hello", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(Request("GET /hello", "Content-Length: 0\r\n")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, OnlyTheLoopbackAddressMayBeNamed) {
  for (const char* host : {"localhost", "LocalHost:1", "127.0.0.1:50052", "[::1]", "[::1]:8"})
    EXPECT_THAT(AskHost(host), StartsWith("HTTP/1.1 200 ")) << host;
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:50052",
                           "evil.example:localhost", "127.0.0.2", "0.0.0.0", "",
                           "localhost:", "localhost:x", "[::1", "localhost@evil.example"}) {
    const std::string answer = AskHost(host);
    EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 4"), Not(HasSubstr("hello, world")))) << host;
  }
  EXPECT_THAT(AskHost("evil.example"), AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("localhost")));
  EXPECT_THAT(Ask("GET /hello HTTP/1.0\r\n\r\n"), HasSubstr(" 403 "));
  EXPECT_THAT(Ask("GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: "
                  "close\r\n\r\n"),
              Not(HasSubstr("hello, world")));
}

TEST_F(HttpServerTest, HeadersBeyondTheLimitAreRefused) {
  const std::string big(static_cast<size_t>(2 * limits::kHttpRequestBytes), 'x');
  const Connection connection(server_->port());
  connection.SendSome(Request("GET /hello", absl::StrCat("X-Big: ", big, "\r\n")));
  EXPECT_THAT(connection.ReadAll(),
              AllOf(StartsWith("HTTP/1.1 4"), Not(HasSubstr("hello, world"))));
}

TEST_F(HttpServerTest, AnAnswerMayComeLaterAndFromAnotherThread) {
  const Connection connection(server_->port());
  connection.Send(Request("GET /held"));
  const auto exchange = held_.Take();
  EXPECT_THAT(Ask(Request("GET /hello")), StartsWith("HTTP/1.1 200 "));  // others do not wait
  std::thread([exchange] {
    exchange->Answer([] { return HttpResponse{.body = "first"}; });
    exchange->Answer([] { return HttpResponse{.body = "second"}; });
  }).join();
  EXPECT_THAT(connection.ReadAll(), EndsWith("\r\n\r\nfirst"));
}

TEST_F(HttpServerTest, ItEndsWithWhatWasNeverAnswered) {
  const Connection connection(server_->port());
  connection.Send(Request("GET /held"));
  const auto exchange = held_.Take();
  server_.reset();
  connection.ReadAll();  // ends
  exchange->Answer([] { return HttpResponse{.body = "too late"}; });
}

TEST_F(HttpServerTest, AClientThatHasGoneIsForgotten) {
  {
    const Connection connection(server_->port());
    connection.Send(Request("GET /held"));
    held_.Take()->Answer([] { return HttpResponse{.body = std::string(1 << 22, 'x')}; });
  }
  EXPECT_THAT(Ask(Request("GET /hello")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, NoMoreThanTheLimitAreServedAtOnce) {
  const int extra = 16;
  // The server's thread is kept until all have sent: whoever has the last place and has sent
  // nothing yet gives it up.
  const Connection first(server_->port());
  first.Send(Request("GET /held"));
  std::latch kept(1);
  std::latch all_sent(1);
  held_.Take()->Answer([&kept, &all_sent] {
    kept.count_down();
    all_sent.wait();
    return HttpResponse{.body = "done"};
  });
  kept.wait();
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < limits::kHttpConnections + extra; ++i) {
    connections.push_back(std::make_unique<Connection>(server_->port()));
    connections.back()->Send(Request("GET /held"));
  }
  all_sent.count_down();
  // When one is answered, the next is accepted.
  for (int i = 0; i < limits::kHttpConnections + extra; ++i) {
    held_.Take(i < extra ? limits::kHttpConnections : 1)->Answer([] {
      return HttpResponse{.body = "done"};
    });
  }
  for (const auto& connection : connections) EXPECT_THAT(connection->ReadAll(), EndsWith("done"));
  EXPECT_EQ(held_.most(), static_cast<size_t>(limits::kHttpConnections));
}

TEST_F(HttpServerTest, HalfSentRequestsGiveWayToWholeOnes) {
  Start({.connections = 8, .request_ms = 3'600'000});
  std::vector<std::unique_ptr<Connection>> strangers;
  for (int i = 0; i < 100; ++i) {
    strangers.push_back(std::make_unique<Connection>(server_->port()));
    strangers.back()->Send("GET /hello HTTP/1.1\r\nHost: local");
  }
  EXPECT_THAT(Ask(Request("GET /hello")), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(strangers.front()->ReadAll(), "") << "the oldest was closed";
}

TEST_F(HttpServerTest, WhatIsBeingAnsweredDoesNotGiveWay) {
  Start({.connections = 4, .request_ms = 3'600'000});
  const Connection waiting(server_->port());
  waiting.Send(Request("GET /held"));
  const auto exchange = held_.Take();
  std::vector<std::unique_ptr<Connection>> strangers;
  for (int i = 0; i < 20; ++i) {
    strangers.push_back(std::make_unique<Connection>(server_->port()));
    strangers.back()->Send("GET");
  }
  EXPECT_EQ(strangers.front()->ReadAll(), "");
  exchange->Answer([] { return HttpResponse{.body = "late"}; });
  EXPECT_THAT(waiting.ReadAll(), EndsWith("\r\n\r\nlate"));
}

TEST_F(HttpServerTest, ARequestHasItsTimeAsAWholeNotByteByByte) {
  Start({.request_ms = 50});
  const Connection slow(server_->port());
  // Each byte comes well within the time; they go on until the server has enough.
  pollfd closed{slow.fd(), POLLIN, 0};
  int sent = 0;
  while (poll(&closed, 1, 5) == 0 && ++sent < 5'000) slow.SendIfOpen("x");
  EXPECT_NE(closed.revents, 0);
  const Connection idle(server_->port());  // nor does one that was answered stay
  idle.Send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(idle.ReadAll(), EndsWith("hello, world\n"));
}

TEST_F(HttpServerTest, AnAnswerThatIsNotTakenHasItsTimeToo) {
  Start({.request_ms = 50});
  const Connection connection(server_->port());
  connection.Send(Request("GET /held"));
  std::weak_ptr<HttpExchange> exchange;
  {
    const auto held = held_.Take();
    held->Answer([] { return HttpResponse{.body = std::string(64 << 20, 'x')}; });
    exchange = held;
  }
  // Nothing is read here; that it has ended shows in the server alone.
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!exchange.expired() && std::chrono::steady_clock::now() < patience)
    std::this_thread::yield();
  EXPECT_TRUE(exchange.expired());
}

TEST_F(HttpServerTest, ATakenPortIsRefusedWithTheCure) {
  const auto again = HttpServer::Listen(server_->port());
  EXPECT_EQ(again.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(again.status().message()),
              AllOf(HasSubstr(absl::StrCat(server_->port())), HasSubstr("--http-port")));
}

TEST(HttpServerListenTest, TwoCannotListenOnOnePort) {
  const auto first = HttpServer::Listen(0);
  ASSERT_TRUE(first.ok());
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(first->get(), reinterpret_cast<sockaddr*>(&address), &size);
  EXPECT_EQ(address.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
  EXPECT_FALSE(HttpServer::Listen(ntohs(address.sin_port)).ok());
}

}  // namespace
}  // namespace grpc_os::gateway
