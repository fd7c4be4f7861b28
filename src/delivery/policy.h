// How a subscription wants its deliveries made: a value, checked once.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace bitvault::delivery {

// kPartitionKey: of the events with one partition key, each waits until the one before it was
// delivered or is a dead letter. kNone: nothing waits for anything.
enum class Ordering : std::uint8_t { kNone, kPartitionKey };

inline constexpr std::size_t kScheduleAttemptsMax = 20;
inline constexpr std::chrono::seconds kScheduleDelayMax = std::chrono::days(7);
inline constexpr unsigned kConcurrencyMax = 100;
inline constexpr unsigned kRatePerSecondMax = 10'000;
inline constexpr std::chrono::seconds kTimeoutMax{60};

struct Policy {
  Ordering ordering = Ordering::kNone;
  unsigned concurrency = 10;                     // attempts at once, 1 .. kConcurrencyMax
  std::optional<unsigned> rate_per_second = {};  // attempts, 1 .. kRatePerSecondMax
  std::chrono::seconds timeout{20};              // of one attempt, 1 s .. kTimeoutMax
  // The delay before each attempt, the first included: as many as there are attempts, 1 ..
  // kScheduleAttemptsMax, each 0 .. kScheduleDelayMax. Jitter is +-20 %.
  std::vector<std::chrono::seconds> schedule = {
      std::chrono::seconds(0),    std::chrono::seconds(5),    std::chrono::seconds(60),
      std::chrono::seconds(300),  std::chrono::seconds(1800), std::chrono::seconds(7200),
      std::chrono::seconds(86400)};

  bool operator==(const Policy&) const = default;
};

// Error: kInvalid with one violation for each member that is out of bounds, under the name that it
// has in the API ("retry_schedule_seconds").
[[nodiscard]] Status validate(const Policy& policy);

}  // namespace bitvault::delivery
