// Text as the value of a CloudEvents attribute (CloudEvents 1.0.2, 3.1.1, String).
#pragma once

#include <string>
#include <string_view>

namespace bitvault {

// `utf8` with each character that an attribute must not hold in percent-encoding (its UTF-8 bytes,
// upper-case hexadecimal): the control characters U+0000-1F and U+7F-9F and the noncharacters.
// Nothing else is encoded, a percent sign neither.
[[nodiscard]] std::string attribute_text(std::string_view utf8);

}  // namespace bitvault
