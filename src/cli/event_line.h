// One event as one line for a person: when, which number, what, of what, and what changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bitvault::cli {

// At most this many characters of what changed are shown.
inline constexpr std::size_t kSummaryWidthMax = 100;

// `event` is the event's bytes, valid JSON; what it lacks is left out. The line has no line break,
// and nothing in it drives a terminal.
[[nodiscard]] std::string render_event(std::string_view event, bool colours);

// What `data` (a JSON object) says of the change: `before` and `after` side by side when it has
// them, its plain values otherwise. What equals `subject` is not repeated.
[[nodiscard]] std::string summarize(std::string_view data, std::string_view subject);

// The event's sequence, nothing when it has none.
[[nodiscard]] std::optional<std::uint64_t> sequence_of(std::string_view event);

}  // namespace bitvault::cli
