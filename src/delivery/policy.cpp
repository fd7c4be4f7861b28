#include "delivery/policy.h"

#include <fmt/format.h>

#include <algorithm>

namespace bitvault::delivery {

Status validate(const Policy& policy) {
  Error error{Code::kInvalid, "the delivery policy is out of bounds", {}};
  const auto wrong = [&](std::string path, std::string message) {
    error.violations.push_back({0, std::move(path), std::move(message)});
  };
  if (policy.concurrency < 1 || policy.concurrency > kConcurrencyMax) {
    wrong("concurrency", fmt::format("must be 1 to {}", kConcurrencyMax));
  }
  if (policy.rate_per_second &&
      (*policy.rate_per_second < 1 || *policy.rate_per_second > kRatePerSecondMax)) {
    wrong("rate_limit_per_second", fmt::format("must be 1 to {}", kRatePerSecondMax));
  }
  if (policy.timeout < std::chrono::seconds(1) || policy.timeout > kTimeoutMax) {
    wrong("timeout_seconds", fmt::format("must be 1 to {}", kTimeoutMax.count()));
  }
  const auto out_of_bounds = [](std::chrono::seconds delay) {
    return delay < std::chrono::seconds(0) || delay > kScheduleDelayMax;
  };
  if (policy.schedule.empty() || policy.schedule.size() > kScheduleAttemptsMax) {
    wrong("retry_schedule_seconds",
          fmt::format("must have 1 to {} entries, one for each attempt", kScheduleAttemptsMax));
  } else if (std::ranges::any_of(policy.schedule, out_of_bounds)) {
    wrong("retry_schedule_seconds",
          fmt::format("each delay must be 0 to {} seconds", kScheduleDelayMax.count()));
  }
  if (!error.violations.empty()) {
    return fail(std::move(error));
  }
  return {};
}

}  // namespace bitvault::delivery
