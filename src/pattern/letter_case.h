// Letters in one case: what equals-ignore-case compares.
#pragma once

#include <string>
#include <string_view>

namespace bitvault::pattern {

// `text`, which is valid UTF-8, with every letter replaced by its lower case if that letter's upper
// case leads back to it (Unicode 14, one code point to one). So É and é are the same, and ß and SS,
// Σ and ς, k and the Kelvin sign are not.
[[nodiscard]] std::string in_one_case(std::string_view text);

}  // namespace bitvault::pattern
