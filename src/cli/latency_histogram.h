// How often each latency was seen, in fixed memory: counts for buckets from 1 us to 12 days, each
// at most 1.6 % wide, so that a quantile is at most that much too high, and never too low.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace bitvault::cli {

class LatencyHistogram {
 public:
  // What is negative counts as nothing, what is longer than the buckets as their longest.
  void record(Duration latency);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] Duration max() const { return max_; }
  [[nodiscard]] Duration mean() const;
  // What `per_mille` of the latencies did not exceed; nothing when there are none.
  [[nodiscard]] Duration quantile(unsigned per_mille) const;

 private:
  static constexpr unsigned kExactBits = 7;  // below 2^7 us each microsecond has its own
  static constexpr unsigned kMostBits = 40;
  static constexpr std::size_t kHalf = std::size_t{1} << (kExactBits - 1);
  static constexpr std::size_t kBuckets = kHalf * (kMostBits - kExactBits + 2);

  [[nodiscard]] static std::size_t bucket_of(std::uint64_t microseconds);
  // The longest latency that the bucket counts.
  [[nodiscard]] static std::uint64_t end_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  Duration sum_{};
  Duration max_{};
};

}  // namespace bitvault::cli
