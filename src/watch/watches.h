// Which watch of the ChangeSource is of which folder of the table.
#pragma once

#include <optional>
#include <unordered_map>

#include "watch/change_source.h"
#include "watch/node.h"

namespace bitvault::watch {

class Watches {
 public:
  // Returns the folder's former watch, if it was another one and is nobody's now.
  std::optional<WatchId> set(NodeRef folder, WatchId id) {
    const auto former = forget(folder);
    const auto known = folder_by_id_.find(id);
    if (known != folder_by_id_.end()) {
      id_by_folder_.erase(known->second);
    }
    folder_by_id_.insert_or_assign(id, folder);
    id_by_folder_.insert_or_assign(folder, id);
    return former == id ? std::nullopt : former;
  }
  std::optional<WatchId> forget(NodeRef folder) {
    const auto found = id_by_folder_.find(folder);
    if (found == id_by_folder_.end()) {
      return std::nullopt;
    }
    const WatchId id = found->second;
    id_by_folder_.erase(found);
    folder_by_id_.erase(id);
    return id;
  }
  [[nodiscard]] std::optional<NodeRef> folder(WatchId id) const {
    const auto found = folder_by_id_.find(id);
    return found == folder_by_id_.end() ? std::nullopt : std::optional(found->second);
  }
  void clear() {
    folder_by_id_.clear();
    id_by_folder_.clear();
  }

 private:
  std::unordered_map<WatchId, NodeRef> folder_by_id_;
  std::unordered_map<NodeRef, WatchId> id_by_folder_;
};

}  // namespace bitvault::watch
