// "Did you mean": the name that a producer probably had in mind.
#pragma once

#include <string_view>

#include "catalog/schema.h"

namespace bitvault {

// The field that `name`, which is none of the message's, most resembles: the same name in
// snake_case or other letters' case, or one with few differences. Empty when none is near.
[[nodiscard]] std::string_view nearest_field(const MessageSchema& message, std::string_view name);

}  // namespace bitvault
