#include "transport/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "transport/server_harness.h"

namespace grpc_os::transport {
namespace {

using ::testing::HasSubstr;

// ---- The file of the socket

TEST_F(ServerTest, AUnixSocketWhoseFileIsGoneIsMadeAgain) {
  Serve();
  TestClient before(path_);
  ASSERT_EQ(before.Finish(before.Ask("/t/Echo", "hello")).status(), kOk);
  std::filesystem::remove(path_);
  while (!std::filesystem::exists(path_)) std::this_thread::yield();
  TestClient after(path_);
  EXPECT_EQ(after.Finish(after.Ask("/t/Echo", "hello")).status(), kOk);
  EXPECT_EQ(before.Finish(before.Ask("/t/Echo", "hello")).status(), kOk) << "connections go on";
}

TEST_F(ServerTest, AFileThatIsNoSocketIsLeftWhereItIs) {
  Serve();
  const std::string file = directory_ + "/file";
  std::ofstream(file) << "theirs";
  const auto refused = ListenUnix(file);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("no socket"));
  EXPECT_TRUE(std::filesystem::is_regular_file(file));
}

// ---- Calls

TEST_F(ServerTest, AnswersACallWithMetadataAndTrailers) {
  Serve();
  TestClient client(path_);
  const auto& call = client.Finish(client.Ask("/t/Echo", "hello", {{"x-text", "given"}}));
  EXPECT_EQ(call.status(), kOk);
  EXPECT_EQ(call.data, AsMessage("hello"));
  EXPECT_EQ(call.headers.at("content-type"), "application/grpc");
  EXPECT_EQ(call.headers.at("x-initial"), "i");
  EXPECT_EQ(call.headers.at("x-trailing-bin"), "dA");
  EXPECT_EQ(heard_.Lock()->metadata, "given");
  EXPECT_EQ(client.Finish(client.Ask("/t/Echo", "")).data, AsMessage("")) << "empty is a message";
}

TEST_F(ServerTest, SpacesAroundMetadataAreTaken) {
  Serve();
  TestClient client(path_);
  const auto& call = client.Finish(client.Ask("/t/Echo", "", {{"x-text", " given "}}));
  EXPECT_EQ(call.status(), kOk);
  EXPECT_EQ(heard_.Lock()->metadata, " given ");
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

TEST_F(ServerTest, ConnectionsAreSpreadOverThreads) {
  Serve({}, /*io_threads=*/3);
  std::vector<std::unique_ptr<TestClient>> clients;
  std::vector<int32_t> held;
  for (int i = 0; i < 7; ++i) {
    clients.push_back(std::make_unique<TestClient>(path_));
    for (int n = 0; n < 20; ++n) {
      const std::string text = absl::StrCat(i, " ", n);
      EXPECT_EQ(clients.back()->Finish(clients.back()->Ask("/t/Echo", text)).data, AsMessage(text));
    }
    held.push_back(clients.back()->Ask("/t/Hold", "x"));
    ASSERT_TRUE(clients.back()->Until(
        [&] { return heard_.Lock()->held.size() == static_cast<size_t>(i) + 1; }));
  }
  EXPECT_EQ(server_->connections(), 7);
  EXPECT_EQ(AnswerHeld(), 7u) << "from a thread that is none of them";
  for (size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(clients[i]->Finish(held[i]).status(), kOk);
}

// ---- Ends

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

}  // namespace
}  // namespace grpc_os::transport
