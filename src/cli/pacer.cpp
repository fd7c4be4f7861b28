#include "cli/pacer.h"

#include <algorithm>

namespace bitvault::cli {
namespace {

constexpr std::uint64_t kMicrosecondsPerSecond = 1'000'000;

}  // namespace

MonotonicTime Pacer::due() const {
  return start_ +
         Duration(static_cast<Duration::rep>(taken_ * kMicrosecondsPerSecond / per_second_));
}

std::optional<MonotonicTime> Pacer::take(MonotonicTime now) {
  const MonotonicTime when = per_second_ == 0 ? now : due();
  if (when > now || now >= end_ || when >= end_) {
    return std::nullopt;
  }
  ++taken_;
  return when;
}

std::optional<Duration> Pacer::until_next(MonotonicTime now) const {
  const MonotonicTime when = per_second_ == 0 ? now : std::max(due(), now);
  return when < end_ ? std::optional(when - now) : std::nullopt;
}

std::uint64_t Pacer::overdue(MonotonicTime now) const {
  const Duration passed = std::min(now, end_) - start_;
  if (per_second_ == 0 || passed <= Duration::zero()) {
    return 0;
  }
  const std::uint64_t due =
      (static_cast<std::uint64_t>(passed.count()) * per_second_ + kMicrosecondsPerSecond - 1) /
      kMicrosecondsPerSecond;
  return due - std::min(due, taken_);
}

}  // namespace bitvault::cli
