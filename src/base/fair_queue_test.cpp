#include "base/fair_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace bitvault {
namespace {

std::vector<int> drain(FairQueue<int>& queue) {
  std::vector<int> taken;
  while (!queue.empty()) {
    taken.push_back(queue.pop());
  }
  return taken;
}

TEST(FairQueue, KeepsTheOrderOfOneLane) {
  FairQueue<int> queue;
  for (const int item : {1, 2, 3}) {
    queue.push("a", item);
  }
  EXPECT_EQ(drain(queue), (std::vector{1, 2, 3}));
}

TEST(FairQueue, LanesTakeTurns) {
  FairQueue<int> queue;
  for (const int item : {1, 2, 3, 4}) {
    queue.push("flood", item);
  }
  queue.push("b", 10);
  queue.push("c", 20);
  queue.push("b", 11);
  EXPECT_EQ(drain(queue), (std::vector{1, 10, 20, 2, 11, 3, 4}));
}

TEST(FairQueue, WhoComesLaterWaitsForOneItemOfEachOther) {
  FairQueue<int> queue;
  for (const int item : {1, 2, 3}) {
    queue.push("flood", item);
  }
  EXPECT_EQ(queue.pop(), 1);
  queue.push("late", 10);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.pop(), 10);
  EXPECT_EQ(queue.pop(), 3);
}

TEST(FairQueue, CountsItemsAndBytesByLane) {
  FairQueue<int> queue;
  queue.push("a", 1, 100);
  queue.push("b", 2, 20);
  queue.push("a", 3, 5);
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(queue.bytes(), 125u);
  EXPECT_EQ(queue.lanes(), 2u);
  EXPECT_EQ(queue.size_of("a"), 2u);
  EXPECT_EQ(queue.bytes_of("a"), 105u);
  EXPECT_EQ(queue.bytes_of("nobody"), 0u);
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.bytes_of("a"), 5u);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.size_of("b"), 0u);
  EXPECT_EQ(queue.lanes(), 1u);
  EXPECT_EQ(queue.bytes(), 5u);
}

TEST(FairQueue, ErasesOneItemOfALane) {
  FairQueue<int> queue;
  for (const int item : {1, 2, 3}) {
    queue.push("a", item, 10);
  }
  queue.push("b", 2, 1);
  queue.erase("a", 2);
  queue.erase("a", 7);
  queue.erase("nobody", 1);
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_EQ(queue.bytes(), 21u);
  queue.erase("b", 2);
  EXPECT_EQ(queue.lanes(), 1u);
  EXPECT_EQ(drain(queue), (std::vector{1, 3}));
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(FairQueue, PassingGivesTheTurnAway) {
  FairQueue<std::unique_ptr<int>> queue;
  queue.push("a", std::make_unique<int>(1));
  queue.push("b", std::make_unique<int>(2));
  queue.pass();
  EXPECT_EQ(queue.front_lane(), "b");
  EXPECT_EQ(*queue.front(), 2);
  EXPECT_EQ(*queue.pop(), 2);
  EXPECT_EQ(*queue.pop(), 1);
}

}  // namespace
}  // namespace bitvault
