#include "watch/observe.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace bitvault::watch {
namespace {

// A folder is looked for again when others have shown where it might be, but not for ever.
constexpr unsigned kTriesMax = 4;

class Observer {
 public:
  Observer(const NodeTable& table, Tree& tree, ChangeSource& source)
      : table_(table), tree_(tree), source_(source) {}

  Observation run(std::vector<NodeRef> folders, std::size_t entries_max) {
    if (!root_is_there()) {
      return std::move(seen_);
    }
    for (const NodeRef folder : nearest_first(std::move(folders))) {
      if (done_.contains(folder)) {
        continue;
      }
      if (seen_.entries >= entries_max) {
        seen_.left.push_back(folder);
        continue;
      }
      urgent_.push_back(folder);
      while (!urgent_.empty() && !seen_.lack) {
        const NodeRef next = urgent_.back();
        urgent_.pop_back();
        look(next);
      }
    }
    if (seen_.lack || !root_is_there()) {
      // What was listed is not all, or of two directories, or of one that went meanwhile.
      seen_ = {.lack = seen_.lack, .root = seen_.root, .root_identity = seen_.root_identity};
    }
    return std::move(seen_);
  }

 private:
  struct Place {
    NodeRef folder;
    std::string name;
  };

  bool root_is_there() {
    const auto root = tree_.root();
    if (!root && is_lack(root.error())) {
      seen_.lack = root.error();
      return false;
    }
    if (!root) {
      seen_.root = Observation::Root::kMissing;
      return false;
    }
    seen_.root_identity = *root;
    const bool same = *root == table_[kRoot].identity;
    seen_.root = same ? Observation::Root::kThere : Observation::Root::kReplaced;
    return same;
  }

  std::vector<NodeRef> nearest_first(std::vector<NodeRef> folders) const {
    std::vector<std::pair<std::size_t, NodeRef>> by_depth;
    by_depth.reserve(folders.size());
    for (const NodeRef folder : folders) {
      by_depth.emplace_back(table_.depth(folder), folder);
    }
    std::ranges::sort(by_depth);
    std::ranges::transform(by_depth, folders.begin(), [](const auto& pair) { return pair.second; });
    return folders;
  }

  void look(NodeRef folder) {
    if (!done_.insert(folder).second) {
      return;
    }
    const auto path = path_now(folder);
    if (!path) {
      seen_.absent.push_back(folder);
      return;
    }
    const auto watch = source_.watch(*path);
    auto listing = tree_.list(*path);
    if (!listing && is_lack(listing.error())) {
      seen_.lack = listing.error();
      return;
    }
    if (!listing && listing.error() == LookError::kUnreadable) {
      seen_.unreadable.push_back(folder);
      return;
    }
    if (!listing || listing->identity != table_[folder].identity) {
      search(folder, *path);
      return;
    }
    if (watch) {
      seen_.watches.emplace_back(folder, *watch);
    } else if (watch.error() == WatchError::kGone) {
      seen_.unsure.push_back(folder);
    } else {
      seen_.watch_error = watch.error();
    }
    seen_.entries += listing->entries.size();
    seen_.folders.push_back({folder, *path, std::move(listing->entries)});
    follow(seen_.folders.back());
  }

  // Looks where the nodes were whose identity shows up in this folder.
  void follow(const ObservedFolder& observed) {
    for (const Seen& entry : observed.entries) {
      for (const NodeRef ref : table_.with(entry.identity)) {
        const Node& node = table_[ref];
        if (ref == kRoot || (node.parent == observed.folder && node.name == entry.name)) {
          continue;
        }
        if (node.kind == Kind::kFolder) {
          found_.insert_or_assign(ref, Place{observed.folder, entry.name});
        }
        if (!done_.contains(node.parent)) {
          urgent_.push_back(node.parent);
        }
      }
    }
  }

  // The folder is not where it should be: looks again once its parent was listed.
  void search(NodeRef folder, const std::string& tried) {
    if (folder == kRoot) {  // the end of run() sees that the root changed
      return;
    }
    const bool parent_known = done_.contains(table_[folder].parent);
    const bool elsewhere = parent_known && path_now(folder) != tried;
    if ((!parent_known || elsewhere) && ++tries_[folder] < kTriesMax) {
      done_.erase(folder);
      urgent_.push_back(folder);
      if (!parent_known) {
        urgent_.push_back(table_[folder].parent);
      }
      return;
    }
    seen_.absent.push_back(folder);
  }

  // Nothing when what was found contradicts itself.
  std::optional<std::string> path_now(NodeRef folder) const {
    std::vector<std::string_view> names;
    for (NodeRef step = folder; step != kRoot;) {
      const auto found = found_.find(step);
      names.push_back(found != found_.end() ? found->second.name : table_[step].name);
      step = found != found_.end() ? found->second.folder : table_[step].parent;
      if (names.size() > table_.size()) {
        return std::nullopt;
      }
    }
    std::string path;
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      path += path.empty() ? "" : "/";
      path += *name;
    }
    return path;
  }

  const NodeTable& table_;
  Tree& tree_;
  ChangeSource& source_;
  Observation seen_;
  std::vector<NodeRef> urgent_;  // the last one first
  std::unordered_set<NodeRef> done_;
  std::unordered_map<NodeRef, Place> found_;
  std::unordered_map<NodeRef, unsigned> tries_;
};

}  // namespace

Observation observe(const NodeTable& table, std::vector<NodeRef> folders, Tree& tree,
                    ChangeSource& source, std::size_t entries_max) {
  return Observer(table, tree, source).run(std::move(folders), entries_max);
}

}  // namespace bitvault::watch
