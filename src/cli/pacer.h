// When the requests of a load are due. No clock of its own.
//
// With a rate (an open loop) the n-th is due at start + n / rate, whatever became of those before
// it, and its latency counts from then: a server that stalls cannot hide the requests that it kept
// from being sent ("coordinated omission"). Without one (a closed loop) a request is due whenever
// somebody can send it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace bitvault::cli {

class Pacer {
 public:
  // `per_second` 0: no rate.
  Pacer(MonotonicTime start, Duration length, std::uint64_t per_second)
      : start_(start), end_(start + length), per_second_(per_second) {}

  // Takes the next request when it is due at `now`; gives when it was. None is due from the end on.
  [[nodiscard]] std::optional<MonotonicTime> take(MonotonicTime now);
  // How long after `now` the next one is due; nothing when there is none before the end.
  [[nodiscard]] std::optional<Duration> until_next(MonotonicTime now) const;
  // How many were due before `now` and before the end, and were not taken.
  [[nodiscard]] std::uint64_t overdue(MonotonicTime now) const;

  [[nodiscard]] MonotonicTime start() const { return start_; }
  [[nodiscard]] MonotonicTime end() const { return end_; }

 private:
  [[nodiscard]] MonotonicTime due() const;

  MonotonicTime start_;
  MonotonicTime end_;
  std::uint64_t per_second_;
  std::uint64_t taken_ = 0;
};

}  // namespace bitvault::cli
