#include "catalog/text_rule.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <optional>

namespace bitvault {
namespace {

constexpr std::uint32_t kUnlimited = std::numeric_limits<std::uint32_t>::max();
// Characters that stand for themselves only behind a backslash, in a class and outside of one, and
// all that may have a backslash.
constexpr std::string_view kSyntax = "^$\\.*+?()[]{}|";
constexpr std::string_view kClassSyntax = "\\[]";
constexpr std::string_view kEscapable = "^$\\.*+?()[]{}|/";
constexpr std::string_view kClassEscapable = "^$\\.*+?()[]{}|/-";

bool is_printable_ascii(char c) { return c >= ' ' && c <= '~'; }

std::size_t index(char c) { return static_cast<unsigned char>(c); }

}  // namespace

// Reads a pattern from its front to its end.
class TextRuleCompiler {
 public:
  explicit TextRuleCompiler(std::string_view pattern) : rest_(pattern) { rule_.pattern_ = pattern; }

  std::optional<TextRule> run() {
    if (!take('^')) {
      return std::nullopt;
    }
    while (!rest_.empty()) {
      if (rest_ == "$") {
        rule_.to_the_end_ = true;
        break;
      }
      if (!read_step()) {
        return std::nullopt;
      }
    }
    if (!needs_no_way_back()) {
      return std::nullopt;
    }
    return std::move(rule_);
  }

 private:
  bool take(char c) {
    if (!rest_.starts_with(c)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  bool read_step() {
    TextRule::Step step;
    if (take('[')) {
      if (!read_class(step.bytes)) {
        return false;
      }
    } else {
      const auto c = read_character(kSyntax, kEscapable);
      if (!c) {
        return false;
      }
      step.bytes.set(index(*c));
    }
    if (!read_quantifier(step)) {
      return false;
    }
    // A character past ASCII is several bytes, so such characters can be taken but not counted.
    const bool uncounted = step.min <= 1 && step.max == kUnlimited;
    if (step.bytes[0x80] && !uncounted) {
      return false;
    }
    rule_.steps_.push_back(step);
    return true;
  }

  // One character; those of `escaped` stand behind a backslash, and only those of `escapable` may.
  std::optional<char> read_character(std::string_view escaped, std::string_view escapable) {
    const bool escape = take('\\');
    if (rest_.empty() || !is_printable_ascii(rest_.front())) {
      return std::nullopt;
    }
    const char c = rest_.front();
    if (escape ? !escapable.contains(c) : escaped.contains(c)) {
      return std::nullopt;
    }
    rest_.remove_prefix(1);
    return c;
  }

  bool read_class(std::bitset<256>& bytes) {
    const bool negated = take('^');
    while (!take(']')) {
      const auto first = read_character(kClassSyntax, kClassEscapable);
      if (!first) {
        return false;
      }
      auto last = first;
      if (rest_.size() >= 2 && rest_[0] == '-' && rest_[1] != ']') {
        rest_.remove_prefix(1);
        last = read_character(kClassSyntax, kClassEscapable);
      }
      if (!last || *last < *first) {
        return false;
      }
      for (char c = *first; c <= *last; ++c) {
        bytes.set(index(c));
      }
    }
    if (negated) {
      bytes.flip();
    }
    return bytes.any();
  }

  bool read_quantifier(TextRule::Step& step) {
    if (take('?')) {
      step.min = 0;
    } else if (take('*')) {
      step.min = 0;
      step.max = kUnlimited;
    } else if (take('+')) {
      step.max = kUnlimited;
    } else if (take('{')) {
      const auto min = read_number();
      const auto max = take(',') ? read_number() : min;
      if (!min || !max || *max < *min || *max == 0 || !take('}')) {
        return false;
      }
      step.min = *min;
      step.max = *max;
    }
    return true;
  }

  std::optional<std::uint32_t> read_number() {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{} || value > 65'535) {
      return std::nullopt;
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  // Whether it is always right for a step to take as much as it can: what may follow a step of
  // varying length cannot begin with a byte that the step would have taken.
  bool needs_no_way_back() const {
    const auto& steps = rule_.steps_;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].min == steps[i].max) {
        continue;
      }
      for (std::size_t next = i + 1; next < steps.size(); ++next) {
        if ((steps[i].bytes & steps[next].bytes).any()) {
          return false;
        }
        if (steps[next].min > 0) {
          break;
        }
      }
    }
    return true;
  }

  std::string_view rest_;
  TextRule rule_;
};

Result<TextRule> TextRule::compile(std::string_view pattern) {
  auto rule = TextRuleCompiler(pattern).run();
  if (!rule) {
    return fail(
        Code::kInvalid,
        fmt::format("the pattern {} is not one that can be matched without going back", pattern));
  }
  return *std::move(rule);
}

bool TextRule::matches(std::string_view text) const {
  std::size_t at = 0;
  for (const Step& step : steps_) {
    std::uint32_t taken = 0;
    while (taken < step.max && at < text.size() && step.bytes[index(text[at])]) {
      ++taken;
      ++at;
    }
    if (taken < step.min) {
      return false;
    }
  }
  return !to_the_end_ || at == text.size();
}

}  // namespace bitvault
