#include <algorithm>
#include <optional>

#include "pattern/pattern.h"
#include "pattern/program.h"

namespace bitvault {
namespace pattern {
namespace {

struct Texts {
  std::vector<std::string> equal;
  std::vector<std::string> prefixes;
};

// Adds the strings that can meet the condition; false when that is no short list.
bool add_texts(const Condition& condition, Texts& out) {
  const Tests& tests = condition.any_of;
  if (condition.exists || condition.absent || !condition.none_of.empty() ||
      !tests.text_in_one_case.empty() || !tests.text.suffixes.empty() || !tests.networks.empty()) {
    return false;
  }
  for (const Wildcard& wildcard : tests.wildcards) {
    out.prefixes.push_back(wildcard.pieces.front());
  }
  out.equal.insert(out.equal.end(), tests.text.equal.begin(), tests.text.equal.end());
  out.prefixes.insert(out.prefixes.end(), tests.text.prefixes.begin(), tests.text.prefixes.end());
  return std::ranges::none_of(out.prefixes, &std::string::empty);
}

void make_unique(std::vector<std::string>& texts) {
  std::ranges::sort(texts);
  const auto rest = std::ranges::unique(texts);
  texts.erase(rest.begin(), rest.end());
}

// What the member has in every combination; empty when it can have anything in one.
Texts necessary(const Program& program, std::string_view member) {
  const PathNode node = program.paths.find(PathTree::kRoot, member);
  Texts texts;
  for (const Combination& combination : program.combinations) {
    const auto found = std::ranges::find(combination, node,
                                         [&](FieldIndex field) { return program.nodes[field]; });
    if (found == combination.end() || !add_texts(program.fields[*found].condition, texts)) {
      return {};
    }
  }
  make_unique(texts.equal);
  make_unique(texts.prefixes);
  return texts;
}

}  // namespace
}  // namespace pattern

NecessaryValues Pattern::necessary() const {
  pattern::Texts types = pattern::necessary(*program_, "type");
  pattern::Texts keys = pattern::necessary(*program_, "partitionkey");
  if (!keys.prefixes.empty()) {
    keys.equal.clear();  // no summary can be asked for a key's prefix
  }
  return {.types = std::move(types.equal),
          .type_prefixes = std::move(types.prefixes),
          .partitionkeys = std::move(keys.equal)};
}

}  // namespace bitvault
