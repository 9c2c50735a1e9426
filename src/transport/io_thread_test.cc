// Turns of the thread on which connections live.
#include "transport/io_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "transport/client_harness.h"
#include "transport/connection.h"
#include "transport/listener.h"
#include "transport/stream.h"

namespace grpc_os::transport {
namespace {

// Writes the next message as soon as one is taken, without end, and notes each one's name.
class Flowing final : public StreamUser {
 public:
  Flowing(Stream& stream, std::string& log)
      : stream_(stream), log_(log), name_(stream.request().front()) {
    Write();
  }
  void OnMessage(std::string_view) override {}
  void OnHalfClosed() override {}
  void OnWritten(bool taken) override {
    log_ += taken ? name_ : '-';
    cancelled_ ? End() : Write();
  }
  void OnCancelled(const absl::Status&) override { cancelled_ = true; }
  void OnGone() override {
    log_ += '.';
    delete this;
  }

 private:
  void Write() { stream_.Write(AsMessage("m")); }
  void End() { stream_.Finish({}, std::nullopt); }

  Stream& stream_;
  std::string& log_;
  const char name_;
  bool cancelled_ = false;
};

// On this thread, turn by turn.
class IoThreadTest : public testing::Test {
 protected:
  ~IoThreadTest() override {
    clients_.clear();
    for (int i = 0; i < 1000 && shared_->counters.streams_open > 0; ++i) thread_->Turn(0);
    EXPECT_EQ(shared_->counters.streams_open, 0);
    std::filesystem::remove_all(directory_);
  }

  void Serve(const Budgets& budgets) {
    std::filesystem::create_directories(directory_);
    listener_ = *ListenUnix(directory_ + "/sock");
    Methods methods;
    methods["/t/Flow"] = {.begin = [this](Stream& stream) -> StreamUser* {
      ++begun_;
      return new Flowing(stream, log_);
    }};
    shared_ = std::make_unique<Shared>(budgets, std::move(methods));
    thread_ = std::make_unique<IoThread>(*shared_);
  }
  TestClient& Connect() {
    clients_.push_back(std::make_unique<TestClient>(directory_ + "/sock"));
    const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    Peer peer;
    peer.user = "uid 1";
    thread_->Adopt(UniqueFd(fd), MakePlainWire(fd), peer, shared_->ledger.Enter(peer.user));
    return *clients_.back();
  }
  // Of the thread and of all clients.
  void Turns(int count) {
    for (int i = 0; i < count; ++i) {
      for (const auto& client : clients_) client->Turn(0);
      thread_->Turn(0);
    }
  }
  int64_t Count(char name) const { return std::count(log_.begin(), log_.end(), name); }

  const std::string directory_ = testing::TempDir() + absl::StrCat("io-thread-", getpid());
  UniqueFd listener_;
  std::unique_ptr<Shared> shared_;
  std::unique_ptr<IoThread> thread_;
  std::vector<std::unique_ptr<TestClient>> clients_;
  int begun_ = 0;    // calls
  std::string log_;  // of what streams reported
};

TEST_F(IoThreadTest, StreamsThatFlowDoNotKeepATurnFromItsEnd) {
  Serve({.turn_us = 0});
  TestClient& client = Connect();
  for (int i = 0; i < 50; ++i) client.Ask("/t/Flow", "a");
  Turns(200);
  for (int i = 0; i < 100; ++i) {
    const size_t before = log_.size();
    Turns(1);
    EXPECT_EQ(log_.size(), before + 1) << "of 50 that all have more";
  }
}

TEST_F(IoThreadTest, ConnectionsTakeTurnsHoweverManyStreamsEachHas) {
  Serve({.turn_us = 0});
  TestClient& many = Connect();
  for (int i = 0; i < 50; ++i) many.Ask("/t/Flow", "a");
  Turns(200);
  Connect().Ask("/t/Flow", "b");
  Turns(20);
  log_.clear();
  Turns(100);
  EXPECT_GE(Count('b'), 49);
  EXPECT_GE(Count('a'), 49);
}

TEST_F(IoThreadTest, AStreamThatIsOverIsReportedAndLetGoWhileOthersFlow) {
  Serve({.turn_us = 0});
  TestClient& client = Connect();
  for (int i = 0; i < 50; ++i) client.Ask("/t/Flow", "a");
  TestClient& other = Connect();
  const int32_t call = other.Ask("/t/Flow", "b");
  Turns(200);
  log_.clear();
  other.Reset(call);
  Turns(10);
  EXPECT_EQ(Count('.'), 1) << log_;
  EXPECT_EQ(shared_->counters.streams_open, 50);
}

TEST_F(IoThreadTest, CallsThatComeTogetherBeginInSeveralTurns) {
  Serve({.turn_us = 0});
  TestClient& client = Connect();
  Turns(10);
  for (int i = 0; i < 50; ++i) client.Ask("/t/Flow", "a");
  client.Turn(0);
  thread_->Turn(0);
  EXPECT_EQ(shared_->counters.streams_open, 50) << "they are all there";
  EXPECT_GE(begun_, 1);
  EXPECT_LE(begun_, 2);
  Turns(100);
  EXPECT_EQ(begun_, 50);
}

}  // namespace
}  // namespace grpc_os::transport
