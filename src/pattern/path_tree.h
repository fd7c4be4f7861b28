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
  static constexpr PathNode kUnsure = UINT32_MAX - 1;

  // Where `key`, which may hold dots, leads from `node`; kNone when no path goes there.
  [[nodiscard]] PathNode find(PathNode node, std::string_view key) const;
  // The same for a key in JSON, of which `key` is what stands behind its first quote. kUnsure: only
  // find() of the unescaped key can tell.
  [[nodiscard]] PathNode find_quoted(PathNode node, const char* key) const;
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
  static constexpr std::size_t kFewChildren = 8;

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

// Every key of an event passes here. With few children a look at its first bytes is mostly enough.
inline PathNode PathTree::find_quoted(PathNode node, const char* key) const {
  const auto& children = nodes_[node].children;
  if (children.size() > kFewChildren) {
    return kUnsure;
  }
  for (const Child& child : children) {
    std::size_t same = 0;
    while (same < child.step.size() && child.step[same] == key[same] && key[same] != '"' &&
           key[same] != '\\') {
      ++same;
    }
    const bool whole_step = same == child.step.size();
    if (whole_step && key[same] == '"') {
      return child.node;
    }
    if (key[same] == '\\' || (whole_step && key[same] == '.')) {
      return kUnsure;
    }
  }
  return kNone;
}

inline PathNode PathTree::find(PathNode node, std::string_view key) const {
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
