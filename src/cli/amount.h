// Amounts as people type them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bitvault::cli {

// A positive whole number.
[[nodiscard]] std::optional<std::uint64_t> parse_amount(std::string_view text);

// Seconds: a positive whole number, alone or with s, m, h or d after it.
[[nodiscard]] std::optional<std::uint64_t> parse_age(std::string_view text);

}  // namespace bitvault::cli
