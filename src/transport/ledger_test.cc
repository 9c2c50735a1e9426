#include "transport/ledger.h"

#include <gtest/gtest.h>

namespace grpc_os::transport {
namespace {

TEST(Ledger, BoundsConnectionsInAllAndOfEach) {
  const Budgets budgets{.connections = 3, .connections_each = 2};
  Ledger ledger(budgets);
  Ledger::Account* first = ledger.Enter("uid 1");
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(ledger.Enter("uid 1"), first);
  EXPECT_EQ(ledger.Enter("uid 1"), nullptr);
  EXPECT_NE(ledger.Enter("uid 2"), nullptr);
  EXPECT_EQ(ledger.Enter("uid 3"), nullptr) << "three in all";
  ledger.Leave(first);
  EXPECT_NE(ledger.Enter("uid 3"), nullptr);
  EXPECT_EQ(ledger.connections(), 3);
}

TEST(Ledger, KeepsPlacesForSome) {
  const Budgets budgets{.connections = 1, .connections_kept = 1};
  Ledger ledger(budgets);
  EXPECT_NE(ledger.Enter("uid 1"), nullptr);
  EXPECT_EQ(ledger.Enter("uid 2"), nullptr);
  EXPECT_NE(ledger.Enter("uid 0", /*kept=*/true), nullptr);
  EXPECT_EQ(ledger.Enter("uid 0", /*kept=*/true), nullptr);
}

TEST(Ledger, BoundsBytesOfEachAndInAll) {
  const Budgets budgets{.bytes_user = 10, .bytes_all = 15};
  Ledger ledger(budgets);
  Ledger::Account& one = *ledger.Enter("uid 1");
  Ledger::Account& two = *ledger.Enter("uid 2");
  EXPECT_TRUE(ledger.Take(one, 10));
  EXPECT_FALSE(ledger.Take(one, 1));
  EXPECT_FALSE(ledger.Take(two, 6)) << "sixteen in all";
  EXPECT_TRUE(ledger.Take(two, 5));
  ledger.Return(one, 10);
  EXPECT_TRUE(ledger.Take(two, 5));
  EXPECT_EQ(ledger.bytes(), 10u);
  EXPECT_EQ(one.bytes(), 0u);
}

TEST(Ledger, BoundsWhatAUserHasInflatedAlsoWhenTheyComeAgain) {
  const Budgets budgets{.inflate_burst = 1'000, .inflate_rate = 100};
  Ledger ledger(budgets);
  Ledger::Account* one = ledger.Enter("uid 1");
  ASSERT_TRUE(ledger.MayInflate(*one, 1'000'000));
  ledger.Inflated(*one, 250, 1'000);
  EXPECT_TRUE(ledger.MayInflate(*one, 1'000'000)) << "four times is nothing";
  ledger.Inflated(*one, 1, 1'104);
  EXPECT_FALSE(ledger.MayInflate(*one, 1'000'000));
  EXPECT_TRUE(ledger.MayInflate(*ledger.Enter("uid 2"), 1'000'000));
  ledger.Leave(one);
  one = ledger.Enter("uid 1");
  EXPECT_FALSE(ledger.MayInflate(*one, 1'000'999));
  EXPECT_TRUE(ledger.MayInflate(*one, 1'002'000));
}

TEST(Ledger, WantsATrimOnceAfterAPeak) {
  const Budgets budgets{.trim_bytes = 100};
  Ledger ledger(budgets);
  Ledger::Account& one = *ledger.Enter("uid 1");
  EXPECT_TRUE(ledger.Take(one, 50));
  ledger.Return(one, 50);
  EXPECT_FALSE(ledger.ShouldTrim());
  EXPECT_TRUE(ledger.Take(one, 101));
  EXPECT_FALSE(ledger.ShouldTrim()) << "much is held still";
  ledger.Return(one, 101);
  EXPECT_TRUE(ledger.ShouldTrim());
  EXPECT_FALSE(ledger.ShouldTrim());
}

}  // namespace
}  // namespace grpc_os::transport
