// With a server on a socket of its own, in the same loop.
#include "init/health_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "init/health_harness.h"

namespace grpc_os::init {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kIntervalMs = 60;
constexpr int64_t kPatienceMs = 30'000;
constexpr char kServing = 1;
constexpr char kNotServing = 2;

// Answers what has sent all of a request with `answer`, in pieces of so many bytes, one a turn of
// the loop.
class FakeServer {
 public:
  struct Manner {
    std::string answer;
    size_t piece = SIZE_MAX;
    bool again = false;    // without end
    bool closes = false;   // having answered
    bool slams = false;    // accepts and closes
    int64_t stall_ms = 0;  // keeps the loop, before it answers
  };
  FakeServer(EventLoop& loop, Manner manner) : loop_(loop), manner_(std::move(manner)) {
    listener_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const sockaddr_un address{AF_UNIX, ""};
    // The kernel chooses an abstract name.
    EXPECT_EQ(
        bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)), 0);
    EXPECT_EQ(listen(listener_.get(), 0), 0);
    loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
  }
  ~FakeServer() {
    loop_.Unwatch(listener_.get());
    for (const auto& [fd, connection] : connections_) loop_.Unwatch(fd);
  }

  absl::StatusOr<UniqueFd> Connect() const {
    UniqueFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    socklen_t size = sizeof address;
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0)
      return client;
    return absl::UnavailableError(strerror(errno));
  }
  void StopAccepting() { loop_.Unwatch(listener_.get()); }

  int asked() const { return asked_; }        // whole requests
  int answered() const { return answered_; }  // whole answers

 private:
  struct Connection {
    UniqueFd socket;
    std::string request;
    size_t sent = 0;
  };
  void Accept() {
    UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    ASSERT_TRUE(socket);
    if (manner_.slams) return;
    const int fd = socket.get();
    connections_[fd].socket = std::move(socket);
    loop_.Watch(fd, EPOLLIN, [this, fd](uint32_t) { Serve(fd); });
  }
  void Serve(int fd) {
    Connection& connection = connections_.at(fd);
    char buffer[4096];
    const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size == 0 || (size < 0 && errno != EAGAIN)) return Close(fd);
    if (size > 0) {
      connection.request.append(buffer, static_cast<size_t>(size));
      if (connection.request.size() < HealthRequest().size()) return;
      if (connection.sent > 0) return;  // the acknowledgement
      EXPECT_EQ(connection.request, HealthRequest());
      ++asked_;
      const timespec stall{manner_.stall_ms / 1000, manner_.stall_ms % 1000 * 1'000'000};
      nanosleep(&stall, nullptr);
    }
    Answer(fd, connection);
  }
  void Answer(int fd, Connection& connection) {
    const std::string piece = manner_.answer.substr(connection.sent, manner_.piece);
    if (!piece.empty()) {
      const ssize_t sent = send(fd, piece.data(), piece.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return Close(fd);
      connection.sent += static_cast<size_t>(std::max<ssize_t>(sent, 0));
    }
    const bool whole = connection.sent == manner_.answer.size();
    if (whole && manner_.again) connection.sent = kServerSettings.size();
    if (whole && !manner_.answer.empty()) ++answered_;
    if (whole && manner_.closes) return Close(fd);
    loop_.Rewatch(fd, whole && !manner_.again ? EPOLLIN : EPOLLIN | EPOLLOUT);
  }
  void Close(int fd) {
    loop_.Unwatch(fd);
    connections_.erase(fd);
  }

  EventLoop& loop_;
  const Manner manner_;
  UniqueFd listener_;
  std::map<int, Connection> connections_;
  int asked_ = 0;
  int answered_ = 0;
};

