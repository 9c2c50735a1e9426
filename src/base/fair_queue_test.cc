#include "base/fair_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace grpc_os {
namespace {

using testing::ElementsAre;

std::vector<std::string> PopAll(FairQueue<char, std::string>& queue) {
  std::vector<std::string> popped;
  while (!queue.empty()) popped.push_back(queue.Pop());
  return popped;
}

TEST(FairQueue, OwnersTakeTurnsEachInItsOrder) {
  FairQueue<char, std::string> queue;
  for (const char* item : {"a1", "a2", "a3", "a4", "b1", "c1", "c2"}) queue.Push(item[0], item);
  EXPECT_EQ(queue.size(), 7U);
  EXPECT_EQ(queue.SizeOf('a'), 4U);
  EXPECT_THAT(PopAll(queue), ElementsAre("a1", "b1", "c1", "a2", "c2", "a3", "a4"));
  EXPECT_EQ(queue.SizeOf('a'), 0U);
}

TEST(FairQueue, WhoeverComesLaterWaitsForOneTurnOfEachOther) {
  FairQueue<char, std::string> queue;
  for (const char* item : {"a1", "a2", "a3", "b1", "b2"}) queue.Push(item[0], item);
  EXPECT_EQ(queue.Pop(), "a1");
  queue.Push('c', "c1");
  queue.Push('a', "a4");
  EXPECT_THAT(PopAll(queue), ElementsAre("b1", "a2", "c1", "b2", "a3", "a4"));
}

TEST(FairQueue, WhoeverHasNothingLeftAndComesAgainIsLast) {
  FairQueue<char, std::string> queue;
  queue.Push('a', "a1");
  queue.Push('b', "b1");
  queue.Push('b', "b2");
  EXPECT_EQ(queue.Pop(), "a1");
  queue.Push('a', "a2");
  EXPECT_THAT(PopAll(queue), ElementsAre("b1", "a2", "b2"));
}

TEST(FairQueue, TakesWhatCanOnlyBeMoved) {
  FairQueue<int, std::unique_ptr<int>> queue;
  queue.Push(1, std::make_unique<int>(7));
  EXPECT_EQ(*queue.Pop(), 7);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace grpc_os
