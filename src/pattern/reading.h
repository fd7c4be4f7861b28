// What an event has at the paths that patterns name.
//
// An array adds no step to a path: its elements stand where it stands. Each element that is an
// object or an array opens a scope; a leaf belongs to the innermost scope around it. Two leaves
// stand together unless they are in different elements of one array.
//
// A reading is used again for the next event and keeps its memory. The texts are the parser's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pattern/path_tree.h"
#include "pattern/value.h"

namespace bitvault::pattern {

using Scope = std::uint32_t;
inline constexpr Scope kWholeEvent = 0;

class Reading {
 public:
  static constexpr std::uint32_t kNoLeaf = UINT32_MAX;

  struct Leaf {
    Value value;
    Scope scope = kWholeEvent;
    std::uint32_t next = kNoLeaf;  // at the same path
  };
  struct Array {
    PathNode node = PathTree::kRoot;
    Scope outer = kWholeEvent;
  };
  struct At {
    std::uint32_t first = kNoLeaf;
    std::uint32_t last = kNoLeaf;
    bool holds_object = false;
    bool touched = false;
  };

  // For a tree with so many nodes.
  void begin(std::size_t nodes);
  void add_leaf(PathNode node, Scope scope, const Value& value);
  void note_object(PathNode node);
  [[nodiscard]] std::uint32_t add_array(PathNode node, Scope outer);
  [[nodiscard]] Scope add_element(std::uint32_t array);

  [[nodiscard]] const At& at(PathNode node) const { return at_[node]; }
  [[nodiscard]] const Leaf& leaf(std::uint32_t index) const { return leaves_[index]; }
  // The array in which a scope other than kWholeEvent is an element. An outer scope has a smaller
  // number than its inner ones.
  [[nodiscard]] const Array& array_of(Scope scope) const { return arrays_[elements_[scope]]; }
  [[nodiscard]] std::size_t scopes() const { return elements_.size(); }
  // Nodes at which something was found, each once.
  [[nodiscard]] std::span<const PathNode> touched() const { return touched_; }

 private:
  At& touch(PathNode node);

  std::vector<At> at_;  // by node
  std::vector<PathNode> touched_;
  std::vector<Leaf> leaves_;
  std::vector<Array> arrays_;
  std::vector<std::uint32_t> elements_;  // by scope: its array
};

}  // namespace bitvault::pattern
