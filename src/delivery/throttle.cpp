#include "delivery/throttle.h"

#include <algorithm>

namespace bitvault::delivery {
namespace {

// How far a start may lie behind its even distance and still be made up for.
constexpr Duration kRateSlack = std::chrono::milliseconds(100);

}  // namespace

unsigned Throttle::bears(const Policy& policy) const {
  return open_ ? 1 : std::clamp(static_cast<unsigned>(window_), 1u, policy.concurrency);
}

MonotonicTime Throttle::opens(const Policy& policy, For what) const {
  if (in_flight_ >= bears(policy)) {
    return kNever;
  }
  MonotonicTime opens = paused_until_;
  if (policy.rate_per_second) {
    opens = std::max(opens, next_by_rate_);
  }
  if (open_ && what == For::kNew) {
    opens = std::max(opens, next_probe_);
  }
  return opens;
}

void Throttle::started(const Policy& policy, MonotonicTime now) {
  ++in_flight_;
  if (policy.rate_per_second) {
    const Duration distance = Duration(std::chrono::seconds(1)) / *policy.rate_per_second;
    next_by_rate_ = std::max(next_by_rate_, now - kRateSlack) + distance;
  }
}

void Throttle::succeeded(const Policy& policy) {
  --in_flight_;
  failures_ = 0;
  if (open_) {
    open_ = false;
    window_ = 1;
    probe_distance_ = kProbeLeast;
  }
  window_ = std::min(window_ + 1 / window_, static_cast<double>(policy.concurrency));
}

void Throttle::failed(MonotonicTime now, bool slow_down, std::optional<Duration> pause,
                      Random& random) {
  --in_flight_;
  if (++failures_ == 1) {
    first_failure_ = now;
  }
  if (slow_down) {
    window_ = std::max(window_ / 2, 1.0);
  }
  if (pause) {
    paused_until_ = std::max(paused_until_, now + *pause);
  }
  if (open_ || (failures_ >= kFailuresMax && now - first_failure_ >= kFailingMax)) {
    open_ = true;
    const auto half = static_cast<std::uint64_t>(probe_distance_.count() / 2);
    next_probe_ = now + Duration(half + random.below(half + 1));
    probe_distance_ = std::min(2 * probe_distance_, Duration(kProbeMost));
  }
}

void Throttle::forgive(const Policy& policy) {
  const unsigned in_flight = in_flight_;
  *this = Throttle(policy);
  in_flight_ = in_flight;
  window_ = 1;
}

}  // namespace bitvault::delivery
