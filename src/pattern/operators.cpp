#include "pattern/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "pattern/letter_case.h"

namespace bitvault::pattern {
namespace {

using Type = Json::Type;

constexpr std::size_t kShownBytes = 80;
constexpr std::string_view kIgnoreCase = "equals-ignore-case";

constexpr auto kOperators = std::to_array<std::string_view>(
    {"prefix", "suffix", kIgnoreCase, "wildcard", "anything-but", "numeric", "exists", "cidr"});

std::unexpected<Error> invalid(std::string detail) {
  return fail(Code::kInvalid, std::move(detail));
}

Status spend_value(Spending& spending) {
  if (++spending.values > spending.limits.values) {
    return invalid(fmt::format("the pattern names more than {} values: make several patterns of it",
                               spending.limits.values));
  }
  return {};
}

Status spend_test(Spending& spending) {
  if (++spending.tests > spending.limits.tests) {
    return invalid(
        fmt::format("the pattern has more than {} operators: make several patterns of it",
                    spending.limits.tests));
  }
  return {};
}

Result<std::string> text_operand(std::string_view name, const Json& operand, Spending& spending) {
  if (!operand.is(Type::kString)) {
    return invalid(fmt::format("\"{}\" takes a string, not {}", name, operand.render(kShownBytes)));
  }
  if (operand.text.size() > spending.limits.value_bytes) {
    return invalid(fmt::format("a string of {} bytes is given to \"{}\", at most {} are allowed",
                               operand.text.size(), name, spending.limits.value_bytes));
  }
  if (Status spent = spend_test(spending); !spent) {
    return fail(spent.error());
  }
  if (Status spent = spend_value(spending); !spent) {
    return fail(spent.error());
  }
  return operand.text;
}

// A number that was rounded would meet what it does not say.
Status check_exact(const Json& json) {
  if (!json.exact) {
    return invalid(
        fmt::format("the number {} cannot be held exactly: give an integer of 64 bits "
                    "or a decimal of at most 15 digits",
                    shortened(json.text, kShownBytes)));
  }
  return {};
}

Status add_literal(const Json& json, Tests& tests, Spending& spending) {
  if (Status spent = spend_value(spending); !spent) {
    return spent;
  }
  switch (json.type) {
    case Type::kNull:
      tests.null_ = true;
      return {};
    case Type::kTrue:
      tests.true_ = true;
      return {};
    case Type::kFalse:
      tests.false_ = true;
      return {};
    case Type::kNumber:
      tests.numbers.push_back(json.number);
      return check_exact(json);
    case Type::kString:
      if (json.text.size() > spending.limits.value_bytes) {
        return invalid(fmt::format("a string has {} bytes, at most {} are allowed",
                                   json.text.size(), spending.limits.value_bytes));
      }
      tests.text.equal.push_back(json.text);
      return {};
    case Type::kArray:
    case Type::kObject:
      break;
  }
  return invalid("an array stands within the array of wanted values: give its values themselves");
}

Result<Wildcard> wildcard(std::string_view text, std::size_t stars_max) {
  Wildcard wildcard{.pieces = {""}};
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '*') {
      if (i > 0 && text[i - 1] == '*' && wildcard.pieces.back().empty()) {
        return invalid("\"wildcard\" has two stars in a row: one star is any text already");
      }
      if (wildcard.pieces.size() > stars_max) {
        return invalid(fmt::format("\"wildcard\" has more than {} stars", stars_max));
      }
      wildcard.pieces.emplace_back();
      continue;
    }
    if (text[i] == '\\') {
      if (i + 1 == text.size() || (text[i + 1] != '*' && text[i + 1] != '\\')) {
        return invalid(
            "\"wildcard\" has a backslash that stands before neither * nor \\: a backslash itself "
            "is \\\\ (in JSON \"\\\\\\\\\")");
      }
      ++i;
    }
    wildcard.pieces.back() += text[i];
  }
  return wildcard;
}

