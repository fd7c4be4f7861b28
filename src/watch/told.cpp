#include "watch/told.h"

#include <algorithm>

#include "catalog/attribute_text.h"

namespace bitvault::watch {
namespace {

struct Reach {
  NodeRef node;
  std::size_t path_bytes;
};

void add_children(const NodeTable& table, const Reach& folder, std::vector<Reach>& to) {
  if (table[folder.node].kind != Kind::kFolder) {
    return;
  }
  for (const NodeRef child : table.children(folder.node)) {
    to.push_back({child, folder.path_bytes + path_bytes(table[child].name)});
  }
}

}  // namespace

std::size_t path_bytes(std::string_view name) {
  const bool plain =
      name.size() < kNameBytesMax / 2 &&
      std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~' && c != '%'; });
  return 1 + (plain ? name.size() : attribute_text(display_name(name)).size());
}

std::size_t path_bytes(const NodeTable& table, NodeRef ref) {
  std::size_t bytes = 0;
  for (NodeRef step = ref; step != kRoot; step = table[step].parent) {
    bytes += path_bytes(table[step].name);
  }
  return bytes;
}

std::vector<NodeRef> outgrowing(const NodeTable& table, const Op& op, std::size_t path_bytes_max) {
  const auto place = place_after(table, op);
  if (!place || !table[op.node].told) {
    return {};
  }
  const std::size_t bytes = path_bytes(table, place->parent) + path_bytes(place->name);
  if (bytes <= path_bytes(table, op.node)) {
    return {};
  }
  std::vector<NodeRef> found;
  std::vector<Reach> todo{{op.node, bytes}};
  while (!todo.empty()) {
    const Reach next = todo.back();
    todo.pop_back();
    if (!table[next.node].told) {
      continue;
    }
    if (next.path_bytes > path_bytes_max) {
      found.push_back(next.node);
    }
    add_children(table, next, todo);
  }
  std::ranges::reverse(found);
  return found;
}

std::vector<NodeRef> now_fitting(const NodeTable& table, NodeRef top, std::size_t path_bytes_max) {
  std::vector<NodeRef> found;
  if (table.untold() == 0) {
    return found;
  }
  std::vector<Reach> todo{{top, path_bytes(table, top)}};
  while (!todo.empty()) {
    const Reach next = todo.back();
    todo.pop_back();
    if (next.path_bytes > path_bytes_max) {
      continue;
    }
    if (!table[next.node].told) {
      found.push_back(next.node);
    }
    add_children(table, next, todo);
  }
  return found;
}

Applied withdraw(NodeTable& table, NodeRef ref) {
  Applied applied{.change = Change{Change::Kind::kDeleted, view(table, ref), {}}, .stored = ref};
  table.set_told(ref, false);
  table.set_version(ref, table[ref].version + 1);  // should it be announced again
  return applied;
}

Applied announce(NodeTable& table, NodeRef ref) {
  table.set_told(ref, true);
  return {.change = Change{Change::Kind::kCreated, {}, view(table, ref)}, .stored = ref};
}

}  // namespace bitvault::watch
