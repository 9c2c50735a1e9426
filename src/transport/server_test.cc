#include "transport/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/guarded.h"
#include "transport/client_harness.h"
#include "transport/listener.h"

namespace grpc_os::transport {
namespace {

using ::testing::HasSubstr;

constexpr int kOk = 0;
constexpr int kCancelled = 1;
constexpr int kDeadlineExceeded = 4;
constexpr int kResourceExhausted = 8;
constexpr int kUnimplemented = 12;
constexpr int kInternal = 13;
constexpr int kUnavailable = 14;

// What the tests' methods have heard, and those who wait for an answer.
struct Heard {
  std::vector<std::string> cancelled;
  std::vector<Stream*> held;
  int gone = 0;
};

// Counts what it hears; answers when it is asked to.
class TestUser : public StreamUser {
 public:
  TestUser(Stream& stream, Guarded<Heard>& heard) : stream_(stream), heard_(heard) {}

  void OnMessage(std::string_view) override {}
  void OnHalfClosed() override {}
  void OnWritten(bool) override {}
  void OnCancelled(const absl::Status& why) override {
    {
      auto heard = heard_.Lock();
      heard->cancelled.push_back(absl::StatusCodeToString(why.code()));
      auto& held = heard->held;
      if (held.erase(std::remove(held.begin(), held.end(), &stream_), held.end()) == held.end() &&
          !ends_)
        return;
    }
    stream_.Finish({static_cast<int>(why.code()), std::string(why.message())}, std::nullopt);
  }
  void OnGone() override {
    ++heard_.Lock()->gone;
    delete this;
  }

 protected:
  Stream& stream_;
  Guarded<Heard>& heard_;
  bool ends_ = true;
};

// Answers each message of a stream with itself.
class EchoStream final : public TestUser {
 public:
  using TestUser::TestUser;
  void OnMessage(std::string_view message) override { stream_.Write(AsMessage(message)); }
  void OnWritten(bool taken) override {
    if (taken) stream_.Read();
  }
  void OnHalfClosed() override { stream_.Finish({}, std::nullopt); }
};

class ServerTest : public ::testing::Test {
 protected:
  void Serve(const Budgets& budgets = {}) {
    directory_ = testing::TempDir() + absl::StrCat("transport-", getpid());
    std::filesystem::create_directories(directory_);
    path_ = directory_ + "/sock";
    Methods methods;
    methods["/t/Echo"] = {.begin = [this](Stream& stream) -> StreamUser* {
      metadata_ = std::string(stream.metadata().Only("x-text"));
      stream.AddInitialMetadata("x-initial", "i");
      stream.AddTrailer("x-trailing-bin", "t");
      auto* user = new TestUser(stream, heard_);
      stream.Finish({}, AsMessage(stream.request()));
      return user;
    }};
    methods["/t/Fail"] = {.begin = [this](Stream& stream) -> StreamUser* {
      stream.AddInitialMetadata("x-initial", "i");
      stream.Finish({.code = kInternal}, std::nullopt);
      return new TestUser(stream, heard_);
    }};
    methods["/t/Hold"] = {.begin = [this](Stream& stream) -> StreamUser* {
      heard_.Lock()->held.push_back(&stream);
      return new TestUser(stream, heard_);
    }};
    methods["/t/Large"] = {.begin = [this](Stream& stream) -> StreamUser* {
      auto* user = new TestUser(stream, heard_);
      stream.Finish({}, AsMessage(std::string(size_t{2} << 20, 'L')));
      return user;
    }};
    methods["/t/Stream"] = {.client_streams = true, .begin = [this](Stream& stream) -> StreamUser* {
                              auto* user = new EchoStream(stream, heard_);
                              stream.Read();
                              return user;
                            }};
    std::vector<Server::Endpoint> endpoints;
    endpoints.push_back({.listener = *ListenUnix(path_, 0600), .local = true});
    server_ = std::make_unique<Server>(
        std::move(endpoints), std::move(methods),
        Server::Options{.budgets = budgets, .user_of = [](const Stream& stream) {
                          return std::string(stream.metadata().Only("x-user"));
                        }});
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }
  // Answers whoever waits, on this thread.
  size_t AnswerHeld() {
    std::vector<Stream*> held;
    held.swap(heard_.Lock()->held);
    for (Stream* stream : held) stream->Finish({}, AsMessage("late"));
    return held.size();
  }
  bool Comes(const std::function<bool(const Heard&)>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < end) {
      if (holds(*heard_.Lock())) return true;
      std::this_thread::yield();
    }
    return false;
  }

