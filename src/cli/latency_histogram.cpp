#include "cli/latency_histogram.h"

#include <algorithm>
#include <bit>

namespace bitvault::cli {

std::size_t LatencyHistogram::bucket_of(std::uint64_t microseconds) {
  const auto bits = static_cast<unsigned>(std::bit_width(microseconds));
  const unsigned shift = bits > kExactBits ? bits - kExactBits : 0;
  return kHalf * shift + static_cast<std::size_t>(microseconds >> shift);
}

std::uint64_t LatencyHistogram::end_of(std::size_t bucket) {
  const std::size_t shift = bucket < 2 * kHalf ? 0 : bucket / kHalf - 1;
  const std::uint64_t top = bucket - kHalf * shift;
  return ((top + 1) << shift) - 1;
}

void LatencyHistogram::record(Duration latency) {
  constexpr Duration kMost((Duration::rep{1} << kMostBits) - 1);
  latency = std::clamp(latency, Duration::zero(), kMost);
  ++counts_[bucket_of(static_cast<std::uint64_t>(latency.count()))];
  ++count_;
  sum_ += latency;
  max_ = std::max(max_, latency);
}

Duration LatencyHistogram::mean() const {
  return count_ == 0 ? Duration::zero() : sum_ / static_cast<Duration::rep>(count_);
}

Duration LatencyHistogram::quantile(unsigned per_mille) const {
  const std::uint64_t rank = std::max<std::uint64_t>(1, (count_ * per_mille + 999) / 1000);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank) {
      return std::min(max_, Duration(static_cast<Duration::rep>(end_of(bucket))));
    }
  }
  return max_;
}

}  // namespace bitvault::cli
