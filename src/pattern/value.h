// A leaf of an event or a pattern: a string, a number, true, false or null.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace bitvault::pattern {

// Holds every integer of 64 bits and every binary64 exactly, so numbers compare by value.
using Number = long double;
static_assert(std::numeric_limits<Number>::digits >= 64);

enum class Kind : std::uint8_t { kString, kNumber, kTrue, kFalse, kNull };

struct Value {
  Kind kind = Kind::kNull;
  std::string_view text = {};  // of a string, unescaped
  Number number = 0;
};

}  // namespace bitvault::pattern
