// A TextRule is a regular expression that can be matched in one pass without going back, so that no
// text can make it slow. It is the part of ECMA-262 (and so of JSON Schema) described at `pattern`
// in proto/bitvault/options.proto.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace bitvault {

class TextRule {
 public:
  // Error: kInvalid for what is outside of that part, or needs a matcher that goes back.
  [[nodiscard]] static Result<TextRule> compile(std::string_view pattern);

  // `text` must be valid UTF-8.
  [[nodiscard]] bool matches(std::string_view text) const;
  [[nodiscard]] const std::string& pattern() const { return pattern_; }

 private:
  friend class TextRuleCompiler;

  // `min` to `max` bytes out of `bytes`.
  struct Step {
    std::bitset<256> bytes;
    std::uint32_t min = 1;
    std::uint32_t max = 1;
  };

  TextRule() = default;

  std::string pattern_;
  std::vector<Step> steps_;
  bool to_the_end_ = false;
};

}  // namespace bitvault
