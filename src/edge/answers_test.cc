#include "edge/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace grpc_os::edge {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using State = core::Endpoints::State;

TEST(AnswersTest, EndpointsAreOneLine) {
  EXPECT_EQ(EndpointsText({.state = State::kUp, .endpoints = {{8080, 1}, {9090, 100}}}),
            "up 127.0.0.1:8080:1 127.0.0.1:9090:100");
  EXPECT_EQ(EndpointsText({.state = State::kAway, .endpoints = {{8080, 1}}}),
            "away 127.0.0.1:8080:1");
  EXPECT_EQ(EndpointsText({.state = State::kAway, .endpoints = {}}), "away");
  EXPECT_EQ(EndpointsText({.state = State::kOff, .endpoints = {}}), "off");
}

TEST(AnswersTest, AGenerationIsServedOnceNothingElseAccepts) {
  const auto workers = ParseStatus(
      "worker 12 6 draining\n"
      "worker 13 7 accepting\n"
      "worker 14 7 accepting\n"
      "waiting 3 400\n"
      "waiting dom_1 3 400\n");
  ASSERT_TRUE(workers.ok()) << workers.status();
  EXPECT_TRUE(workers->ServesOnly(7));
  EXPECT_FALSE(workers->ServesOnly(6));
  EXPECT_EQ(workers->DrainingGenerations(), 1);
  EXPECT_FALSE(ParseStatus("worker 12 6 accepting\nworker 13 7 accepting\n")->ServesOnly(7));
  EXPECT_FALSE(ParseStatus("worker 12 7 draining\n")->ServesOnly(7)) << "nothing accepts";
  EXPECT_FALSE(ParseStatus("")->ServesOnly(7));
}

TEST(AnswersTest, GenerationsThatDrainAreCountedOnce) {
  const auto workers = ParseStatus(
      "worker 1 5 draining\nworker 2 5 draining\nworker 3 6 draining\nworker 4 7 accepting\n");
  EXPECT_EQ(workers->DrainingGenerations(), 2);
}

TEST(AnswersTest, AStatusThatIsNoneIsRefused) {
  for (const char* text : {"worker 12 6\n", "worker 12 six accepting\n", "worker 12 6 asleep\n",
                           "hello\n", "worker 12 6 accepting more\n", "<html>\n", " \n"}) {
    const auto workers = ParseStatus(text);
    EXPECT_EQ(workers.status().code(), absl::StatusCode::kInternal) << text;
  }
}

TEST(AnswersTest, WhatWaitsIsCountedByDomains) {
  const auto waiting = ParseWaiting(
      "worker 12 6 accepting\nwaiting 5 1000\nwaiting dom_1 3 400\nwaiting dom_2 2 600\n");
  ASSERT_TRUE(waiting.ok()) << waiting.status();
  EXPECT_THAT(*waiting, ElementsAre(Pair("dom_1", 3), Pair("dom_2", 2)));
  EXPECT_FALSE(ParseWaiting("waiting dom_1 three 400\n").ok());
  EXPECT_THAT(*ParseWaiting(""), IsEmpty());
}

std::string Buckets(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) absl::StrAppend(&text, " ", i);
  return text;
}

TEST(AnswersTest, TrafficHasCountsByDomainsAndRequestsInFlightByPorts) {
  const auto traffic = ParseTraffic(absl::StrCat("domain dom_1 100 7 3 2", Buckets(21), "\n",
                                                 "target dom_1_0 127.0.0.1:8080 4 9\n"
                                                 "target dom_2_0 127.0.0.1:8080 1 0\n"
                                                 "target dom_2_1 127.0.0.1:9090 0 5\n"
                                                 "of a later version 1 2\n"));
  ASSERT_TRUE(traffic.ok()) << traffic.status();
  ASSERT_THAT(traffic->domains, SizeIs(1));
  const core::RouteTraffic& one = traffic->domains.at("dom_1");
  EXPECT_EQ(one.requests, 100);
  EXPECT_EQ(one.client_errors, 3);
  EXPECT_EQ(one.server_errors, 2);
  EXPECT_EQ(one.waiting, 0);
  ASSERT_THAT(one.latencies, SizeIs(core::kLatencyBuckets));
  EXPECT_EQ(one.latencies[20], 20);
  EXPECT_THAT(traffic->in_flight, ElementsAre(Pair(8080, 5), Pair(9090, 0)))
      << "streams are not waited for";
}

TEST(AnswersTest, TrafficThatIsNoneIsRefused) {
  for (const std::string& text :
       {absl::StrCat("domain dom_1 100 7 3 2", Buckets(20)),
        absl::StrCat("domain dom_1 100 7 3 2", Buckets(22)),
        absl::StrCat("domain dom_1 100 7 3 x", Buckets(21)),
        std::string("target dom_1_0 127.0.0.1:8080 4"), std::string("target dom_1_0 8080 4 9"),
        std::string("target dom_1_0 127.0.0.1:port 4 9"),
        std::string("target dom_1_0 127.0.0.1:8080 four 9"), std::string("domain")}) {
    EXPECT_EQ(ParseTraffic(text).status().code(), absl::StatusCode::kInternal) << text;
  }
}

}  // namespace
}  // namespace grpc_os::edge
