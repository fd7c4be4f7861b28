#include "delivery/throttle.h"

#include <gtest/gtest.h>

#include "delivery/test_random.h"

namespace bitvault::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using For = Throttle::For;

constexpr MonotonicTime kStart{std::chrono::hours(1)};

class ThrottleTest : public testing::Test {
 protected:
  // So many that may start at `now`, which start.
  unsigned start_all(MonotonicTime now, For what = For::kNew) {
    unsigned started = 0;
    while (throttle_.opens(policy_, what) <= now) {
      throttle_.started(policy_, now);
      ++started;
    }
    return started;
  }
  void fail(MonotonicTime now, bool slow_down = false, std::optional<Duration> pause = {}) {
    throttle_.failed(now, slow_down, pause, random_);
  }
  // Fails one attempt after the other, every second, until the breaker is open.
  MonotonicTime open_breaker() {
    MonotonicTime now = kStart;
    while (!throttle_.breaker_open()) {
      throttle_.started(policy_, now);
      fail(now);
      now += seconds(1);
    }
    return now;
  }

  TestRandom random_{7};
  Policy policy_;
  Throttle throttle_{policy_};
};

TEST_F(ThrottleTest, LetsAsManyAtOnceAsThePolicySays) {
  EXPECT_EQ(start_all(kStart), 10u);
  EXPECT_EQ(throttle_.opens(policy_, For::kNew), Throttle::kNever);
  throttle_.succeeded(policy_);
  EXPECT_EQ(start_all(kStart), 1u);
}

TEST_F(ThrottleTest, HalvesWhenOverloadedAndGrowsWithSuccess) {
  ASSERT_EQ(start_all(kStart), 10u);
  fail(kStart, true);
  EXPECT_EQ(throttle_.bears(policy_), 5u);
  fail(kStart, true);
  fail(kStart, true);
  fail(kStart, true);
  fail(kStart, true);
  EXPECT_EQ(throttle_.bears(policy_), 1u);
  EXPECT_EQ(start_all(kStart), 0u) << "five are in flight";
  for (int i = 0; i < 5; ++i) {
    throttle_.succeeded(policy_);
  }
  EXPECT_GT(throttle_.bears(policy_), 1u);
  EXPECT_LT(throttle_.bears(policy_), 5u);
  for (int i = 0; i < 100; ++i) {
    throttle_.started(policy_, kStart);
    throttle_.succeeded(policy_);
  }
  EXPECT_EQ(throttle_.bears(policy_), policy_.concurrency);
}

TEST_F(ThrottleTest, AnOrdinaryFailureDoesNotSlowDown) {
  ASSERT_EQ(start_all(kStart), 10u);
  fail(kStart);
  EXPECT_EQ(throttle_.bears(policy_), 10u);
}

TEST_F(ThrottleTest, KeepsTheRate) {
  policy_.rate_per_second = 5;
  unsigned started = 0;
  for (MonotonicTime now = kStart; now < kStart + seconds(10); now += milliseconds(10)) {
    const unsigned together = start_all(now);
    started += together;
    for (unsigned i = 0; i < together; ++i) {
      throttle_.succeeded(policy_);
    }
  }
  EXPECT_GE(started, 50u);
  EXPECT_LE(started, 52u);
  EXPECT_LE(start_all(kStart + seconds(1000)), 2u) << "a quiet time saves up no burst";
}

TEST_F(ThrottleTest, WaitsForAsLongAsItWasAsked) {
  throttle_.started(policy_, kStart);
  fail(kStart, false, seconds(30));
  EXPECT_EQ(throttle_.opens(policy_, For::kNew), kStart + seconds(30));
  EXPECT_EQ(throttle_.opens(policy_, For::kRetry), kStart + seconds(30));
}

TEST_F(ThrottleTest, OpensTheBreakerAfterManyFailuresOverAWhile) {
  ASSERT_EQ(start_all(kStart), 10u);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 10; ++i) {
      fail(kStart);
      throttle_.started(policy_, kStart);
    }
  }
  EXPECT_FALSE(throttle_.breaker_open()) << "all of them in one instant";
  fail(kStart + Throttle::kFailingMax);
  EXPECT_TRUE(throttle_.breaker_open());
}

TEST_F(ThrottleTest, ASuccessBetweenKeepsTheBreakerClosed) {
  MonotonicTime now = kStart;
  for (int i = 0; i < 100; ++i, now += seconds(5)) {
    throttle_.started(policy_, now);
    fail(now);
    if (i % 15 == 0) {
      throttle_.started(policy_, now);
      throttle_.succeeded(policy_);
    }
    ASSERT_FALSE(throttle_.breaker_open());
  }
}

TEST_F(ThrottleTest, ProbesWithGrowingDistanceWhileTheBreakerIsOpen) {
  MonotonicTime now = open_breaker();
  EXPECT_EQ(start_all(now, For::kRetry), 1u) << "a retry that is due is a probe, one at a time";
  fail(now);
  Duration longest{};
  for (int i = 0; i < 12; ++i) {
    const MonotonicTime next = throttle_.opens(policy_, For::kNew);
    ASSERT_GT(next, now);
    ASSERT_LE(next - now, Throttle::kProbeMost);
    longest = std::max(longest, next - now);
    now = next;
    throttle_.started(policy_, now);
    EXPECT_EQ(throttle_.opens(policy_, For::kNew), Throttle::kNever);
    fail(now);
  }
  EXPECT_GE(longest, Throttle::kProbeMost / 2);
}

TEST_F(ThrottleTest, ClosesTheBreakerWithTheFirstSuccessAndRampsUp) {
  const MonotonicTime now = open_breaker();
  throttle_.started(policy_, now);
  throttle_.succeeded(policy_);
  EXPECT_FALSE(throttle_.breaker_open());
  EXPECT_EQ(throttle_.failures_in_row(), 0u);
  EXPECT_LE(start_all(now), 2u) << "not all that has gathered at once";
}

}  // namespace
}  // namespace bitvault::delivery