  std::string directory_;
  std::string path_;
  std::string metadata_;
  Guarded<Heard> heard_;
  std::unique_ptr<Server> server_;
};

// ---- Calls
// ----------------------------------------------------------------------------------------

TEST_F(ServerTest, AnswersACallWithMetadataAndTrailers) {
  Serve();
  TestClient client(path_);
  const auto& call = client.Finish(client.Ask("/t/Echo", "hello", {{"x-text", "given"}}));
  EXPECT_EQ(call.status(), kOk);
  EXPECT_EQ(call.data, AsMessage("hello"));
  EXPECT_EQ(call.headers.at("content-type"), "application/grpc");
  EXPECT_EQ(call.headers.at("x-initial"), "i");
  EXPECT_EQ(call.headers.at("x-trailing-bin"), "dA");
  EXPECT_EQ(metadata_, "given");
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "")).data, AsMessage("")) << "empty is a message";
}

TEST_F(ServerTest, SpacesAroundMetadataAreTaken) {
  Serve();
  TestClient client(path_);
  const auto& call = client.Finish(client.Ask("/t/Echo", "", {{"x-text", " given "}}));
  EXPECT_EQ(call.status(), kOk);
  EXPECT_EQ(metadata_, " given ");
}

TEST_F(ServerTest, CarriesMessagesUpToTheLimitBothWays) {
  Serve();
  TestClient client(path_, 1 << 16);
  const std::string text(size_t{4} << 20, 'x');
  const int32_t id = client.Ask("/t/Echo", text);
  ASSERT_TRUE(client.Until([&] {
    client.GoOnReading(id, 1 << 16);
    return client.call(id).closed;
  }));
  EXPECT_EQ(client.call(id).data, AsMessage(text));
}

TEST_F(ServerTest, RefusesAMessageByItsPrefix) {
  Serve();
  TestClient client(path_);
  const int32_t id = client.Start("/t/Echo");
  client.Send(id, std::string("\0\x40\0\0\0", 5), false);  // of 1 GiB
  EXPECT_EQ(client.Finish(id).status(), kResourceExhausted);
  EXPECT_THAT(client.call(id).headers.at("grpc-message"), HasSubstr("1073741824 bytes"));
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "next")).status(), kOk);
}

TEST_F(ServerTest, RefusesWhatIsNoGrpc) {
  Serve();
  TestClient client(path_);
  const auto status_of = [&](const TestClient::Pairs& headers) {
    return client.Finish(client.Start("/t/Echo", headers, true)).headers.at(":status");
  };
  EXPECT_EQ(status_of({{":method", "GET"}}), "405");
  EXPECT_EQ(status_of({{"content-type", "application/json"}}), "415");
  EXPECT_EQ(status_of({{"content-type", "application/grpcx"}}), "415");
  EXPECT_EQ(status_of({{"content-type", "application/grpc+json"}}), "415");
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "", {{"content-type", "application/grpc+proto"}}))
                .status(),
            kOk);
}

