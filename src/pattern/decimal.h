// Numbers as JSON writes them, where simdjson alone would refuse or round them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "pattern/value.h"

namespace bitvault::pattern {

// Hands out the numbers of a JSON document as they are written, in their order.
class WrittenNumbers {
 public:
  explicit WrittenNumbers(std::string_view json) : json_(json) {}

  // Empty when there are no more.
  [[nodiscard]] std::string_view next();
  // Of the number that next() gave last.
  [[nodiscard]] std::size_t end() const { return at_; }

 private:
  std::string_view json_;
  std::size_t at_ = 0;
};

// The same document, with integers of more than 64 bits, which simdjson refuses, written as
// decimals: 18446744073709551616e0.
[[nodiscard]] std::string with_long_integers_as_decimals(std::string_view json);

// The number that `written` is: an integer of 64 bits exactly, any other as the nearest binary64.
// Nothing when it is no number of JSON (RFC 8259, section 6) or too large for binary64.
[[nodiscard]] std::optional<Number> number_of(std::string_view written);

// Whether `written`, a JSON number, is the shortest decimal of `number` or one of the same value:
// 300, 3.0e2 and 0.1 are, 0.1000000000000000001 is not.
[[nodiscard]] bool reads_back(std::string_view written, double number);

}  // namespace bitvault::pattern
