#include "pattern/reading.h"

namespace bitvault::pattern {

void Reading::begin(std::size_t nodes) {
  for (const PathNode node : touched_) {
    at_[node] = {};
  }
  touched_.clear();
  leaves_.clear();
  arrays_.clear();
  elements_.assign(1, 0);
  if (at_.size() < nodes) {
    at_.resize(nodes);
  }
}

Reading::At& Reading::touch(PathNode node) {
  At& at = at_[node];
  if (!at.touched) {
    at.touched = true;
    touched_.push_back(node);
  }
  return at;
}

void Reading::add_leaf(PathNode node, Scope scope, const Value& value) {
  At& at = touch(node);
  const auto index = static_cast<std::uint32_t>(leaves_.size());
  leaves_.push_back({value, scope, kNoLeaf});
  (at.first == kNoLeaf ? at.first : leaves_[at.last].next) = index;
  at.last = index;
}

void Reading::note_object(PathNode node) { touch(node).holds_object = true; }

std::uint32_t Reading::add_array(PathNode node, Scope outer) {
  arrays_.push_back({node, outer});
  return static_cast<std::uint32_t>(arrays_.size() - 1);
}

Scope Reading::add_element(std::uint32_t array) {
  elements_.push_back(array);
  return static_cast<Scope>(elements_.size() - 1);
}

}  // namespace bitvault::pattern