// Of {"prefix": ..} and {"suffix": ..}.
Status add_affix(std::string_view name, const Json& operand, Tests& tests, Spending& spending) {
  const bool ignore_case = operand.is(Type::kObject) && operand.members.size() == 1 &&
                           operand.members.front().name == kIgnoreCase &&
                           operand.members.front().value.is(Type::kString);
  if (!ignore_case && !operand.is(Type::kString)) {
    return invalid(fmt::format("\"{0}\" takes a string or {{\"{1}\": \"...\"}}, not {2}", name,
                               kIgnoreCase, operand.render(kShownBytes)));
  }
  auto text = text_operand(name, ignore_case ? operand.members.front().value : operand, spending);
  if (!text) {
    return fail(text.error());
  }
  TextTests& out = ignore_case ? tests.text_in_one_case : tests.text;
  (name == "prefix" ? out.prefixes : out.suffixes)
      .push_back(ignore_case ? in_one_case(*text) : *std::move(text));
  return {};
}

// The operators on one string that anything-but knows, too.
Status add_text_test(std::string_view name, const Json& operand, Tests& tests, Spending& spending) {
  if (name == "prefix" || name == "suffix") {
    return add_affix(name, operand, tests, spending);
  }
  auto text = text_operand(name, operand, spending);
  if (!text) {
    return fail(text.error());
  }
  if (name == kIgnoreCase) {
    tests.text_in_one_case.equal.push_back(in_one_case(*text));
    return {};
  }
  auto compiled = wildcard(*text, spending.limits.stars);
  if (!compiled) {
    return fail(compiled.error());
  }
  if (compiled->pieces.size() == 1) {
    tests.text.equal.push_back(std::move(compiled->pieces.front()));
  } else {
    tests.wildcards.push_back(*std::move(compiled));
  }
  return {};
}

constexpr std::string_view kNumericForm =
    "\"numeric\" takes a comparison and a number, such as [\">\", 0], or a lower bound and then a "
    "higher upper one, such as [\">=\", 0, \"<\", 100]; comparisons are = < <= > >=";

// Narrows `range` by one comparison; false when it is none.
bool narrow(const Json& comparison, const Json& bound, NumberRange& range) {
  if (!comparison.is(Type::kString) || !bound.is(Type::kNumber)) {
    return false;
  }
  const std::string& sign = comparison.text;
  if (sign == ">" || sign == ">=") {
    range.low = bound.number;
    range.with_low = sign == ">=";
  } else if (sign == "<" || sign == "<=") {
    range.high = bound.number;
    range.with_high = sign == "<=";
  } else {
    return false;
  }
  return true;
}

Status add_numeric(const Json& operand, Tests& tests, Spending& spending) {
  const auto& words = operand.elements;
  for (const Json& word : words) {
    if (Status exact = check_exact(word); !exact) {
      return exact;
    }
  }
  if (!operand.is(Type::kArray) || (words.size() != 2 && words.size() != 4)) {
    return invalid(std::string(kNumericForm));
  }
  if (Status spent = spend_test(spending); !spent) {
    return spent;
  }
  if (words.size() == 2 && words[0].is(Type::kString) && words[0].text == "=" &&
      words[1].is(Type::kNumber)) {
    tests.numbers.push_back(words[1].number);
    return spend_value(spending);
  }
  NumberRange range;
  if (!narrow(words[0], words[1], range)) {
    return invalid(std::string(kNumericForm));
  }
  if (words.size() == 4 && (std::isinf(range.low) || !narrow(words[2], words[3], range) ||
                            std::isinf(range.high) || range.low >= range.high)) {
    return invalid(std::string(kNumericForm));
  }
  tests.ranges.push_back(range);
  return spend_value(spending);
}

Status add_cidr(const Json& operand, Tests& tests, Spending& spending) {
  const auto text = text_operand("cidr", operand, spending);
  if (!text) {
    return fail(text.error());
  }
  const std::size_t slash = std::min(text->find('/'), text->size());
  const auto address = IpAddress::parse(std::string_view(*text).substr(0, slash));
  const auto bits = parse_uint(std::string_view(*text).substr(std::min(slash + 1, text->size())));
  if (!address || !bits || *bits > address->size * 8) {
    return invalid(
        fmt::format("\"cidr\" takes an address and its leading bits, such as \"10.0.0.0/8\" or "
                    "\"2001:db8::/32\", not {}",
                    operand.render(kShownBytes)));
  }
  tests.networks.push_back({*address, *bits});
  return {};
}

