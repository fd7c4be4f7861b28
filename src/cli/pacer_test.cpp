#include "cli/pacer.h"

#include <gtest/gtest.h>

namespace bitvault::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonotonicTime kStart{seconds(1'000)};

// How many are due at `now`.
int take_all(Pacer& pacer, MonotonicTime now) {
  int taken = 0;
  while (pacer.take(now)) {
    ++taken;
  }
  return taken;
}

TEST(Pacer, WithARateEachHasItsTime) {
  Pacer pacer(kStart, seconds(1), 4);
  EXPECT_EQ(pacer.take(kStart), kStart);
  EXPECT_EQ(pacer.take(kStart), std::nullopt);
  EXPECT_EQ(pacer.until_next(kStart), milliseconds(250));
  EXPECT_EQ(pacer.take(kStart + milliseconds(249)), std::nullopt);
  EXPECT_EQ(pacer.take(kStart + milliseconds(250)), kStart + milliseconds(250));
}

TEST(Pacer, AStallDoesNotMoveTheTimesOfThoseBehindIt) {
  Pacer pacer(kStart, seconds(2), 10);
  EXPECT_EQ(pacer.take(kStart), kStart);
  const MonotonicTime late = kStart + milliseconds(350);  // nobody could send until then
  EXPECT_EQ(pacer.until_next(late), Duration::zero());
  EXPECT_EQ(pacer.overdue(late), 3u);
  EXPECT_EQ(pacer.take(late), kStart + milliseconds(100));
  EXPECT_EQ(pacer.take(late), kStart + milliseconds(200));
  EXPECT_EQ(pacer.take(late), kStart + milliseconds(300));
  EXPECT_EQ(pacer.take(late), std::nullopt);
  EXPECT_EQ(pacer.overdue(late), 0u);
}

TEST(Pacer, ARateThatDividesBadlyDoesNotDrift) {
  for (const std::uint64_t rate : {1U, 3U, 7U, 999U, 1'000'000U, 1'700'000U}) {
    Pacer pacer(kStart, seconds(3), rate);
    std::uint64_t taken = 0;
    for (MonotonicTime now = kStart; now < kStart + seconds(3); now += milliseconds(13)) {
      taken += static_cast<std::uint64_t>(take_all(pacer, now));
    }
    taken += static_cast<std::uint64_t>(take_all(pacer, pacer.end() - Duration(1)));
    EXPECT_EQ(taken, 3 * rate);
    EXPECT_EQ(pacer.until_next(kStart + seconds(2)), std::nullopt);
    EXPECT_EQ(pacer.overdue(kStart + seconds(9)), 0u);
  }
}

TEST(Pacer, NothingIsTakenAfterTheEndAndItIsTold) {
  Pacer pacer(kStart, seconds(1), 10);
  EXPECT_EQ(take_all(pacer, kStart + milliseconds(449)), 5);
  EXPECT_EQ(pacer.take(pacer.end()), std::nullopt);
  EXPECT_EQ(pacer.overdue(pacer.end()), 5u);
  EXPECT_EQ(pacer.overdue(pacer.end() + seconds(5)), 5u);
  EXPECT_EQ(pacer.overdue(kStart + milliseconds(500)), 0u) << "an early end leaves fewer";
  EXPECT_EQ(pacer.overdue(kStart - seconds(1)), 0u);
}

TEST(Pacer, WithoutARateOneIsAlwaysDue) {
  Pacer pacer(kStart, seconds(1), 0);
  const MonotonicTime now = kStart + milliseconds(700);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(pacer.until_next(now), Duration::zero());
    EXPECT_EQ(pacer.take(now), now) << "latency counts from when it is sent";
  }
  EXPECT_EQ(pacer.overdue(pacer.end()), 0u);
  EXPECT_EQ(pacer.take(pacer.end()), std::nullopt);
  EXPECT_EQ(pacer.until_next(pacer.end()), std::nullopt);
}

}  // namespace
}  // namespace bitvault::cli
