#include "watch/node_table.h"

#include <utility>

#include "base/check.h"

namespace bitvault::watch {
namespace {

std::size_t place_hash(NodeRef parent, std::string_view name) {
  constexpr std::size_t kMix = 0x9e37'79b9'7f4a'7c15;
  return std::hash<std::string_view>{}(name) ^ (static_cast<std::size_t>(parent) + 1) * kMix;
}

std::size_t identity_hash(const Identity& identity) { return std::hash<Identity>{}(identity); }

}  // namespace

NodeTable::NodeTable(Node root) {
  check(root.kind == Kind::kFolder, "the root of a node table is a folder");
  root.parent = kNoNode;
  by_identity_.emplace(identity_hash(root.identity), kRoot);
  slots_.push_back({.node = std::move(root)});
}

NodeTable::Slot& NodeTable::slot(NodeRef ref) {
  return const_cast<Slot&>(std::as_const(*this).slot(ref));
}

const NodeTable::Slot& NodeTable::slot(NodeRef ref) const {
  const auto index = static_cast<std::size_t>(ref);
  check(index < slots_.size() && slots_[index].used, "a node is in the table");
  return slots_[index];
}

NodeRef NodeTable::insert(Node node) {
  check(slot(node.parent).node.kind == Kind::kFolder, "a parent is a folder");
  NodeRef ref{static_cast<std::uint32_t>(slots_.size())};
  if (free_.empty()) {
    slots_.push_back({.node = std::move(node)});
  } else {
    ref = free_.back();
    free_.pop_back();
    slots_[static_cast<std::size_t>(ref)] = {.node = std::move(node)};
  }
  untold_ += slot(ref).node.told ? 0 : 1;
  by_identity_.emplace(identity_hash(slot(ref).node.identity), ref);
  link(ref);
  return ref;
}

void NodeTable::erase(NodeRef ref) {
  check(ref != kRoot && slot(ref).first_child == kNoNode, "what is erased has no children");
  unlink(ref);
  set_told(ref, true);
  erase_from(by_identity_, identity_hash(slot(ref).node.identity), ref);
  Slot& gone = slot(ref);
  gone.used = false;
  gone.node.name = {};
  free_.push_back(ref);
}

void NodeTable::move(NodeRef ref, NodeRef parent, std::string name) {
  check(slot(parent).node.kind == Kind::kFolder, "a parent is a folder");
  unlink(ref);
  slot(ref).node.parent = parent;
  slot(ref).node.name = std::move(name);
  link(ref);
}

void NodeTable::set_identity(NodeRef ref, const Identity& identity) {
  Node& node = slot(ref).node;
  erase_from(by_identity_, identity_hash(node.identity), ref);
  node.identity = identity;
  by_identity_.emplace(identity_hash(identity), ref);
}

void NodeTable::set_told(NodeRef ref, bool told) {
  bool& now = slot(ref).node.told;
  untold_ += now ? 1 : 0;
  untold_ -= told ? 1 : 0;
  now = told;
}

std::vector<NodeRef> NodeTable::at(NodeRef parent, std::string_view name) const {
  std::vector<NodeRef> found;
  const auto [first, last] = by_place_.equal_range(place_hash(parent, name));
  for (auto it = first; it != last; ++it) {
    const Node& node = slot(it->second).node;
    if (node.parent == parent && node.name == name) {
      found.push_back(it->second);
    }
  }
  return found;
}

std::vector<NodeRef> NodeTable::with(const Identity& identity) const {
  std::vector<NodeRef> found;
  const auto [first, last] = by_identity_.equal_range(identity_hash(identity));
  for (auto it = first; it != last; ++it) {
    if (slot(it->second).node.identity == identity) {
      found.push_back(it->second);
    }
  }
  return found;
}

std::vector<NodeRef> NodeTable::children(NodeRef folder) const {
  std::vector<NodeRef> found;
  for (NodeRef child = slot(folder).first_child; child != kNoNode; child = slot(child).next) {
    found.push_back(child);
  }
  return found;
}

std::vector<NodeRef> NodeTable::folders() const {
  std::vector<NodeRef> found;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].used && slots_[i].node.kind == Kind::kFolder) {
      found.push_back(NodeRef{static_cast<std::uint32_t>(i)});
    }
  }
  return found;
}

std::string NodeTable::path(NodeRef ref) const {
  std::vector<std::string_view> names;
  std::size_t bytes = 0;
  for (NodeRef step = ref; step != kRoot; step = slot(step).node.parent) {
    names.push_back(slot(step).node.name);
    bytes += names.back().size() + 1;
    check(names.size() < slots_.size(), "no folder lies below itself");
  }
  std::string path;
  path.reserve(bytes);
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (!path.empty()) {
      path += '/';
    }
    path += *name;
  }
  return path;
}

std::size_t NodeTable::depth(NodeRef ref) const {
  std::size_t depth = 0;
  for (NodeRef step = ref; step != kRoot; step = slot(step).node.parent) {
    ++depth;
    check(depth < slots_.size(), "no folder lies below itself");
  }
  return depth;
}

void NodeTable::link(NodeRef ref) {
  Slot& added = slot(ref);
  Slot& parent = slot(added.node.parent);
  added.previous = kNoNode;
  added.next = parent.first_child;
  if (added.next != kNoNode) {
    slot(added.next).previous = ref;
  }
  parent.first_child = ref;
  by_place_.emplace(place_hash(added.node.parent, added.node.name), ref);
}

void NodeTable::unlink(NodeRef ref) {
  const Slot& removed = slot(ref);
  check(ref != kRoot, "the root stays");
  if (removed.previous != kNoNode) {
    slot(removed.previous).next = removed.next;
  } else {
    slot(removed.node.parent).first_child = removed.next;
  }
  if (removed.next != kNoNode) {
    slot(removed.next).previous = removed.previous;
  }
  erase_from(by_place_, place_hash(removed.node.parent, removed.node.name), ref);
}

void NodeTable::erase_from(Index& index, std::size_t hash, NodeRef ref) {
  const auto [first, last] = index.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (it->second == ref) {
      index.erase(it);
      return;
    }
  }
  check(false, "a node is in its indexes");
}

}  // namespace bitvault::watch
