#include "cli/amount.h"

#include <limits>

#include "base/text.h"

namespace bitvault::cli {

std::optional<std::uint64_t> parse_amount(std::string_view text) {
  const auto value = parse_uint(text);
  return value && *value > 0 ? value : std::nullopt;
}

std::optional<std::uint64_t> parse_age(std::string_view text) {
  std::uint64_t unit = 1;
  if (!text.empty()) {
    const char last = text.back();
    unit = last == 'm' ? 60 : last == 'h' ? 3'600 : last == 'd' ? 86'400 : 1;
    if (unit > 1 || last == 's') {
      text.remove_suffix(1);
    }
  }
  const auto value = parse_amount(text);
  if (!value || *value > std::numeric_limits<std::uint64_t>::max() / unit) {
    return std::nullopt;
  }
  return *value * unit;
}

}  // namespace bitvault::cli
