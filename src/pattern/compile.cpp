#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "base/check.h"
#include "pattern/evaluation.h"
#include "pattern/json.h"
#include "pattern/operators.h"
#include "pattern/pattern.h"
#include "pattern/program.h"

namespace bitvault {
namespace pattern {
namespace {

using Type = Json::Type;

constexpr std::string_view kOr = "$or";
constexpr std::size_t kShownBytes = 200;

// The ways to meet a part of a pattern, and the paths of all its fields.
struct Part {
  std::vector<Combination> ways = {{}};
  std::set<PathNode> paths = {};
};

// "$or" is the name of a field unless it lists alternatives: at least two objects, none of which
// has an operator's name among its own.
bool lists_alternatives(const Json& value) {
  return value.is(Type::kArray) && value.elements.size() >= 2 &&
         std::ranges::all_of(value.elements, [](const Json& element) {
           return element.is(Type::kObject) &&
                  std::ranges::none_of(element.members, is_operator, &JsonMember::name);
         });
}

std::size_t fields_of(const std::vector<Combination>& ways) {
  std::size_t sum = 0;
  for (const Combination& way : ways) {
    sum += way.size();
  }
  return sum;
}

class Compiler {
 public:
  explicit Compiler(const PatternLimits& limits) : limits_(limits), spending_{limits} {}

  Result<Program> compile(const Json& root) {
    if (!root.is(Type::kObject)) {
      return invalid("", "a pattern is a JSON object");
    }
    auto part = object(root, {PathTree::kRoot, ""}, 1);
    if (!part) {
      return fail(part.error());
    }
    program_.combinations = std::move(part->ways);
    for (const Field& field : program_.fields) {
      program_.nodes.push_back(field.node);
      program_.paths.acquire(field.node);
    }
    return std::move(program_);
  }

 private:
  // Where the compiler is: in the tree of paths, and in words for whoever wrote the pattern.
  struct Place {
    PathNode node;
    std::string text;

    [[nodiscard]] std::string member(std::string_view key) const {
      return text.empty() ? std::string(key) : fmt::format("{}.{}", text, key);
    }
  };

  static std::unexpected<Error> invalid(std::string_view place, std::string_view why) {
    return fail(
        Code::kInvalid,
        fmt::format("{}: {}", place.empty() ? "pattern" : shortened(place, kShownBytes), why));
  }

  Result<Part> object(const Json& object, const Place& place, std::size_t depth) {
    if (object.members.empty()) {
      return invalid(place.text, "an empty object: name a field, with an array of wanted values");
    }
    if (depth > limits_.depth) {
      return invalid(place.text,
                     fmt::format("more than {} objects within each other", limits_.depth));
    }
    std::set<std::string_view> names;
    Part all;
    for (const auto& [key, value] : object.members) {
      if (!names.insert(key).second) {
        return invalid(place.member(key), "is given twice: put its values into one array");
      }
      auto part = member(key, value, place, depth);
      if (!part) {
        return part;
      }
      if (Status joined = join(all, *part, place.member(key)); !joined) {
        return fail(joined.error());
      }
    }
    return all;
  }

  Result<Part> member(const std::string& key, const Json& value, const Place& place,
                      std::size_t depth) {
    if (key == kOr && lists_alternatives(value)) {
      return alternatives(value, {place.node, place.member(key)}, depth);
    }
    const Place inner{program_.paths.make(place.node, key), place.member(key)};
    if (value.is(Type::kObject)) {
      return object(value, inner, depth + 1);
    }
    if (!value.is(Type::kArray)) {
      return invalid(inner.text,
                     fmt::format("wanted values stand in an array: [{0}] instead of {0}",
                                 value.render(kShownBytes)));
    }
    auto part = field(value, inner);
    if (!part && key == kOr && !value.elements.empty() &&
        value.elements.front().is(Type::kObject)) {
      part.error().detail +=
          "; alternatives are at least two objects of fields, none of which is named like an "
          "operator";
    }
    return part;
  }

