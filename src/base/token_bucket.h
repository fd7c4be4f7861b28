// A TokenBucket bounds a rate: what comes in a burst is let in until the bucket is empty, and then
// as fast as it fills.
//
// A full bucket holds what its rate gives in kBurst. It has no clock of its own. One instant is all
// its state, and one that is full again is as good as a new one. Not thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "base/check.h"
#include "base/time.h"

namespace bitvault {

class TokenBucket {
 public:
  static constexpr Duration kBurst = std::chrono::seconds(10);

  // Takes `count` tokens of a bucket that gets `per_second` of them, at least 1, and returns 0; or
  // takes none and says after which time it would.
  [[nodiscard]] Duration take(std::uint64_t count, std::uint64_t per_second, MonotonicTime now) {
    const Duration wait = wait_for(count, per_second, now);
    if (wait == Duration::zero()) {
      charge(count, per_second, now);
    }
    return wait;
  }

  // When so many could be taken: 0 is now. More than a full bucket holds is let in when it is full,
  // and paid off afterwards.
  [[nodiscard]] Duration wait_for(std::uint64_t count, std::uint64_t per_second,
                                  MonotonicTime now) const {
    const Nanoseconds burst = kBurst;
    const Nanoseconds at = now.time_since_epoch();
    const Nanoseconds price = price_of(count, per_second);
    const Nanoseconds wait = std::max(full_at_, at) + std::min(price, burst) - (at + burst);
    return std::max(std::chrono::ceil<Duration>(wait), Duration::zero());
  }

  // Takes what was used already, and may then owe tokens.
  void charge(std::uint64_t count, std::uint64_t per_second, MonotonicTime now) {
    full_at_ =
        std::max(full_at_, Nanoseconds(now.time_since_epoch())) + price_of(count, per_second);
  }

  [[nodiscard]] bool is_full(MonotonicTime now) const { return full_at_ <= now.time_since_epoch(); }

 private:
  using Nanoseconds = std::chrono::nanoseconds;

  // How long the bucket needs for so many; at most a day, which nothing within our limits costs.
  static Nanoseconds price_of(std::uint64_t count, std::uint64_t per_second) {
    check(per_second > 0, "a bucket has a rate");
    constexpr std::uint64_t kSecond = 1'000'000'000;
    constexpr std::uint64_t kDay = 86'400 * kSecond;
    if (count > std::numeric_limits<std::uint64_t>::max() / kSecond) {
      return Nanoseconds(kDay);
    }
    return Nanoseconds(std::min(count * kSecond / per_second, kDay));
  }

  Nanoseconds full_at_ = Nanoseconds::min();
};

}  // namespace bitvault
