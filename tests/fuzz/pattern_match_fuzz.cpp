// Patterns, a line each, and the event after the last line: the compiled patterns, a set of them
// and the slow reference matcher agree.

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cctype>
#include <optional>
#include <string>
#include <vector>

#include "fuzz.h"
#include "pattern/json.h"
#include "pattern/pattern_set.h"
#include "pattern/reference.h"

namespace bitvault::fuzz {
namespace {

namespace json = boost::json;

constexpr std::size_t kPatternsMax = 8;
constexpr std::size_t kBytesMax = 2'000;  // the reference tries everything

// Boost.JSON rounds long decimals otherwise than the standard says.
bool has_plain_numbers(std::string_view text) {
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = std::isdigit(static_cast<unsigned char>(text[i])) != 0;
    digits = digit || text[i] == '.' ? digits + 1 : 0;
    if (digits > 12 ||
        (digit && i + 1 < text.size() && (text[i + 1] == 'e' || text[i + 1] == 'E'))) {
      return false;
    }
  }
  return true;
}

// What the reference does not do: members of one name, two ways of one path through arrays, letters
// beyond ASCII without their case.
bool is_plain(const pattern::Json& value) {
  std::vector<std::string_view> names;
  for (const auto& member : value.members) {
    if (member.name.find('.') != std::string::npos || !is_plain(member.value)) {
      return false;
    }
    names.push_back(member.name);
  }
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) == names.end() &&
         std::ranges::all_of(value.elements, is_plain);
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; }) &&
         text.find("\\u") == std::string_view::npos;
}

// Nothing when the reference cannot tell.
std::optional<json::object> for_reference(std::string_view text) {
  const auto taken_apart = pattern::Json::parse(text);
  if (!taken_apart || !is_plain(*taken_apart) || !has_plain_numbers(text) || !is_ascii(text)) {
    return std::nullopt;
  }
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 2'000;
  json::value value = json::parse(text, error, {}, options);
  return !error && value.is_object() ? std::optional(value.get_object()) : std::nullopt;
}

void run(std::string_view input) {
  if (input.size() > kBytesMax) {
    return;
  }
  std::string_view rest = input;
  Matcher matcher;
  PatternSet set;
  std::vector<std::string_view> lines;
  while (lines.size() < kPatternsMax && rest.find('\n') != std::string_view::npos) {
    lines.push_back(take_until(rest, "\n"));
  }
  const auto event = for_reference(rest);
  const bool small = event && pattern::reference::leaves_of(*event).size() <= 24;
  std::vector<PatternSet::Id> expected;
  for (PatternSet::Id id = 0; id < lines.size(); ++id) {
    const auto compiled = Pattern::compile(
        lines[id], {.fields = 6, .combinations = 30, .fields_of_combinations = 90});
    if (!compiled) {
      continue;
    }
    set.add(id, *compiled);
    const auto matched = matcher.matches(*compiled, rest);
    if (matched.value_or(false)) {
      expected.push_back(id);
    }
    const auto wanted = for_reference(lines[id]);
    if (matched && wanted && small) {
      check(*matched == pattern::reference::matches(*wanted, *event),
            "a pattern matches what the reference matches");
    }
  }
  const auto ids = set.match(matcher, rest);
  check(!ids || *ids == expected, "a set finds what its patterns match");
  if (ids && !expected.empty()) {
    set.remove(expected.front());
    expected.erase(expected.begin());
    check(set.match(matcher, rest).value() == expected, "what is removed is not found");
  }
}

const Registered kPatternMatch({"pattern_match", run});

}  // namespace
}  // namespace bitvault::fuzz
