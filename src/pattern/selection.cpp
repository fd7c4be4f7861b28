#include "pattern/selection.h"

#include <string>
#include <vector>

#include "base/text.h"

namespace bitvault {
namespace {

// Texts as they stand inside an event's bytes.
std::vector<std::string> escaped(const std::vector<std::string>& texts) {
  std::vector<std::string> result;
  for (const std::string& text : texts) {
    const std::string quoted = json_string(text);
    result.push_back(quoted.substr(1, quoted.size() - 2));
  }
  return result;
}

}  // namespace

bool Selection::matches(Matcher& matcher, std::string_view event_bytes) const {
  if (!filter_.matches(event_bytes)) {
    return false;
  }
  return !pattern_ || matcher.matches(*pattern_, event_bytes).value_or(true);
}

// Of types and partition keys the filter's count, and the pattern's where the filter names none.
BlockQuery Selection::block_query() const {
  BlockQuery query = filter_.block_query();
  if (!pattern_) {
    return query;
  }
  const NecessaryValues necessary = pattern_->necessary();
  if (query.types.empty() && query.type_prefixes.empty()) {
    query.types = escaped(necessary.types);
    query.type_prefixes = escaped(necessary.type_prefixes);
  }
  if (query.partitionkeys.empty()) {
    query.partitionkeys = escaped(necessary.partitionkeys);
  }
  return query;
}

}  // namespace bitvault
