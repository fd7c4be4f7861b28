// What a pattern wants of one field: any of some values or tests. A Condition is compiled, it only
// judges.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pattern/value.h"

namespace bitvault::pattern {

// "a*b*c": the texts between the stars. Time is linear in the text.
struct Wildcard {
  std::vector<std::string> pieces;  // one more than stars, at least two

  [[nodiscard]] bool meets(std::string_view text) const;
};

struct NumberRange {
  Number low = -std::numeric_limits<Number>::infinity();
  Number high = std::numeric_limits<Number>::infinity();
  bool with_low = true;
  bool with_high = true;

  [[nodiscard]] bool meets(Number number) const {
    return (with_low ? number >= low : number > low) &&
           (with_high ? number <= high : number < high);
  }
};

struct IpAddress {
  std::array<unsigned char, 16> bytes = {};
  std::size_t size = 0;  // 4 or 16

  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
};

struct IpRange {
  IpAddress address;
  std::size_t bits = 0;

  [[nodiscard]] bool meets(const IpAddress& ip) const;
};

// Texts, and what a text may begin or end with.
struct TextTests {
  std::vector<std::string> equal;  // sorted
  std::vector<std::string> prefixes;
  std::vector<std::string> suffixes;

  [[nodiscard]] bool empty() const { return equal.empty() && prefixes.empty() && suffixes.empty(); }
  [[nodiscard]] bool meets(std::string_view text) const;
};

struct Tests {
  TextTests text;
  TextTests text_in_one_case;   // asked of in_one_case(text)
  std::vector<Number> numbers;  // sorted
  bool true_ = false;
  bool false_ = false;
  bool null_ = false;
  std::vector<Wildcard> wildcards;
  std::vector<NumberRange> ranges;
  std::vector<IpRange> networks;

  void sort();
  [[nodiscard]] bool meets(const Value& value) const;

 private:
  [[nodiscard]] bool meets(std::string_view string) const;
  [[nodiscard]] bool meets(Number number) const;
};

struct Condition {
  Tests any_of;
  std::vector<Tests> none_of;  // each: a value that meets none of them ("anything-but")
  bool exists = false;         // any value will do
  bool absent = false;         // no value will do, too

  [[nodiscard]] bool meets(const Value& value) const;
};

}  // namespace bitvault::pattern
