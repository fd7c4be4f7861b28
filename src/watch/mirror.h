// For tests: a consumer that knows of a directory only what the events told, and a hand that does
// something to a directory at random.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "tests/sim/dice.h"
#include "watch/apply.h"
#include "watch/fake_tree.h"

namespace bitvault::watch {

using Paths = std::map<std::string, std::string>;  // path, with "/" at a folder's end: checksum

// It follows the ids, and apart from that the paths.
class Mirror {
 public:
  // Each change fits what was told before: nothing is missing and nothing comes twice, and no two
  // nodes ever have one path. `before_path` is of a move alone.
  void take(Change::Kind kind, const NodeView& node, const std::string& before_path) {
    const auto known = nodes_.find(node.id);
    ASSERT_EQ(known == nodes_.end(), kind == Change::Kind::kCreated) << node.path;
    ASSERT_TRUE(!node.parent_id || nodes_.contains(*node.parent_id)) << node.path;
    take_path(kind, node, before_path);
    if (kind == Change::Kind::kDeleted) {
      EXPECT_EQ(node.version, known->second.version) << node.path;
      ASSERT_EQ(children_[node.id], 0) << "deleted before what it holds: " << node.path;
      --children_[known->second.parent_id.value_or("")];
      nodes_.erase(known);
      return;
    }
    if (kind != Change::Kind::kCreated) {
      EXPECT_EQ(node.version, known->second.version + 1) << node.path;
      --children_[known->second.parent_id.value_or("")];
    }
    ++children_[node.parent_id.value_or("")];
    nodes_.insert_or_assign(node.id, node);
    EXPECT_EQ(path(node), node.path);
  }

  [[nodiscard]] Paths all() const {
    Paths paths;
    for (const auto& [id, node] : nodes_) {
      paths.emplace(path(node).substr(1) + (node.kind == Kind::kFolder ? "/" : ""),
                    node.file.checksum ? hex(*node.file.checksum) : "");
      EXPECT_EQ(id_at(path(node)), id);
    }
    EXPECT_EQ(by_path_.size(), nodes_.size());
    return paths;
  }

 private:
  // As somebody who keeps nothing but paths.
  void take_path(Change::Kind kind, const NodeView& node, const std::string& before_path) {
    const std::string parent = node.path.substr(0, node.path.rfind('/'));
    EXPECT_TRUE(parent.empty() || by_path_.contains(parent)) << "nothing holds " << node.path;
    switch (kind) {
      case Change::Kind::kCreated:
        EXPECT_TRUE(by_path_.emplace(node.path, node.id).second) << "two nodes at " << node.path;
        break;
      case Change::Kind::kUpdated:
        EXPECT_EQ(id_at(node.path), node.id) << node.path;
        break;
      case Change::Kind::kDeleted:
        EXPECT_EQ(id_at(node.path), node.id) << node.path;
        by_path_.erase(node.path);
        break;
      case Change::Kind::kMoved:
        EXPECT_EQ(id_at(before_path), node.id) << before_path;
        move_paths(before_path, node.path);
        break;
    }
  }
  void move_paths(const std::string& from, const std::string& to) {
    auto moved = by_path_.extract(from);
    EXPECT_FALSE(by_path_.contains(to)) << "two nodes at " << to;
    std::map<std::string, std::string> below;
    for (auto at = by_path_.lower_bound(from + "/");
         at != by_path_.end() && at->first.starts_with(from + "/");) {
      below.emplace(to + at->first.substr(from.size()), at->second);
      at = by_path_.erase(at);
    }
    by_path_.merge(below);
    EXPECT_TRUE(below.empty());
    if (!moved.empty()) {
      by_path_.insert_or_assign(to, moved.mapped());
    }
  }
  [[nodiscard]] std::string id_at(const std::string& path) const {
    const auto found = by_path_.find(path);
    return found == by_path_.end() ? "" : found->second;
  }

  [[nodiscard]] std::string path(const NodeView& node) const {
    std::string path = "/" + node.name;
    for (auto parent = node.parent_id; parent; parent = nodes_.at(*parent).parent_id) {
      path = "/" + nodes_.at(*parent).name + path;
      if (path.size() > 100'000) {
        ADD_FAILURE() << "a folder lies below itself";
        return path;
      }
    }
    return path;
  }

  std::map<std::string, NodeView> nodes_;
  std::map<std::string, std::string> by_path_;  // ids
  std::map<std::string, int> children_;
};

[[nodiscard]] inline Paths paths_of(const FakeTree& tree) {
  Paths paths = tree.all();
  for (auto& [path, content] : paths) {
    content = path.ends_with('/') ? "" : hex(sha256(content));
  }
  return paths;
}

// Those that are told of.
[[nodiscard]] inline Paths fitting(Paths paths, std::size_t path_bytes_max) {
  std::erase_if(paths, [path_bytes_max](const auto& each) {
    const std::string& path = each.first;  // a slash in front, none at the end
    return path.size() + (path.ends_with('/') ? 0 : 1) > path_bytes_max;
  });
  return paths;
}

// One thing that somebody could do to the tree, or nothing.
inline void do_something(FakeTree& tree, sim::Dice& dice) {
  std::vector<std::string> folders{""};
  std::vector<std::string> all;
  for (const auto& [path, content] : tree.all()) {
    all.push_back(path.ends_with('/') ? path.substr(0, path.size() - 1) : path);
    if (path.ends_with('/')) {
      folders.push_back(path);
    }
  }
  const auto has = [](const std::vector<std::string>& where, const std::string& path) {
    return std::ranges::find(where, path) != where.end();
  };
  const std::string to = folders[dice.below(folders.size())] + fmt::format("n{}", dice.below(6));
  const std::string from = all.empty() ? "" : all[dice.below(all.size())];
  const bool taken = has(all, to);
  const bool to_folder = has(folders, to + "/");
  const bool from_folder = has(folders, from + "/");
  const bool apart =
      !from.empty() && from != to && !to.starts_with(from + "/") && !from.starts_with(to + "/");
  switch (dice.below(8)) {
    case 0:
      if (!taken) {
        tree.folder(to);
      }
      break;
    case 1:
    case 2:
      if (!to_folder) {
        tree.write(to, fmt::format("{}", dice.below(1'000)));
      }
      break;
    case 3:
      if (!from.empty() && dice.below(3) == 0) {
        tree.remove(from);
      }
      break;
    case 4:
      if (apart && !from_folder && !to_folder) {
        tree.link(from, to);
      }
      break;
    case 5:
      if (apart && taken) {
        tree.exchange(from, to);
      }
      break;
    default:
      if (apart && (!taken || (!to_folder && !from_folder))) {
        tree.rename(from, to);
      }
  }
}

}  // namespace bitvault::watch
