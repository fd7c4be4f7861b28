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

  std::vector<Node> nodes_{Node{}};
  std::vector<PathNode> free_;
};

}  // namespace bitvault::pattern