  Result<Part> field(const Json& array, const Place& place) {
    if (program_.fields.size() == limits_.fields) {
      return invalid(place.text,
                     fmt::format("the pattern names more than {} fields", limits_.fields));
    }
    auto condition = compile_condition(array, spending_);
    if (!condition) {
      return invalid(place.text, condition.error().detail);
    }
    const auto index = static_cast<FieldIndex>(program_.fields.size());
    program_.fields.push_back(
        {place.node, place.text, array.render(kShownBytes), *std::move(condition)});
    return Part{.ways = {{index}}, .paths = {place.node}};
  }

  Result<Part> alternatives(const Json& array, const Place& place, std::size_t depth) {
    Part all{.ways = {}};
    for (std::size_t i = 0; i < array.elements.size(); ++i) {
      const Place inner{place.node, fmt::format("{}[{}]", place.text, i)};
      auto part = object(array.elements[i], inner, depth + 1);
      if (!part) {
        return part;
      }
      all.paths.insert(part->paths.begin(), part->paths.end());
      std::ranges::move(part->ways, std::back_inserter(all.ways));
      if (Status small = check_size(all.ways.size(), fields_of(all.ways), place.text); !small) {
        return fail(small.error());
      }
    }
    return all;
  }

  // Both must be met: every way of one with every way of the other.
  Status join(Part& all, const Part& part, std::string_view place) {
    for (const PathNode path : part.paths) {
      if (!all.paths.insert(path).second) {
        return invalid(
            place, fmt::format("{} is wanted twice, here and beside it: say it in one place, or "
                               "in every alternative of \"$or\" alone",
                               program_.paths.text(path)));
      }
    }
    const std::size_t fields =
        (fields_of(all.ways) * part.ways.size()) + (fields_of(part.ways) * all.ways.size());
    if (Status small = check_size(all.ways.size() * part.ways.size(), fields, place); !small) {
      return small;
    }
    std::vector<Combination> ways;
    ways.reserve(all.ways.size() * part.ways.size());
    for (const Combination& first : all.ways) {
      for (const Combination& second : part.ways) {
        Combination& both = ways.emplace_back(first);
        both.insert(both.end(), second.begin(), second.end());
        if (both.size() > limits_.fields_together) {
          return invalid(place, fmt::format("more than {} fields must be met together",
                                            limits_.fields_together));
        }
      }
    }
    all.ways = std::move(ways);
    return {};
  }

  [[nodiscard]] Status check_size(std::size_t ways, std::size_t fields,
                                  std::string_view place) const {
    if (ways > limits_.combinations || fields > limits_.fields_of_combinations) {
      return invalid(place,
                     fmt::format("the alternatives of all \"$or\" make too many combinations: "
                                 "at most {} (with {} fields in all), so make several patterns "
                                 "of it",
                                 limits_.combinations, limits_.fields_of_combinations));
    }
    return {};
  }

  const PatternLimits& limits_;
  Spending spending_;
  Program program_;
};

}  // namespace
}  // namespace pattern

Result<Pattern> Pattern::compile(std::string_view json, const PatternLimits& limits) {
  check(limits.fields_together <= sizeof(pattern::FieldMask) * 8 && limits.fields <= UINT16_MAX,
        "the limits of patterns are within what a program can count");
  if (json.size() > limits.bytes) {
    return fail(Code::kTooLarge, fmt::format("pattern: has {} bytes, at most {} are allowed",
                                             json.size(), limits.bytes));
  }
  const auto document = pattern::Json::parse(json);
  if (!document) {
    return fail(Code::kInvalid, "pattern: " + document.error().detail);
  }
  auto program = pattern::Compiler(limits).compile(*document);
  if (!program) {
    return fail(program.error());
  }
  return Pattern(std::make_shared<const pattern::Program>(*std::move(program)));
}

}  // namespace bitvault
