// What the attributes of an event may hold, the same for whoever gives one: a producer (event/) or
// the catalog, which derives it from the data.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace bitvault {

inline constexpr std::size_t kSubjectBytesMax = 4'096;
inline constexpr std::size_t kSourceBytesMax = 512;
inline constexpr std::size_t kPartitionKeyBytesMax = 256;

// 1 to `bytes_max` printable ASCII characters without space, quote and percent: attributes travel
// as headers, too, and receivers do not decode them (API.md, Event).
[[nodiscard]] constexpr bool is_attribute_token(std::string_view text, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != '%';
  });
}

}  // namespace bitvault
