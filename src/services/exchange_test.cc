#include "services/exchange.h"

#include <gtest/gtest.h>

namespace grpc_os::services {
namespace {

constexpr char kSecret[] = "5ec4e7";

Arrival Taken(Arrival arrival, std::string_view secret = kSecret) {
  TakeForwarded(secret, arrival);
  return arrival;
}

TEST(TakeForwardedTest, WhatTheEdgePassesOnIsOfTheClientThatItNames) {
  for (const bool local : {true, false}) {
    const Arrival taken = Taken({.local = local,
                                 .peer_uid = 7,
                                 .address = local ? "" : "127.0.0.1",
                                 .edge_secret = "5ec4e7",
                                 .forwarded_for = "2001:db8::7"});
    EXPECT_TRUE(taken.through_edge);
    EXPECT_FALSE(taken.local);
    EXPECT_EQ(taken.address, "2001:db8::7");
    EXPECT_EQ(taken.peer_uid, -1);
  }
}

TEST(TakeForwardedTest, AnAddressHasItsBounds) {
  EXPECT_EQ(Taken({.edge_secret = kSecret}).address, "unknown");
  EXPECT_EQ(Taken({.edge_secret = kSecret, .forwarded_for = std::string(4'000, '1')}).address,
            std::string(45, '1'));
}

TEST(TakeForwardedTest, WhoKnowsNoSecretGainsNothing) {
  for (const char* wrong : {"5ec4e8", "5ec4e", "5ec4e77", "xxxxxx", "5EC4E7"}) {
    Arrival taken = Taken(
        {.peer_uid = 7, .address = "127.0.0.1", .edge_secret = wrong, .forwarded_for = "10.0.0.1"});
    EXPECT_FALSE(taken.through_edge || taken.local) << wrong;
    EXPECT_EQ(taken.address, "127.0.0.1") << wrong;
    EXPECT_EQ(taken.peer_uid, 7) << wrong;
    // An edge whose secret is an old one is not local either.
    taken =
        Taken({.local = true, .peer_uid = 7, .edge_secret = wrong, .forwarded_for = "10.0.0.1"});
    EXPECT_FALSE(taken.through_edge || taken.local) << wrong;
    EXPECT_EQ(taken.address, "unknown") << wrong;
    EXPECT_EQ(taken.peer_uid, -1) << wrong;
  }
}

TEST(TakeForwardedTest, WithoutASecretNobodyIsTheEdge) {
  EXPECT_FALSE(Taken({.address = "127.0.0.1", .edge_secret = ""}, "").through_edge);
  EXPECT_FALSE(Taken({.address = "127.0.0.1", .edge_secret = "x"}, "").through_edge);
}

}  // namespace
}  // namespace grpc_os::services
