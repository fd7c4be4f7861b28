// A pattern: what compiles, and what it does with events that were made of its own words.

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "fuzz.h"
#include "pattern/pattern.h"
#include "pattern/pattern_set.h"

namespace bitvault::fuzz {
namespace {

void check_event(const Pattern& pattern, std::string_view event) {
  Matcher matcher;
  const auto matched = matcher.matches(pattern, event);
  if (!matched) {
    check(matched.error().code == Code::kMalformed || matched.error().code == Code::kTooLarge,
          "an event is read or refused");
    return;
  }
  const auto explanation = matcher.explain(pattern, event);
  if (!explanation) {
    check(explanation.error().code == Code::kMalformed, "what was stepped over may be invalid");
    return;
  }
  check(explanation->matched == *matched, "what is explained is what is matched");
  check((explanation->unmet.empty() && explanation->alternatives.empty()) == *matched,
        "only what does not match has unmet conditions");
  PatternSet set;
  set.add(1, pattern);
  const auto ids = set.match(matcher, event);
  check(ids && ids->size() == (*matched ? 1U : 0U), "a set says what its pattern says");
}

// Whether `text` is among what is necessary.
bool is_among(std::string_view text, const std::vector<std::string>& equal,
              const std::vector<std::string>& prefixes) {
  return (equal.empty() && prefixes.empty()) || std::ranges::find(equal, text) != equal.end() ||
         std::ranges::any_of(prefixes, [&](const std::string& p) { return text.starts_with(p); });
}

void check_necessary(const Pattern& pattern, std::string_view type, std::string_view key) {
  const NecessaryValues values = pattern.necessary();
  Matcher matcher;
  const auto matched = matcher.matches(pattern, fmt::format(R"({{"type":{},"partitionkey":{}}})",
                                                            json_string(type), json_string(key)));
  check(!matched.value() || (is_among(type, values.types, values.type_prefixes) &&
                             is_among(key, values.partitionkeys, {})),
        "what matches has what is necessary");
}

void run(std::string_view input) {
  const auto pattern = Pattern::compile(input);
  if (!pattern) {
    check(pattern.error().code == Code::kInvalid || pattern.error().code == Code::kTooLarge,
          "a pattern is invalid or too large");
    check(is_valid_utf8(pattern.error().detail) && pattern.error().detail.size() < 1'000 &&
              pattern.error().detail.find(": ") != std::string::npos,
          "an error names its place in one short text");
    return;
  }
  const NecessaryValues values = pattern->necessary();
  check_necessary(*pattern, "no.such.type", "nobody");
  for (const std::string& type : values.types) {
    check_necessary(*pattern, type, "nobody");
    for (const std::string& key : values.partitionkeys) {
      check_necessary(*pattern, type, key);
      break;
    }
  }
  check_event(*pattern, input);
  check_event(*pattern, "{}");
  check_event(*pattern, fmt::format(R"({{"type":{0},"a":[{0},{{"b":{0}}},1,null]}})",
                                    json_string(input.substr(0, 100))));
  const auto again =
      Pattern::compile(fmt::format(R"({{"$or":[{},{{"no.such.field":[1]}}]}})", input),
                       {.bytes = 100'000, .depth = 100, .fields_of_combinations = 9'000});
  check(again || again.error().code == Code::kInvalid, "a pattern is an alternative of another");
}

const Registered kPattern({"pattern", run});

}  // namespace
}  // namespace bitvault::fuzz
