#include "http/memory.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/budget.h"

namespace bitvault::http {
namespace {

TEST(Memory, IsGivenBack) {
  std::string text(1000, 'x');
  free_memory(text);
  EXPECT_EQ(text, "");
  EXPECT_EQ(text.capacity(), std::string().capacity());
  std::vector<int> numbers(1000);
  free_memory(numbers);
  EXPECT_EQ(numbers.capacity(), 0u);
}

TEST(Memory, IsKeptUpToALimit) {
  std::string text(1000, 'x');
  const std::size_t capacity = text.capacity();
  clear_keeping(text, capacity);
  EXPECT_EQ(text, "");
  EXPECT_EQ(text.capacity(), capacity);
  clear_keeping(text, capacity - 1);
  EXPECT_LT(text.capacity(), 100u);
}

TEST(Budget, IsSharedAndGivenBack) {
  Budget budget(100, 100);
  Charge first(budget);
  EXPECT_TRUE(first.raise_to(60));
  EXPECT_TRUE(first.raise_to(10)) << "it has that already";
  EXPECT_EQ(budget.bytes(), 60u);
  {
    Charge second(budget);
    EXPECT_TRUE(second.raise_to(40));
    EXPECT_FALSE(first.raise_to(61));
    EXPECT_EQ(budget.bytes(), 100u) << "a refusal takes nothing";
  }
  EXPECT_TRUE(first.raise_to(100));
  first.release();
  first.release();
  EXPECT_EQ(budget.bytes(), 0u);
}

TEST(Budget, GivesNoPayerMoreThanItsShare) {
  Budget budget(100, 60);
  Charge first(budget);
  first.pay_for("acme");
  EXPECT_TRUE(first.raise_to(40));
  Charge second(budget);
  second.pay_for("acme");
  EXPECT_FALSE(second.raise_to(21));
  EXPECT_TRUE(second.raise_to(20));
  Charge other(budget);
  other.pay_for("other");
  EXPECT_TRUE(other.raise_to(30));
  Charge nameless(budget);
  EXPECT_FALSE(nameless.raise_to(11));
  EXPECT_TRUE(nameless.raise_to(10));
  second.release();
  nameless.release();
  EXPECT_TRUE(nameless.raise_to(30)) << "what was given back is there again";
  EXPECT_EQ(budget.bytes(), 100u);
}

}  // namespace
}  // namespace bitvault::http
