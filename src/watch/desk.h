// For tests: a node table that follows a FakeTree, told when and where to look.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/text.h"
#include "watch/apply.h"
#include "watch/fake_tree.h"
#include "watch/plan.h"
#include "watch/told.h"

namespace bitvault::watch {

// Watches nothing: tests tell where to look.
class SilentSource final : public ChangeSource {
 public:
  std::expected<WatchId, WatchError> watch(const std::string& /*path*/) override {
    return WatchId{next_++};
  }
  void unwatch(WatchId /*id*/) override {}
  Task<Changes> next() override { co_return Changes{.ended = true}; }

 private:
  int next_ = 1;
};

class Desk {
 public:
  explicit Desk(FakeTree& tree) : tree_(tree) {
    table_ = std::make_unique<NodeTable>(Node{.id = next_id(),
                                              .kind = Kind::kFolder,
                                              .version = 1,
                                              .identity = *tree.root(),
                                              .file = {},
                                              .name = {}});
  }

  // One look at some folders; what happened, one line each.
  std::vector<std::string> look(std::vector<NodeRef> folders, bool settled = true,
                                bool last_look = false) {
    const Observation seen = observe(*table_, std::move(folders), tree_, source_, 1'000'000);
    EXPECT_EQ(seen.root, Observation::Root::kThere);
    const Plan made =
        plan(*table_, seen, {.settled = settled, .last_look = last_look, .held = [this](NodeRef r) {
                               return held_.contains(r);
                             }});
    held_.clear();
    for (const NodeRef node : made.vanished) {
      held_.insert(node);
    }
    waiting_ = !made.again.empty() || !made.vanished.empty() || !seen.absent.empty();
    std::vector<std::string> lines;
    for (const Op& op : made.ops) {
      carry_out(op, lines);
    }
    return lines;
  }

  // Looks at everything until nothing is left to say.
  std::vector<std::string> settle() {
    std::vector<std::string> lines;
    for (int looks = 0; looks < 20; ++looks) {
      discovered_ = false;
      const auto more = look(table_->folders(), true, looks > 10);
      lines.insert(lines.end(), more.begin(), more.end());
      if (more.empty() && !waiting_ && !discovered_) {
        return lines;
      }
    }
    ADD_FAILURE() << "it never rests";
    return lines;
  }

  NodeRef at(const std::string& path) const {
    NodeRef ref = kRoot;
    for (std::size_t from = 0; from < path.size();) {
      const std::size_t slash = std::min(path.find('/', from), path.size());
      const auto found = table_->at(ref, path.substr(from, slash - from));
      EXPECT_EQ(found.size(), 1u) << path;
      ref = found.at(0);
      from = slash + 1;
    }
    return ref;
  }

  std::map<std::string, std::string> all() const {
    std::map<std::string, std::string> paths;
    for (const NodeRef folder : table_->folders()) {
      for (const NodeRef child : table_->children(folder)) {
        const Node& node = (*table_)[child];
        const std::string path = table_->path(child);
        EXPECT_TRUE(paths
                        .emplace(node.kind == Kind::kFolder ? path + "/" : path,
                                 node.file.checksum ? hex(*node.file.checksum) : "")
                        .second);
      }
    }
    return paths;
  }
  const NodeTable& table() const { return *table_; }
  std::vector<Change> changes;
  std::size_t path_bytes_max = kPathBytesMax;

 private:
  NodeId next_id() {
    std::array<std::byte, NodeId::kRandomBytes> bytes{};
    bytes[10] = static_cast<std::byte>(ids_ / 256);
    bytes[11] = static_cast<std::byte>(ids_++ % 256);
    return NodeId::make(bytes);
  }

  void carry_out(const Op& op, std::vector<std::string>& lines) {
    std::optional<Content> content;
    if (needs_content(*table_, op)) {
      content = tree_.read(
          op.folder->path.empty() ? op.seen->name : op.folder->path + '/' + op.seen->name, 1'000);
      ASSERT_TRUE(agrees(op, *content));
    }
    for (const NodeRef node : outgrowing(*table_, op, path_bytes_max)) {
      take(withdraw(*table_, node), lines);
    }
    auto applied = apply(*table_, op, content ? &*content : nullptr, next_id(), path_bytes_max);
    discovered_ = discovered_ || applied.look_inside;
    take(std::move(applied), lines);
    if (place_after(*table_, op)) {
      for (const NodeRef node : now_fitting(*table_, op.node, path_bytes_max)) {
        take(announce(*table_, node), lines);
      }
    }
  }

  void take(Applied applied, std::vector<std::string>& lines) {
    if (!applied.change) {
      return;
    }
    const NodeView& before = applied.change->before;
    const NodeView& after = applied.change->after;
    switch (applied.change->kind) {
      case Change::Kind::kCreated:
        lines.push_back("created " + after.path);
        break;
      case Change::Kind::kUpdated:
        EXPECT_EQ(before.path, after.path);
        EXPECT_EQ(before.version + 1, after.version);
        lines.push_back("updated " + after.path);
        break;
      case Change::Kind::kMoved:
        lines.push_back("moved " + before.path + " " + after.path);
        break;
      case Change::Kind::kDeleted:
        lines.push_back("deleted " + before.path);
        break;
    }
    changes.push_back(std::move(*applied.change));
  }

  FakeTree& tree_;
  SilentSource source_;
  std::unique_ptr<NodeTable> table_;
  std::unordered_set<NodeRef> held_;
  unsigned ids_ = 0;
  bool waiting_ = false;
  bool discovered_ = false;
};

}  // namespace bitvault::watch
