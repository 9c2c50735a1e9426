#include "base/line_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace grpc_os {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

int Admitted(LineBudget& budget, std::string_view kind, int lines, int64_t now_ms) {
  int admitted = 0;
  for (int i = 0; i < lines; ++i) admitted += budget.Admit(kind, now_ms) ? 1 : 0;
  return admitted;
}

TEST(LineBudgetTest, EachKindHasItsLinesASecondAndTheOthersAreCounted) {
  LineBudget budget;
  EXPECT_EQ(budget.DueMs(), -1);
  EXPECT_EQ(Admitted(budget, "a", 1000, 5'000), limits::kLogLinesPerSecond);
  EXPECT_EQ(Admitted(budget, "b", 3, 5'999), 3);
  EXPECT_EQ(budget.DueMs(), 6'000);
  EXPECT_THAT(budget.TakeLeftOut(5'999), IsEmpty());
  EXPECT_EQ(budget.DueMs(), 6'000);
  EXPECT_THAT(budget.TakeLeftOut(6'000), ElementsAre(Pair("a", 1000 - limits::kLogLinesPerSecond)));
  EXPECT_EQ(budget.DueMs(), -1);
  EXPECT_THAT(budget.TakeLeftOut(9'000), IsEmpty());
  EXPECT_EQ(Admitted(budget, "a", 1000, 6'000), limits::kLogLinesPerSecond);
}

TEST(LineBudgetTest, WhatStaysWithinItsLinesIsNeverLeftOut) {
  LineBudget budget;
  for (int64_t second = 0; second < 10; ++second) {
    EXPECT_EQ(Admitted(budget, "a", limits::kLogLinesPerSecond, second * 1'000),
              limits::kLogLinesPerSecond);
  }
  EXPECT_EQ(budget.DueMs(), -1);
}

TEST(LineBudgetTest, NoLineIsLeftOutUncounted) {
  LineBudget budget;
  int64_t counted = Admitted(budget, "a", 100, 0) + Admitted(budget, "a", 100, 2'000);
  for (const auto& [kind, lines] : budget.TakeLeftOut(2'000)) counted += lines;
  EXPECT_EQ(counted, 200);
}

TEST(LineBudgetTest, InventedKindsShareTheLastPlace) {
  LineBudget budget;
  int admitted = 0;
  for (int i = 0; i < 100'000; ++i) admitted += budget.Admit(std::to_string(i), 0) ? 1 : 0;
  EXPECT_EQ(admitted, limits::kLogKinds + limits::kLogLinesPerSecond);
  // Those that have been quiet for a second make room.
  budget.TakeLeftOut(1'000);
  EXPECT_EQ(Admitted(budget, "new", 1, 2'000), 1);
  EXPECT_EQ(Admitted(budget, "newer", 1, 2'000), 1);
}

}  // namespace
}  // namespace grpc_os