constexpr std::string_view kAnythingButForm =
    "\"anything-but\" takes a string, a number, a list of strings, a list of numbers, or one of "
    "\"prefix\", \"suffix\", \"equals-ignore-case\", \"wildcard\" with a string or a list of them";

Status add_unwanted_tests(const Json& operand, Tests& tests, Spending& spending) {
  if (operand.members.size() != 1) {
    return invalid(std::string(kAnythingButForm));
  }
  const auto& [name, inner] = operand.members.front();
  if (name != "prefix" && name != "suffix" && name != kIgnoreCase && name != "wildcard") {
    return invalid(std::string(kAnythingButForm));
  }
  const std::vector<Json> one = {inner};
  const std::vector<Json>& all = inner.is(Type::kArray) ? inner.elements : one;
  for (const Json& text : all) {
    if (!text.is(Type::kString)) {
      return invalid(std::string(kAnythingButForm));
    }
    if (text.text.empty() && (name == "prefix" || name == "suffix")) {
      return invalid(
          fmt::format("an empty \"{}\" in \"anything-but\" excludes every string", name));
    }
    if (Status added = add_text_test(name, text, tests, spending); !added) {
      return added;
    }
  }
  return all.empty() ? invalid("the list in \"anything-but\" is empty") : Status{};
}

Status add_anything_but(const Json& operand, Condition& out, Spending& spending) {
  if (Status spent = spend_test(spending); !spent) {
    return spent;
  }
  Tests tests;
  if (operand.is(Type::kObject)) {
    if (Status added = add_unwanted_tests(operand, tests, spending); !added) {
      return added;
    }
  } else {
    const std::vector<Json> one = {operand};
    const std::vector<Json>& all = operand.is(Type::kArray) ? operand.elements : one;
    if (all.empty()) {
      return invalid("the list in \"anything-but\" is empty");
    }
    for (const Json& value : all) {
      if ((!value.is(Type::kString) && !value.is(Type::kNumber)) ||
          value.type != all.front().type) {
        return invalid(std::string(kAnythingButForm));
      }
      if (Status added = add_literal(value, tests, spending); !added) {
        return added;
      }
    }
  }
  tests.sort();
  out.none_of.push_back(std::move(tests));
  return {};
}

Status add_exists(const Json& operand, Condition& out, Spending& spending) {
  if (!operand.is(Type::kTrue) && !operand.is(Type::kFalse)) {
    return invalid("\"exists\" takes true or false");
  }
  (operand.is(Type::kTrue) ? out.exists : out.absent) = true;
  return spend_test(spending);
}

Status add_operator(const Json& object, Condition& out, Spending& spending) {
  if (object.members.size() != 1) {
    return invalid(
        object.members.empty()
            ? "an empty object stands among the wanted values: give it an operator, such "
              "as {\"prefix\": \"a\"}"
            : "an object among the wanted values has one operator: give each an object of "
              "its own");
  }
  const auto& [name, operand] = object.members.front();
  if (name == "anything-but") {
    return add_anything_but(operand, out, spending);
  }
  if (name == "exists") {
    return add_exists(operand, out, spending);
  }
  if (name == "numeric") {
    return add_numeric(operand, out.any_of, spending);
  }
  if (name == "cidr") {
    return add_cidr(operand, out.any_of, spending);
  }
  if (is_operator(name)) {
    return add_text_test(name, operand, out.any_of, spending);
  }
  return invalid(fmt::format("{} is no operator; there are {}",
                             json_string(shortened(name, kShownBytes)),
                             fmt::join(kOperators, ", ")));
}

}  // namespace

bool is_operator(std::string_view name) {
  return std::ranges::find(kOperators, name) != kOperators.end();
}

Result<Condition> compile_condition(const Json& array, Spending& spending) {
  if (array.elements.empty()) {
    return invalid("the array of wanted values is empty: it would match nothing");
  }
  Condition condition;
  for (const Json& element : array.elements) {
    const Status added = element.is(Type::kObject)
                             ? add_operator(element, condition, spending)
                             : add_literal(element, condition.any_of, spending);
    if (!added) {
      return fail(added.error());
    }
  }
  condition.any_of.sort();
  return condition;
}

}  // namespace bitvault::pattern
