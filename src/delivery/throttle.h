// A Throttle says how many attempts an endpoint bears: pure, with the time given.
//
// - At most `concurrency` at once. An endpoint that is overloaded (429, time-outs) bears half of
//   that, and half again; each success brings a little of it back, so an endpoint that recovers is
//   not run over by what has gathered.
// - At most `rate_per_second`, evenly.
// - After a Retry-After nothing until then.
// - The breaker opens when kFailuresMax attempts in a row have failed over kFailingMax or longer.
//   Then retries that are due go one at a time, and of new events one now and then, with growing
//   distance: each is a probe. The first success closes it.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "delivery/policy.h"
#include "world/world.h"

namespace bitvault::delivery {

class Throttle {
 public:
  static constexpr unsigned kFailuresMax = 20;
  static constexpr Duration kFailingMax = std::chrono::seconds(30);
  static constexpr Duration kProbeLeast = std::chrono::seconds(1);
  static constexpr Duration kProbeMost = std::chrono::seconds(60);

  // What an attempt is for: an event's first one, or a retry that is due.
  enum class For : std::uint8_t { kNew, kRetry };

  explicit Throttle(const Policy& policy) : window_(policy.concurrency) {}

  // When one more attempt may start: now or before is at once, kNever until one has ended.
  static constexpr MonotonicTime kNever = MonotonicTime::max();
  [[nodiscard]] MonotonicTime opens(const Policy& policy, For what) const;

  void started(const Policy& policy, MonotonicTime now);

  void succeeded(const Policy& policy);
  // `pause`: what a Retry-After said.
  void failed(MonotonicTime now, bool slow_down, std::optional<Duration> pause, Random& random);
  // Somebody has mended the endpoint: the breaker closes, nothing waits any more.
  void forgive(const Policy& policy);
  // It ended, and nothing is known of the endpoint by that.
  void abandoned() { --in_flight_; }

  [[nodiscard]] unsigned in_flight() const { return in_flight_; }
  [[nodiscard]] bool breaker_open() const { return open_; }
  [[nodiscard]] unsigned failures_in_row() const { return failures_; }
  // How many attempts it bears now.
  [[nodiscard]] unsigned bears(const Policy& policy) const;

 private:
  double window_;
  unsigned in_flight_ = 0;
  unsigned failures_ = 0;          // in a row
  MonotonicTime first_failure_{};  // of these
  bool open_ = false;              // the breaker
  MonotonicTime next_probe_{};     // with a new event, while it is open
  Duration probe_distance_{kProbeLeast};
  MonotonicTime paused_until_ = MonotonicTime::min();
  MonotonicTime next_by_rate_ = MonotonicTime::min();
};

}  // namespace bitvault::delivery
