// How long to wait before the next attempt: doubling from kFirst to kMost, each wait drawn from its
// upper half so that many clients do not come back at once. A server's Retry-After is a lower
// bound.
#pragma once

#include <optional>

#include "base/time.h"
#include "world/world.h"

namespace bitvault::cli {

class Backoff {
 public:
  static constexpr Duration kFirst = std::chrono::milliseconds(250);
  static constexpr Duration kMost = std::chrono::seconds(15);

  [[nodiscard]] Duration next(Random& random, std::optional<Duration> retry_after);
  // After a success.
  void reset() { attempts_ = 0; }
  // Since the last success.
  [[nodiscard]] unsigned attempts() const { return attempts_; }

 private:
  unsigned attempts_ = 0;
};

}  // namespace bitvault::cli
