// A JSON document taken apart, for the compiler of patterns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "pattern/value.h"

namespace bitvault::pattern {

struct JsonMember;

struct Json {
  enum class Type : std::uint8_t { kNull, kTrue, kFalse, kNumber, kString, kArray, kObject };

  Type type = Type::kNull;
  std::string text;  // of a string; of a number that cannot be held, as it is written
  Number number = 0;
  bool exact = true;  // of a number: false when it had to be rounded
  std::vector<Json> elements;
  std::vector<JsonMember> members;  // in their order, doubles included

  // Errors: kInvalid.
  [[nodiscard]] static Result<Json> parse(std::string_view document);

  [[nodiscard]] bool is(Type wanted) const { return type == wanted; }
  // Compact; shortened to about `bytes_max`.
  [[nodiscard]] std::string render(std::size_t bytes_max) const;
};

struct JsonMember {
  std::string name;
  Json value;
};

// The shortest decimal that reads as the same number.
[[nodiscard]] std::string number_text(Number number);

// At most so many bytes of `text`, cut between code points, and "..." when something is missing.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t bytes_max);

}  // namespace bitvault::pattern