class HealthWatchTest : public ::testing::Test {
 protected:
  void Serve(FakeServer::Manner manner) { server_.emplace(loop_, std::move(manner)); }
  void Watch() {
    MakeWatch([this] { return server_->Connect(); });
    watch_->Start();
  }
  void MakeWatch(std::function<absl::StatusOr<UniqueFd>()> connect) {
    watch_.emplace(loop_, HealthWatch::Settings{.interval_ms = kIntervalMs,
                                                .connect = std::move(connect),
                                                .on_failed =
                                                    [this](const std::string& why) {
                                                      ++failures_;
                                                      why_ = why;
                                                    },
                                                .on_missed =
                                                    [this](const std::string& why, int64_t left) {
                                                      told_.push_back(why);
                                                      left_ms_ = left;
                                                    },
                                                .on_better = [this] { ++better_; }});
  }
  template <typename Condition>
  void RunUntil(Condition condition) {
    const int64_t deadline = EventLoop::NowMs() + kPatienceMs;
    while (!condition()) {
      ASSERT_LT(EventLoop::NowMs(), deadline);
      loop_.RunOnce(kPatienceMs);
    }
  }
  // Answers that were taken for none would have been asked for so often before the failure.
  static constexpr int kAnswers = HealthWatch::kMisses * HealthWatch::kTurns + 1;
  void ExpectWell(int answers = kAnswers) {
    Watch();
    RunUntil([&] { return server_->answered() >= answers || failures_ > 0; });
    EXPECT_EQ(failures_, 0) << why_;
  }
  void ExpectFailure(const std::string& why) {
    Watch();
    RunUntil([this] { return failures_ > 0; });
    EXPECT_THAT(why_, HasSubstr("3 health checks in 180 ms: "));
    EXPECT_THAT(why_, HasSubstr(why));
  }

  EventLoop loop_;
  std::optional<FakeServer> server_;
  std::optional<HealthWatch> watch_;
  int failures_ = 0;
  std::string why_;
  std::vector<std::string> told_;
  int64_t left_ms_ = 0;
  int better_ = 0;
};

TEST_F(HealthWatchTest, AsksAgainAndAgainWhoAnswersWell) {
  Serve({.answer = WholeAnswer(kServing)});
  ExpectWell();
}

TEST_F(HealthWatchTest, OneThatSaysThatItDoesNotServeHasFailed) {
  Serve({.answer = WholeAnswer(kNotServing), .closes = true});
  ExpectFailure("it says that it does not serve");
}

TEST_F(HealthWatchTest, TheFirstMissIsToldAndSoIsThatItIsOver) {
  Serve({.answer = WholeAnswer(kServing)});
  int connects = 0;
  MakeWatch([&]() -> absl::StatusOr<UniqueFd> {
    if (++connects > HealthWatch::kTurns + 1) return server_->Connect();
    return absl::UnavailableError("not now");
  });
  watch_->Start();
  RunUntil([this] { return server_->answered() > 1; });
  EXPECT_EQ(told_, std::vector<std::string>{"no answer to health checks for 60 ms: not now"});
  EXPECT_EQ(left_ms_, 2 * kIntervalMs);
  EXPECT_EQ(better_, 1);
  EXPECT_EQ(failures_, 0);
  watch_.reset();
}

TEST_F(HealthWatchTest, OneThatStartsHasTimeToListen) {
  Serve({.answer = WholeAnswer(kServing)});
  int connects = 0;
  MakeWatch([&]() -> absl::StatusOr<UniqueFd> {
    if (++connects > 5 * HealthWatch::kTurns) return server_->Connect();
    return absl::UnavailableError("not yet");
  });
  watch_->StartOfOneThatStarts();
  RunUntil([this] { return server_->answered() > 0; });
  EXPECT_EQ(failures_, 0);
  EXPECT_EQ(told_, std::vector<std::string>{"no answer to health checks for 180 ms: not yet"});
  EXPECT_EQ(left_ms_, (HealthWatch::kStartMisses - 3) * kIntervalMs);
  watch_.reset();
}

TEST_F(HealthWatchTest, OneThatNeverGetsToServeHasFailed) {
  Serve({});
  MakeWatch([]() -> absl::StatusOr<UniqueFd> { return absl::UnavailableError("not yet"); });
  watch_->StartOfOneThatStarts();
  RunUntil([this] { return failures_ > 0; });
  EXPECT_THAT(why_, HasSubstr("60 health checks in 3600 ms: not yet"));
}

