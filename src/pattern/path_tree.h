// The paths that patterns name, as a tree of their steps. A step holds no dot: the key "a.b" is the
// same as "b" within "a", in patterns and in events.
//
// Nodes are counted: they go when the last path through them is released, and their numbers are
// used again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bitvault::pattern {

using PathNode = std::uint32_t;

class PathTree {
 public:
  static constexpr PathNode kRoot = 0;
  static constexpr PathNode kNone = UINT32_MAX;

  // Where `key`, which may hold dots, leads from `node`; kNone when no path goes there.
  [[nodiscard]] PathNode find(PathNode node, std::string_view key) const;
  // The same, and makes the way. Counts as one path when acquire() says so, not before.
  PathNode make(PathNode node, std::string_view key);
  void acquire(PathNode node);
  void release(PathNode node);

  [[nodiscard]] PathNode parent(PathNode node) const { return nodes_[node].parent; }
  // With dots between the steps: what find() and make() take from the root.
  [[nodiscard]] std::string text(PathNode node) const;
  // Above every node's number.
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

 private:
  struct Child {
    std::string step;
    PathNode node;
  };
  struct Node {
    PathNode parent = kNone;
    std::uint32_t paths = 0;      // through it or ending here
    std::vector<Child> children;  // sorted by size, then bytes
  };

  [[nodiscard]] PathNode step(PathNode node, std::string_view name) const;
  [[nodiscard]] PathNode find_in_steps(PathNode node, std::string_view key) const;

  std::vector<Node> nodes_{Node{}};
  std::vector<PathNode> free_;
};

// Every key of an event passes here. With few children it costs no call to find that none is meant.
inline PathNode PathTree::find(PathNode node, std::string_view key) const {
  constexpr std::size_t kFewChildren = 8;
  const auto& children = nodes_[node].children;
  bool in_steps = children.size() > kFewChildren;
  if (!in_steps) {
    for (const Child& child : children) {
      const std::size_t size = child.step.size();
      if (size == key.size() && (size == 0 || (child.step[0] == key[0] && child.step == key))) {
        return child.node;
      }
      in_steps = in_steps || (size < key.size() && key[size] == '.');
    }
  }
  return in_steps ? find_in_steps(node, key) : kNone;
}

}  // namespace bitvault::pattern