TEST_F(ServerTest, WhatIsNoGrpcIsAnsweredInWordsWhenItEndsOrMaySendNoMore) {
  Serve();
  TestClient client(path_);
  const int32_t ends = client.Start("/", {{":method", "GET"}}, true);
  EXPECT_THAT(client.Finish(ends).data, HasSubstr("gRPC"));
  EXPECT_EQ(client.call(ends).headers.at("content-type"), "text/plain");
  const int32_t goes_on = client.Start("/", {{"content-type", "text/html"}});
  client.Send(goes_on, std::string(20'000, 'x'), false);
  EXPECT_EQ(client.Finish(goes_on).headers.at(":status"), "415");
  EXPECT_THAT(client.call(goes_on).data, HasSubstr("gRPC"));
}

TEST_F(ServerTest, InitialMetadataIsNoTrailerOfAnErrorWithoutAnswer) {
  Serve();
  TestClient client(path_);
  const auto& failed = client.Finish(client.Ask("/t/Fail", ""));
  EXPECT_EQ(failed.status(), kInternal);
  EXPECT_EQ(failed.headers.at("x-initial"), "i");
  EXPECT_EQ(failed.header_blocks, 2);
  EXPECT_EQ(client.Finish(client.Ask("/t/None", "")).header_blocks, 1);
}

TEST_F(ServerTest, EndsCallsThatAreWrongWithTheCodeThatSaysSo) {
  Serve();
  TestClient client(path_);
  const auto status_of = [&](int32_t id) { return client.Finish(id).status(); };
  EXPECT_EQ(status_of(client.Ask("/t/None", "")), kUnimplemented);
  EXPECT_EQ(status_of(client.Ask("/t/Echo", "", {{"grpc-encoding", "snappy"}})), kUnimplemented);
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "", {{"grpc-encoding", "snappy"}}))
                .headers.at("grpc-accept-encoding"),
            "identity,gzip");
  EXPECT_EQ(status_of(client.Ask("/t/Echo", "", {{"grpc-timeout", "soon"}})), kInternal);
  EXPECT_EQ(status_of(client.Ask("/t/Echo", "", {{"x-bin", "?"}})), kInternal);
  EXPECT_EQ(status_of(client.Start("/t/Echo", {}, true)), kUnimplemented) << "no message";
  const auto send = [&](const std::string& bytes, const char* path = "/t/Echo") {
    const int32_t id = client.Start(path);
    client.Send(id, bytes, true);
    return status_of(id);
  };
  EXPECT_EQ(send(AsMessage("one") + AsMessage("two")), kUnimplemented) << "two messages";
  EXPECT_EQ(send(AsMessage("cut").substr(0, 7)), kInternal);
  EXPECT_EQ(send("\7rubbish"), kInternal);
  EXPECT_EQ(send(std::string("\1\0\0\0\1x", 6)), kInternal) << "compressed with nothing";
  EXPECT_EQ(send(AsMessage("cut").substr(0, 7), "/t/Stream"), kInternal);
}

TEST_F(ServerTest, StreamsBothWays) {
  Serve();
  TestClient client(path_);
  const int32_t id = client.Start("/t/Stream");
  std::string sent;
  for (int i = 0; i < 100; ++i) {
    const std::string message = AsMessage(std::string(static_cast<size_t>(i) * 1000, 'm'));
    sent += message;
    client.Send(id, message, false);
    ASSERT_TRUE(client.Until([&] { return client.call(id).data.size() == sent.size(); })) << i;
  }
  client.Send(id, AsMessage("last"), true);
  EXPECT_EQ(client.Finish(id).status(), kOk);
  EXPECT_EQ(client.call(id).data, sent + AsMessage("last"));
}

