#include "pattern/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "pattern/json.h"

namespace bitvault::pattern {
namespace {

constexpr std::size_t kValuesShown = 5;
constexpr std::size_t kValueBytesShown = 100;
constexpr std::size_t kAlternativesShown = 20;

std::string text_of(const Value& value) {
  switch (value.kind) {
    case Kind::kString:
      return json_string(shortened(value.text, kValueBytesShown));
    case Kind::kNumber:
      return number_text(value.number);
    case Kind::kTrue:
      return "true";
    case Kind::kFalse:
      return "false";
    case Kind::kNull:
      return "null";
  }
  return "";
}

struct Found {
  std::string text;
  bool strings = false;
  bool numbers = false;
};

Found found_at(const Reading& reading, PathNode node) {
  Found found;
  std::size_t count = 0;
  for (std::uint32_t index = reading.at(node).first; index != Reading::kNoLeaf;
       index = reading.leaf(index).next) {
    const Value& value = reading.leaf(index).value;
    found.strings = found.strings || value.kind == Kind::kString;
    found.numbers = found.numbers || value.kind == Kind::kNumber;
    if (++count <= kValuesShown) {
      found.text += (count > 1 ? ", " : "") + text_of(value);
    }
  }
  if (count > kValuesShown) {
    found.text += fmt::format(" and {} more", count - kValuesShown);
  }
  if (count == 0) {
    found.text = reading.at(node).holds_object ? "an object" : "nothing";
  }
  return found;
}

std::string reason(const Condition& condition, const Reading::At& at, const Found& found) {
  if (at.first == Reading::kNoLeaf) {
    return at.holds_object ? "it is an object: a pattern names the fields within"
                           : "the event has no such field, or only an empty array";
  }
  const Tests& tests = condition.any_of;
  const bool wants_text = !tests.text.empty() || !tests.text_in_one_case.empty() ||
                          !tests.wildcards.empty() || !tests.networks.empty();
  const bool wants_numbers = !tests.numbers.empty() || !tests.ranges.empty();
  if (condition.absent && !wants_text && !wants_numbers) {
    return "the field must be absent";
  }
  if (wants_numbers && !wants_text && found.strings && !found.numbers) {
    return "the event has a string, the pattern wants a number";
  }
  if (wants_text && !wants_numbers && found.numbers && !found.strings) {
    return "the event has a number, the pattern wants a string";
  }
  return "no value meets it";
}

class Explainer {
 public:
  Explainer(const Program& program, const Reading& reading, Evaluation& evaluation)
      : program_(program), reading_(reading), evaluation_(evaluation) {}

  Explanation explain() {
    Explanation out;
    out.matched = evaluation_.holds();
    if (out.matched) {
      return out;
    }
    for (const FieldIndex field : program_.combinations.front()) {
      if (is_in_all(field) && evaluation_.met(field) == Evaluation::Met::kNot) {
        out.unmet.push_back(unmet(field));
      }
    }
    if (program_.combinations.size() == 1) {
      if (out.unmet.empty()) {
        out.unmet = apart(program_.combinations.front());
      }
      return out;
    }
    for (const Combination& combination : program_.combinations) {
      alternative(combination, out);
    }
    return out;
  }

 private:
  [[nodiscard]] bool is_in_all(FieldIndex field) const {
    return std::ranges::all_of(program_.combinations, [&](const Combination& combination) {
      return std::ranges::find(combination, field) != combination.end();
    });
  }

  Explanation::Unmet unmet(FieldIndex index) {
    const Field& field = program_.fields[index];
    const Reading::At& at = reading_.at(field.node);
    Found found = found_at(reading_, field.node);
    std::string why = reason(field.condition, at, found);
    return {field.path, field.wanted, std::move(found.text), std::move(why)};
  }

  // Each field is met, but not together.
  std::vector<Explanation::Unmet> apart(const Combination& combination) {
    std::vector<Explanation::Unmet> out;
    for (const FieldIndex index : combination) {
      if (evaluation_.met(index) == Evaluation::Met::kWithinArrays) {
        const Field& field = program_.fields[index];
        out.push_back({field.path, field.wanted, found_at(reading_, field.node).text,
                       "it is met, but not in the same element of an array as the others"});
      }
    }
    return out;
  }

  void alternative(const Combination& combination, Explanation& out) {
    std::vector<Explanation::Unmet> own;
    bool shares_unmet = false;
    for (const FieldIndex field : combination) {
      if (evaluation_.met(field) != Evaluation::Met::kNot) {
        continue;
      }
      if (is_in_all(field)) {
        shares_unmet = true;
      } else {
        own.push_back(unmet(field));
      }
    }
    if (own.empty() && !shares_unmet) {
      own = apart(combination);
    }
    if (own.empty()) {
      out.alternatives.clear();  // this one holds: what is wanted in any case is all that lacks
      out.alternatives_left_out = 0;
      settled_ = true;
    }
    if (settled_) {
      return;
    }
    if (out.alternatives.size() < kAlternativesShown) {
      out.alternatives.push_back(std::move(own));
    } else {
      ++out.alternatives_left_out;
    }
  }

  const Program& program_;
  const Reading& reading_;
  Evaluation& evaluation_;
  bool settled_ = false;
};

}  // namespace

Explanation explain(const Program& program, const Reading& reading, Evaluation& evaluation) {
  return Explainer(program, reading, evaluation).explain();
}

}  // namespace bitvault::pattern

namespace bitvault {
namespace {

std::string json_of(const std::vector<Explanation::Unmet>& conditions) {
  std::string out;
  for (const Explanation::Unmet& unmet : conditions) {
    out += fmt::format(R"({}{{"path":{},"wanted":{},"had":{},"why":{}}})", out.empty() ? "" : ",",
                       json_string(unmet.path), json_string(unmet.wanted), json_string(unmet.had),
                       json_string(unmet.why));
  }
  return "[" + out + "]";
}

}  // namespace

std::string to_json(const Explanation& explanation) {
  std::string alternatives;
  for (const std::vector<Explanation::Unmet>& alternative : explanation.alternatives) {
    alternatives += (alternatives.empty() ? "" : ",") + json_of(alternative);
  }
  return fmt::format(
      R"({{"matched":{},"unmet":{},"alternatives":[{}],"alternatives_left_out":{}}})",
      explanation.matched, json_of(explanation.unmet), alternatives,
      explanation.alternatives_left_out);
}

}  // namespace bitvault
