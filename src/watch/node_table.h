// The node table: what the watcher last committed of a directory, in memory.
//
// A node knows its parent and its name; paths are computed, so moving a folder changes one node.
// Nothing here keeps two nodes from standing at one place (a plan does), so a place is a question
// with several answers. Two nodes may also have one identity: hard links.
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "watch/node.h"

namespace bitvault::watch {

class NodeTable {
 public:
  // `root` becomes kRoot.
  explicit NodeTable(Node root);
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;

  // `node.parent` is a folder of this table.
  NodeRef insert(Node node);
  // `ref` has no children and is not the root.
  void erase(NodeRef ref);
  void move(NodeRef ref, NodeRef parent, std::string name);
  void set_identity(NodeRef ref, const Identity& identity);
  void set_file(NodeRef ref, const FileState& file) { slot(ref).node.file = file; }
  void set_version(NodeRef ref, std::uint32_t version) { slot(ref).node.version = version; }

  void set_told(NodeRef ref, bool told);

  [[nodiscard]] const Node& operator[](NodeRef ref) const { return slot(ref).node; }
  // Nodes, the root included.
  [[nodiscard]] std::size_t size() const { return slots_.size() - free_.size(); }
  // Nodes that no event has told of.
  [[nodiscard]] std::size_t untold() const { return untold_; }

  [[nodiscard]] std::vector<NodeRef> at(NodeRef parent, std::string_view name) const;
  [[nodiscard]] std::vector<NodeRef> with(const Identity& identity) const;
  [[nodiscard]] std::vector<NodeRef> children(NodeRef folder) const;
  // Every folder, the root included.
  [[nodiscard]] std::vector<NodeRef> folders() const;

  // Raw bytes below the root without a slash in front: "" is the root, "a/b" a child of a child.
  [[nodiscard]] std::string path(NodeRef ref) const;
  [[nodiscard]] std::size_t depth(NodeRef ref) const;

 private:
  struct Slot {
    Node node;
    bool used = true;
    NodeRef first_child = kNoNode;
    NodeRef next = kNoNode;  // sibling
    NodeRef previous = kNoNode;
  };
  using Index = std::unordered_multimap<std::size_t, NodeRef>;  // by hash

  [[nodiscard]] Slot& slot(NodeRef ref);
  [[nodiscard]] const Slot& slot(NodeRef ref) const;
  void link(NodeRef ref);
  void unlink(NodeRef ref);
  static void erase_from(Index& index, std::size_t hash, NodeRef ref);

  std::deque<Slot> slots_;
  std::vector<NodeRef> free_;
  std::size_t untold_ = 0;
  Index by_place_;
  Index by_identity_;
};

}  // namespace bitvault::watch
