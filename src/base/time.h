// Times. Wall time is for records, in whole microseconds since 1970 UTC; monotonic time is for
// intervals. Their text form is RFC 3339 in UTC with exactly six fraction digits and `Z`
// ("2026-11-23T04:22:02.123456Z", 27 bytes), for years 0000 to 9999.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"

namespace bitvault {

using Duration = std::chrono::microseconds;
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;

inline constexpr std::size_t kTimeTextBytes = 27;

// `time` must lie in the years 0000 to 9999.
[[nodiscard]] std::string format_time(WallTime time);

// Any RFC 3339 date-time, with any offset and number of fraction digits (those past the sixth are
// cut off). A leap second (":60") becomes the following second. Error: kInvalid.
[[nodiscard]] Result<WallTime> parse_time(std::string_view text);

}  // namespace bitvault
