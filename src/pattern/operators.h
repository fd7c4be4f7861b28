// Compiles the array of wanted values of one field.
#pragma once

#include <cstddef>
#include <string_view>

#include "pattern/condition.h"
#include "pattern/json.h"
#include "pattern/pattern.h"

namespace bitvault::pattern {

// Whether a name is that of an operator, such as "prefix".
[[nodiscard]] bool is_operator(std::string_view name);

// Counts what one pattern spends of its limits, over all of its fields.
struct Spending {
  const PatternLimits& limits;
  std::size_t values = 0;
  std::size_t tests = 0;
};

// `array` is an array. Errors: kInvalid, without the path.
[[nodiscard]] Result<Condition> compile_condition(const Json& array, Spending& spending);

}  // namespace bitvault::pattern