TEST_F(ServerTest, ManySmallMessagesOfAStreamComeInOrder) {
  Serve();
  TestClient client(path_);
  const int32_t id = client.Start("/t/Stream");
  std::string sent;
  for (int i = 0; i < 20'000; ++i) sent += AsMessage(absl::StrCat(i));
  client.Send(id, sent, true);
  EXPECT_EQ(client.Finish(id).status(), kOk);
  EXPECT_EQ(client.call(id).data, sent);
}

TEST_F(ServerTest, AnswersComeFromAnyThread) {
  Serve();
  TestClient client(path_);
  std::vector<int32_t> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(client.Ask("/t/Hold", "x"));
  size_t answered = 0;
  ASSERT_TRUE(client.Until([&] {
    answered += AnswerHeld();
    return answered == ids.size();
  }));
  for (const int32_t id : ids) {
    EXPECT_EQ(client.Finish(id).data, AsMessage("late"));
    EXPECT_EQ(client.call(id).status(), kOk);
  }
}

// ---- Ends
// -----------------------------------------------------------------------------------------

TEST_F(ServerTest, AClientThatGivesUpIsHeardOf) {
  Serve();
  TestClient client(path_);
  const int32_t id = client.Ask("/t/Hold", "x");
  ASSERT_TRUE(client.Until([&] { return heard_.Lock()->held.size() == 1; }));
  client.Reset(id);
  client.Turn(0);
  ASSERT_TRUE(Comes([](const Heard& heard) { return heard.gone == 1; }));
  EXPECT_THAT(heard_.Lock()->cancelled, testing::ElementsAre("CANCELLED"));
}

TEST_F(ServerTest, AnAnswerToSomebodyWhoHasGoneIsDropped) {
  Serve();
  {
    TestClient client(path_);
    client.Ask("/t/Hold", "x");
    ASSERT_TRUE(client.Until([&] { return heard_.Lock()->held.size() == 1; }));
    Stream* stream = nullptr;
    {
      auto heard = heard_.Lock();
      stream = heard->held.front();
      heard->held.clear();
    }
    std::thread([stream] { stream->Finish({}, AsMessage("late")); }).join();
  }
  ASSERT_TRUE(Comes([](const Heard& heard) { return heard.gone == 1; }));
}

TEST_F(ServerTest, ADeadlineEndsTheCall) {
  Serve();
  TestClient client(path_);
  EXPECT_EQ(client.Finish(client.Ask("/t/Hold", "x", {{"grpc-timeout", "30m"}})).status(),
            kDeadlineExceeded);
  const int32_t half = client.Start("/t/Echo", {{"grpc-timeout", "30m"}});
  EXPECT_EQ(client.Finish(half).status(), kDeadlineExceeded) << "its message never came";
  EXPECT_THAT(heard_.Lock()->cancelled, testing::ElementsAre("DEADLINE_EXCEEDED"));
}

TEST_F(ServerTest, StopLetsCallsEndAndTakesNoNew) {
  Serve();
  TestClient client(path_);
  const int32_t id = client.Ask("/t/Hold", "x");
  ASSERT_TRUE(client.Until([&] { return heard_.Lock()->held.size() == 1; }));
  auto stopped = std::async(std::launch::async, [&] { server_->Stop(20'000); });
  ASSERT_TRUE(client.Until([&] { return client.goaway.has_value(); }));
  EXPECT_EQ(*client.goaway, uint32_t{NGHTTP2_NO_ERROR});
  AnswerHeld();
  EXPECT_EQ(client.Finish(id).status(), kOk);
  stopped.get();
  EXPECT_TRUE(client.UntilEnded());
}

TEST_F(ServerTest, StopCancelsWhatDoesNotEnd) {
  Serve();
  TestClient client(path_);
  const int32_t id = client.Ask("/t/Hold", "x");
  ASSERT_TRUE(client.Until([&] { return heard_.Lock()->held.size() == 1; }));
  auto stopped = std::async(std::launch::async, [&] { server_->Stop(0); });
  EXPECT_EQ(client.Finish(id).status(), kUnavailable);
  stopped.get();
  EXPECT_EQ(heard_.Lock()->gone, 1);
}

// ---- Budgets
// --------------------------------------------------------------------------------------

TEST_F(ServerTest, TooMuchMetadataIsRefusedAndFarTooMuchEndsTheConnection) {
  Serve();
  TestClient client(path_);
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "", {{"x", std::string(20'000, 'h')}})).status(),
            kResourceExhausted);
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "")).status(), kOk);
  for (int i = 0; i < 5; ++i)
    client.Start("/t/Echo", {{"x", std::string(60'000, static_cast<char>('a' + i))},
                             {"y", std::string(10'000, 'h')}});
  EXPECT_TRUE(client.UntilEnded());
}

TEST_F(ServerTest, AConnectionHas128Streams) {
  Serve();
  TestClient client(path_);
  for (int i = 0; i < 200; ++i) client.Ask("/t/Hold", "x");
  ASSERT_TRUE(client.Until([&] { return heard_.Lock()->held.size() == 128; }));
  EXPECT_EQ(server_->counters().streams_open, 128);
  size_t answered = 0;
  ASSERT_TRUE(client.Until([&] { return (answered += AnswerHeld()) == 200; }));
}

// Each may send 16 KiB unasked; the rest comes in turns, so that all can end.
TEST_F(ServerTest, ManyLargeMessagesAtOnceWaitForEachOther) {
  Serve();
  TestClient client(path_);
  const std::string text(size_t{3} << 20, 'x');
  std::vector<int32_t> ids;
  size_t most = 0;
  for (int i = 0; i < 20; ++i) ids.push_back(client.Ask("/t/Echo", text));
  for (const int32_t id : ids) client.GoOnReading(id, 8 << 20);
  for (const int32_t id : ids) {
    ASSERT_TRUE(client.Until([&] {
      most = std::max(most, server_->bytes());
      return client.call(id).closed;
    }));
    EXPECT_EQ(client.call(id).status(), kOk) << id;
  }
  EXPECT_LE(most, size_t{32} << 20);
  EXPECT_EQ(server_->bytes(), 0u);
}

TEST_F(ServerTest, StreamsOfLargeMessagesWaitForEachOtherToo) {
  Serve();
  TestClient client(path_, 16 << 20);
  const std::string text(size_t{4} << 20, 'x');
  std::vector<int32_t> ids;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(client.Start("/t/Stream"));
    for (int n = 0; n < 3; ++n) client.Send(ids.back(), AsMessage(text), n == 2);
  }
  for (const int32_t id : ids) {
    EXPECT_EQ(client.Finish(id).status(), kOk) << id;
    EXPECT_EQ(client.call(id).data.size(), 3 * (text.size() + kPrefixBytes));
  }
}

TEST_F(ServerTest, HalfSentMessagesOfAUserAreBounded) {
  Serve({.bytes_user = 100'000});
  TestClient client(path_);
  std::vector<int32_t> ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(client.Start("/t/Echo"));
    client.Send(ids.back(), AsMessage(std::string(1'000'000, 'x')).substr(0, 10'000), false);
  }
  ASSERT_TRUE(client.Until([&] {
    return std::any_of(ids.begin(), ids.end(),
                       [&](int32_t id) { return client.call(id).status() == kResourceExhausted; });
  }));
  EXPECT_LE(server_->bytes(), 100'000u);
}

TEST_F(ServerTest, AnswersThatNobodyReadsAreBounded) {
  Serve({.bytes_user = size_t{9} << 20});
  TestClient client(path_, 0);
  std::vector<int32_t> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(client.Ask("/t/Large", ""));
  // Four fill the connection's budget; then no call begins, until they are read.
  ASSERT_TRUE(client.Until([&] { return server_->bytes() >= size_t{8} << 20; }));
  for (int i = 0; i < 20; ++i) client.Turn(1);
  EXPECT_LE(server_->bytes(), size_t{9} << 20);
  for (const int32_t id : ids) client.GoOnReading(id, 4 << 20);
  for (const int32_t id : ids) EXPECT_EQ(client.Finish(id).status(), kOk) << id;
  EXPECT_EQ(server_->bytes(), 0u);
}

TEST_F(ServerTest, AnAnswerBeyondTheUsersBudgetIsRefused) {
  Serve({.bytes_user = size_t{1} << 20});
  TestClient client(path_);
  EXPECT_EQ(client.Finish(client.Ask("/t/Large", "")).status(), kResourceExhausted);
}

TEST_F(ServerTest, ConnectionsOfAUserAreBounded) {
  Serve({.connections_each = 2});
  TestClient one(path_);
  TestClient two(path_);
  EXPECT_EQ(one.Finish(one.Ask("/t/Echo", "")).status(), kOk);
  EXPECT_EQ(two.Finish(two.Ask("/t/Echo", "")).status(), kOk);
  TestClient three(path_);
  three.Ask("/t/Echo", "");
  EXPECT_TRUE(three.UntilEnded());
  EXPECT_EQ(server_->counters().connections_refused, 1);
}

TEST_F(ServerTest, CallsThatAProxyCarriesTakeTheBudgetsOfItsClients) {
  Serve({.connections_each = 2, .bytes_user = 100'000});
  const std::string part = AsMessage(std::string(1'000'000, 'x')).substr(0, 60'000);
  TestClient one(path_), two(path_);
  const int32_t held = one.Start("/t/Echo", {{"x-user", "ada"}});
  one.Send(held, part, false);
  ASSERT_TRUE(one.Until([&] { return server_->bytes() > 0; }));
  // Another connection of hers is beyond her bytes, and a third beyond her connections.
  const int32_t more = two.Start("/t/Echo", {{"x-user", "ada"}});
  two.Send(more, part, false);
  ASSERT_TRUE(two.Until([&] { return two.call(more).status() == kResourceExhausted; }));
  TestClient three(path_);
  EXPECT_EQ(three.Finish(three.Ask("/t/Echo", "", {{"x-user", "ada"}})).status(),
            kResourceExhausted);
  // Of others, none of it counts, on the same connections either.
  EXPECT_EQ(three.Finish(three.Ask("/t/Echo", "b", {{"x-user", "bob"}})).status(), kOk);
  EXPECT_EQ(two.Finish(two.Ask("/t/Echo", "b", {{"x-user", "bob"}})).status(), kOk);
  EXPECT_EQ(three.Finish(three.Ask("/t/Echo", "a", {{"x-user", "ada"}})).status(), kOk)
      << "now she has one";
}

TEST_F(ServerTest, WhoSaysNothingIsCut) {
  Serve({.handshake_ms = 50, .sweep_ms = 10});
  TestClient client(path_);
  client.Stall();
  EXPECT_TRUE(client.UntilEnded());
  EXPECT_EQ(server_->counters().handshakes_failed, 1);
}

TEST_F(ServerTest, WhoDoesNotAcknowledgeSettingsIsCut) {
  Serve({.handshake_ms = 200, .sweep_ms = 10});
  TestClient client(path_);
  client.Turn(0);  // preface and SETTINGS are sent, and nothing is read before
  client.Stall();
  EXPECT_TRUE(client.UntilEnded());
}

TEST_F(ServerTest, AnIdleConnectionIsToldToGo) {
  Serve({.idle_ms = 50, .sweep_ms = 10});
  TestClient client(path_);
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "")).status(), kOk);
  EXPECT_TRUE(client.UntilEnded());
  EXPECT_EQ(client.goaway, uint32_t{NGHTTP2_NO_ERROR});
}

TEST_F(ServerTest, AConnectionWithACallIsNotIdle) {
  Serve({.idle_ms = 50, .sweep_ms = 10});
  TestClient client(path_);
  const int32_t id = client.Ask("/t/Hold", "x");
  ASSERT_TRUE(client.Until([&] { return heard_.Lock()->held.size() == 1; }));
  for (int i = 0; i < 10; ++i) client.Turn(20);
  EXPECT_EQ(client.goaway, std::nullopt);
  AnswerHeld();
  EXPECT_EQ(client.Finish(id).status(), kOk);
}

TEST_F(ServerTest, WhoDoesNotAnswerAPingIsCut) {
  Serve({.keepalive_ms = 50, .keepalive_wait_ms = 50, .sweep_ms = 10});
  TestClient client(path_);
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "")).status(), kOk);
  for (int i = 0; i < 20; ++i) client.Turn(10);
  EXPECT_FALSE(client.ended()) << "it answers";
  client.Stall();
  EXPECT_TRUE(client.UntilEnded());
}

TEST_F(ServerTest, HalfAMessageThatNeverEndsIsCut) {
  Serve({.stall_ms = 50, .sweep_ms = 10});
  TestClient client(path_);
  const int32_t id = client.Start("/t/Echo");
  client.Send(id, AsMessage("cut").substr(0, 6), false);
  EXPECT_TRUE(client.UntilEnded());
}

TEST_F(ServerTest, CancellersAreServedAndRapidResetEndsTheConnection) {
  Serve({.reset_burst = 1'000, .reset_rate = 1});
  TestClient client(path_);
  for (int i = 0; i < 900; ++i) {
    const int32_t id = client.Ask("/t/Hold", "x");
    client.Turn(0);
    client.Reset(id);
  }
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "")).status(), kOk);
  for (int i = 0; i < 5'000 && !client.ended(); ++i) {
    const int32_t id = client.Ask("/t/Hold", "x");
    client.Turn(0);
    client.Reset(id);
  }
  EXPECT_TRUE(client.UntilEnded());
  EXPECT_EQ(client.goaway, uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
}

}  // namespace
}  // namespace grpc_os::transport