TEST_F(HealthWatchTest, OneThatStartsAndTakesCallsWithoutAnAnswerHasFailedAsSoon) {
  Serve({});
  MakeWatch([this] { return server_->Connect(); });
  watch_->StartOfOneThatStarts();
  RunUntil([this] { return failures_ > 0; });
  EXPECT_THAT(why_, HasSubstr("3 health checks in 180 ms: it accepts calls"));
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(HealthWatchTest, ASlowAnswerIsOne) {
  Serve({.answer = AnswerWithoutTrailers(kServing), .piece = 16});
  ExpectWell();
}

// Of the interval of each probe, and more, nothing was left once the loop ran again.
TEST_F(HealthWatchTest, TimeInWhichItDidNotRunItselfDoesNotCount) {
  Serve({.answer = AnswerWithoutTrailers(kServing), .piece = 8, .stall_ms = 2 * kIntervalMs});
  ExpectWell(HealthWatch::kMisses + 1);
}

TEST_F(HealthWatchTest, OneThatNeverAnswersHasFailedAfterThreeProbes) {
  Serve({});
  ExpectFailure("it accepts calls and does not answer");
  EXPECT_EQ(server_->asked(), HealthWatch::kMisses);
}

TEST_F(HealthWatchTest, SilenceAfterTheFirstFramesIsNoAnswer) {
  Serve({.answer = kServerSettings + kServerHeaders});
  ExpectFailure("it accepts calls and does not answer");
}

TEST_F(HealthWatchTest, GarbageIsNoAnswer) {
  Serve({.answer = "HTTP/1.1 400 Bad Request\r\n\r\n", .closes = true});
  ExpectFailure("it does not speak HTTP/2");
}

TEST_F(HealthWatchTest, HugeFramesAreNoAnswer) {
  Serve({.answer = kServerSettings + std::string("\xff\xff\xff\0\0\0\0\0\x01", 9) +
                   std::string(32 << 10, 'x')});
  ExpectFailure("it sent a frame of 16777215 bytes");
}

TEST_F(HealthWatchTest, AnEndlessAnswerIsNone) {
  Serve({.answer = kServerSettings + ServerFrame(0, 0, 3, std::string(16 << 10, 'x')),
         .again = true});
  ExpectFailure("it sent 65536 bytes without an answer");
}

TEST_F(HealthWatchTest, ARefusalIsNoAnswerAndOneThatRefusesIsAskedAgainMeanwhile) {
  Serve({.answer = kServerSettings + kServerTrailers});
  ExpectFailure("it refused the call");
  EXPECT_GT(server_->asked(), HealthWatch::kMisses);
}

TEST_F(HealthWatchTest, OneThatClosesAtOnceHasFailed) {
  Serve({.answer = "", .slams = true});
  ExpectFailure("it closed the connection without an answer");
}

TEST_F(HealthWatchTest, OneThatDoesNotAcceptHasFailed) {
  Serve({});
  server_->StopAccepting();
  std::vector<UniqueFd> waiting;  // until its queue is full
  for (absl::StatusOr<UniqueFd> one; (one = server_->Connect()).ok();)
    waiting.push_back(*std::move(one));
  ExpectFailure(strerror(EAGAIN));
}

TEST_F(HealthWatchTest, AnAnswerForgetsTheMissesBefore) {
  int connects = 0;
  Serve({.answer = WholeAnswer(kServing)});
  // Two intervals without, one with an answer, and so on.
  MakeWatch([&]() -> absl::StatusOr<UniqueFd> {
    if (++connects % (2 * HealthWatch::kTurns + 1) == 0) return server_->Connect();
    return absl::UnavailableError("not now");
  });
  watch_->Start();
  RunUntil([this] { return server_->answered() > 1; });
  EXPECT_EQ(failures_, 0);
  watch_.reset();
}

TEST_F(HealthWatchTest, OneThatIsStoppedAsksNoMore) {
  Serve({});
  Watch();
  RunUntil([this] { return server_->asked() == 1; });
  watch_->Stop();
  bool later = false;
  loop_.After(2 * HealthWatch::kMisses * kIntervalMs, [&] { later = true; });
  RunUntil([&] { return later; });
  EXPECT_EQ(server_->asked(), 1);
  EXPECT_EQ(failures_, 0);
}

}  // namespace
}  // namespace grpc_os::init
