#include "base/token_bucket.h"

#include <gtest/gtest.h>

#include <vector>

namespace bitvault {
namespace {

using namespace std::chrono_literals;

struct Step {
  Duration at;
  std::uint64_t count;
  Duration wait;  // 0: it was let in
};

void play(std::uint64_t per_second, const std::vector<Step>& steps) {
  TokenBucket bucket;
  for (const Step& step : steps) {
    EXPECT_EQ(bucket.take(step.count, per_second, MonotonicTime(1h + step.at)), step.wait)
        << step.count << " at " << step.at;
  }
}

TEST(TokenBucket, LetsABurstInAndThenItsRate) {
  play(2, {{0s, 19, 0s},
           {0s, 1, 0s},
           {0s, 1, 500ms},
           {499ms, 1, 1ms},
           {500ms, 1, 0s},
           {500ms, 1, 500ms},
           {2500ms, 4, 0s},
           {2500ms, 1, 500ms}});
}

TEST(TokenBucket, IsNeverMoreThanFull) { play(2, {{0s, 20, 0s}, {24h, 20, 0s}, {24h, 1, 500ms}}); }

TEST(TokenBucket, ARefusalTakesNothing) {
  play(1, {{0s, 5, 0s}, {0s, 6, 1s}, {0s, 6, 1s}, {0s, 5, 0s}});
}

TEST(TokenBucket, WhatIsLargerThanTheBucketIsPaidOffAfterwards) {
  play(1, {{0s, 100, 0s}, {0s, 1, 91s}, {0s, 1000, 100s}, {91s, 1, 0s}, {91s, 1, 1s}});
}

TEST(TokenBucket, NothingIsFreeOnlyOfAFastOne) {
  play(1, {{0s, 0, 0s}, {0s, 10, 0s}, {0s, 0, 0s}, {0s, 1, 1s}});
  play(std::uint64_t{1} << 63, {{0s, 1'000'000, 0s}, {0s, 1'000'000, 0s}});
}

TEST(TokenBucket, HugeCountsEnd) { play(1, {{0s, ~std::uint64_t{0}, 0s}, {0s, 1, 24h - 9s}}); }

TEST(TokenBucket, FollowsAChangeOfItsRate) {
  TokenBucket bucket;
  const MonotonicTime now(1h);
  EXPECT_EQ(bucket.take(10, 1, now), 0s);
  EXPECT_EQ(bucket.take(1, 1, now), 1s);
  EXPECT_EQ(bucket.take(1, 100, now), 10ms);
}

TEST(TokenBucket, MayOweWhatWasUsedAlready) {
  TokenBucket bucket;
  const MonotonicTime now(1h);
  bucket.charge(25, 1, now);
  EXPECT_EQ(bucket.wait_for(0, 1, now), 15s);
  EXPECT_EQ(bucket.wait_for(1, 1, now), 16s);
  EXPECT_EQ(bucket.take(1, 1, now), 16s);
  bucket.charge(1, 1, now + 10s);
  EXPECT_EQ(bucket.wait_for(0, 1, now + 10s), 6s);
  EXPECT_EQ(bucket.wait_for(0, 1, now + 16s), 0s);
  EXPECT_EQ(bucket.take(1, 1, now + 17s), 0s);
}

TEST(TokenBucket, SaysWhenItIsFull) {
  TokenBucket bucket;
  const MonotonicTime now(1h);
  EXPECT_TRUE(bucket.is_full(now));
  EXPECT_EQ(bucket.take(3, 1, now), 0s);
  EXPECT_FALSE(bucket.is_full(now + 2999ms));
  EXPECT_TRUE(bucket.is_full(now + 3s));
}

}  // namespace
}  // namespace bitvault
