// A compiled pattern: the fields it names, each with its condition, and the combinations of fields
// of which one must be met. A pattern without "$or" has one combination.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pattern/condition.h"
#include "pattern/path_tree.h"

namespace bitvault::pattern {

using FieldIndex = std::uint16_t;

struct Field {
  PathNode node = PathTree::kRoot;
  std::string path;
  std::string wanted;  // JSON, shortened
  Condition condition;
};

using Combination = std::vector<FieldIndex>;  // no two with the same path

struct Program {
  PathTree paths;
  std::vector<Field> fields;
  std::vector<PathNode> nodes;  // of the fields
  std::vector<Combination> combinations;
};

}  // namespace bitvault::pattern
