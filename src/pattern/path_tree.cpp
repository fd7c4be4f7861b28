#include "pattern/path_tree.h"

#include <algorithm>
#include <cstring>

namespace bitvault::pattern {
namespace {

constexpr auto kBefore = [](const auto& child, std::string_view step) {
  return child.step.size() != step.size() ? child.step.size() < step.size() : child.step < step;
};

// Cuts the first step off `key`; false when there was none left.
bool next_step(std::string_view& key, std::string_view& step, bool& more) {
  if (!more) {
    return false;
  }
  const std::size_t dot = key.find('.');
  more = dot != std::string_view::npos;
  step = key.substr(0, dot);
  key.remove_prefix(more ? dot + 1 : key.size());
  return true;
}

}  // namespace

PathNode PathTree::step(PathNode node, std::string_view name) const {
  const auto& children = nodes_[node].children;
  const auto found = std::lower_bound(children.begin(), children.end(), name, kBefore);
  return found != children.end() && found->step == name ? found->node : kNone;
}

PathNode PathTree::find_in_steps(PathNode node, std::string_view key) const {
  std::string_view name;
  for (bool more = true; node != kNone && next_step(key, name, more);) {
    node = step(node, name);
  }
  return node;
}

PathNode PathTree::make(PathNode node, std::string_view key) {
  std::string_view name;
  for (bool more = true; next_step(key, name, more);) {
    const auto& children = nodes_[node].children;
    const auto at = std::lower_bound(children.begin(), children.end(), name, kBefore);
    if (at != children.end() && at->step == name) {
      node = at->node;
      continue;
    }
    const auto index = at - children.begin();
    PathNode made = static_cast<PathNode>(nodes_.size());
    if (free_.empty()) {
      nodes_.emplace_back();
    } else {
      made = free_.back();
      free_.pop_back();
    }
    nodes_[made].parent = node;
    nodes_[node].children.insert(nodes_[node].children.begin() + index, {std::string(name), made});
    node = made;
  }
  return node;
}

void PathTree::acquire(PathNode node) {
  for (; node != kNone; node = nodes_[node].parent) {
    ++nodes_[node].paths;
  }
}

void PathTree::release(PathNode node) {
  while (node != kNone) {
    const PathNode parent = nodes_[node].parent;
    if (--nodes_[node].paths == 0 && node != kRoot) {
      std::erase_if(nodes_[parent].children,
                    [&](const Child& child) { return child.node == node; });
      nodes_[node] = {};
      free_.push_back(node);
    }
    node = parent;
  }
}

std::string PathTree::text(PathNode node) const {
  if (node == kRoot) {
    return "";
  }
  const PathNode parent = nodes_[node].parent;
  const auto& children = nodes_[parent].children;
  const auto found = std::ranges::find(children, node, &Child::node);
  return parent == kRoot ? found->step : text(parent) + "." + found->step;
}

}  // namespace bitvault::pattern
