#include "cli/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace bitvault::cli {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(LatencyHistogram, IsEmptyAtFirst) {
  const LatencyHistogram none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.quantile(500), Duration::zero());
  EXPECT_EQ(none.max(), Duration::zero());
  EXPECT_EQ(none.mean(), Duration::zero());
}

TEST(LatencyHistogram, GivesWhatSoManyDidNotExceed) {
  LatencyHistogram hundred;
  for (int i = 1; i <= 100; ++i) {
    hundred.record(Duration(i));
  }
  EXPECT_EQ(hundred.count(), 100u);
  EXPECT_EQ(hundred.quantile(0), Duration(1));
  EXPECT_EQ(hundred.quantile(10), Duration(1));
  EXPECT_EQ(hundred.quantile(11), Duration(2));
  EXPECT_EQ(hundred.quantile(500), Duration(50));
  EXPECT_EQ(hundred.quantile(990), Duration(99));
  EXPECT_EQ(hundred.quantile(999), Duration(100));
  EXPECT_EQ(hundred.quantile(1000), Duration(100));
  EXPECT_EQ(hundred.mean(), Duration(50));
}

TEST(LatencyHistogram, OneStrayIsTheMaximumAndNoMore) {
  LatencyHistogram many;
  for (int i = 0; i < 9'999; ++i) {
    many.record(milliseconds(1));
  }
  many.record(milliseconds(2'345));
  EXPECT_LE(many.quantile(999), milliseconds(1) + Duration(16));
  EXPECT_EQ(many.quantile(1000), milliseconds(2'345));
  EXPECT_EQ(many.max(), milliseconds(2'345));
}

TEST(LatencyHistogram, IsNeverTooLowAndAtMostOnePointSixPercentTooHigh) {
  for (std::int64_t at = 1; at < (std::int64_t{1} << 39); at += 1 + at / 97) {
    LatencyHistogram two;
    two.record(Duration(at));
    two.record(Duration(at * 2));  // so that the maximum does not hide the bucket's end
    EXPECT_GE(two.quantile(500).count(), at);
    EXPECT_LE(static_cast<double>(two.quantile(500).count()), static_cast<double>(at) * 1.016)
        << at;
  }
}

TEST(LatencyHistogram, AgreesWithASortedList) {
  LatencyHistogram histogram;
  std::vector<std::int64_t> all;
  std::uint64_t state = 7;
  for (int i = 0; i < 5'000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const auto latency = static_cast<std::int64_t>((state >> 33) % (1U << (i % 24)));
    all.push_back(latency);
    histogram.record(Duration(latency));
  }
  std::ranges::sort(all);
  for (const unsigned per_mille : {1U, 250U, 500U, 900U, 990U, 999U}) {
    const std::int64_t exact = all[(all.size() * per_mille + 999) / 1000 - 1];
    const std::int64_t told = histogram.quantile(per_mille).count();
    EXPECT_GE(told, exact);
    EXPECT_LE(told, exact + exact / 64 + 1) << per_mille;
  }
}

TEST(LatencyHistogram, TakesWhatIsOutOfItsRange) {
  LatencyHistogram two;
  two.record(Duration(-5));
  two.record(hours(24 * 365));
  EXPECT_EQ(two.quantile(500), Duration::zero());
  EXPECT_GT(two.max(), hours(24 * 12));
}

}  // namespace
}  // namespace bitvault::cli
