// What a peer may hold, and for how long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "transport/budgets.h"
#include "transport/server_harness.h"

namespace grpc_os::transport {
namespace {

// ---- Budgets

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
  EXPECT_TRUE(Comes([this](const Heard&) { return server_->bytes() == 0; }));
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
  EXPECT_TRUE(Comes([this](const Heard&) { return server_->bytes() == 0; }));
}

TEST_F(ServerTest, AnAnswerBeyondTheUsersBudgetIsRefused) {
  Serve({.bytes_user = size_t{1} << 20});
  TestClient client(path_);
  EXPECT_EQ(client.Finish(client.Ask("/t/Large", "")).status(), kResourceExhausted);
}

TEST_F(ServerTest, ConnectionsOfAUserAreBounded) {
  Serve({.connections_each = 2, .connections_kept = 0});
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

TEST_F(ServerTest, HalfAMessageThatNeverEndsIsRefused) {
  Serve({.stall_ms = 50, .sweep_ms = 10});
  TestClient client(path_);
  const int32_t id = client.Start("/t/Stream");
  client.Send(id, AsMessage("cut").substr(0, 6), false);
  EXPECT_EQ(client.Finish(id).status(), kDeadlineExceeded);
}

TEST_F(ServerTest, AMessageThatNeverBeginsIsRefused) {
  Serve({.stall_ms = 50, .sweep_ms = 10});
  TestClient client(path_);
  EXPECT_EQ(client.Finish(client.Start("/t/Echo")).status(), kDeadlineExceeded);
  const int32_t open = client.Start("/t/Stream");
  for (int i = 0; i < 10; ++i) client.Turn(20);
  EXPECT_FALSE(client.call(open).closed) << "a stream may be silent between its messages";
}

TEST_F(ServerTest, AnAnswerThatNobodyReadsIsTakenBack) {
  Serve({.stall_ms = 50, .sweep_ms = 10});
  TestClient client(path_, 0);
  const int32_t id = client.Ask("/t/Large", "");
  EXPECT_EQ(client.Finish(id).error, uint32_t{NGHTTP2_CANCEL});
  EXPECT_TRUE(Comes([this](const Heard&) { return server_->bytes() == 0; }));
}

TEST_F(ServerTest, MetadataThatWaitsIsCounted) {
  Serve({.bytes_user = 100'000});
  TestClient client(path_);
  std::vector<int32_t> ids;
  for (int i = 0; i < 40; ++i)
    ids.push_back(client.Start("/t/Stream", {{"x", std::string(8'000, 'h')}}));
  ASSERT_TRUE(client.Until([&] {
    return std::any_of(ids.begin(), ids.end(),
                       [&](int32_t id) { return client.call(id).status() == kResourceExhausted; });
  }));
  EXPECT_LE(server_->bytes(), 100'000u);
}

TEST_F(ServerTest, WhoHoldsLittleIsServedWhateverOthersHold) {
  Serve({.bytes_all = 50'000, .bytes_share = 200'000});
  TestClient greedy(path_);
  const int32_t half = greedy.Start("/t/Echo");
  greedy.Send(half, AsMessage(std::string(500'000, 'x')).substr(0, 100'000), false);
  ASSERT_TRUE(greedy.Until([&] { return server_->bytes() > 50'000; }));
  TestClient client(path_);
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "small")).status(), kOk);
}

TEST_F(ServerTest, ALongMessageOfAnEndIsCut) {
  Serve();
  TestClient client(path_);
  const auto& call = client.Finish(client.Ask("/t/" + std::string(10'000, 'n'), ""));
  EXPECT_EQ(call.status(), kUnimplemented);
  EXPECT_LT(call.headers.at("grpc-message").size(), 300u);
  heard_.Lock()->end_text = std::string(100'000, '\n');
  EXPECT_EQ(client.Finish(client.Ask("/t/Text", "")).status(), kInternal);
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "")).status(), kOk);
}

// What another thread asked for just before is not done to a stream that is gone.
TEST_F(ServerTest, AReadOnAnotherThreadMayMeetTheEnd) {
  Serve();
  for (int i = 0; i < 200; ++i) {
    TestClient client(path_);
    const int32_t id = client.Start("/t/Slow");
    ASSERT_TRUE(client.Until([&] { return heard_.Lock()->held.size() == 1; }));
    std::thread reader([this] {
      auto heard = heard_.Lock();  // held by whoever finishes it, too
      for (Stream* stream : heard->held) stream->Read();
    });
    client.Reset(id);
    client.Turn(0);
    reader.join();
    const int gone = i + 1;
    ASSERT_TRUE(Comes([gone](const Heard& heard) { return heard.gone == gone; }));
  }
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
