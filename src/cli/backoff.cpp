#include "cli/backoff.h"

#include <algorithm>

namespace bitvault::cli {

Duration Backoff::next(Random& random, std::optional<Duration> retry_after) {
  constexpr unsigned kDoublings = 6;  // kFirst doubled so often exceeds kMost
  const Duration full = std::min(kMost, kFirst * (1U << std::min(attempts_, kDoublings)));
  ++attempts_;
  const auto half = static_cast<std::uint64_t>(full.count()) / 2;
  const Duration wait(static_cast<Duration::rep>(half + random.below(half + 1)));
  return retry_after ? std::max(wait, *retry_after) : wait;
}

}  // namespace bitvault::cli
