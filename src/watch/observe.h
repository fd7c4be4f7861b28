// An Observation is what a few folders held at about one moment, with enough around them to tell a
// move from a deletion.
//
// observe() looks at the folders given and at what they lead to: where an entry has the identity of
// a node that the table has elsewhere, the folder there is listed too; where a folder is not at its
// place in the table, its parent is, and the folder is listed where it was found. Each folder is
// watched before it is listed, so that no change falls between.
//
// It reads the table and changes nothing. It blocks: it runs on the pool for blocking work.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "watch/change_source.h"
#include "watch/node_table.h"
#include "watch/tree.h"

namespace bitvault::watch {

struct ObservedFolder {
  NodeRef folder;
  std::string path;  // where it is on the disk now
  std::vector<Seen> entries;
};

struct Observation {
  enum class Root : std::uint8_t {
    kThere,
    kMissing,   // nothing else is set
    kReplaced,  // by the directory with `root_identity`; nothing else is set
  };
  std::optional<LookError> lack = {};  // of means to look: nothing else is set
  Root root = Root::kThere;
  Identity root_identity = {};

  std::vector<ObservedFolder> folders = {};
  std::vector<NodeRef> absent = {};      // not where the table has them, nor anywhere in view
  std::vector<NodeRef> unreadable = {};  // there, perhaps, but the system shows nothing of them
  std::vector<NodeRef> left = {};        // not looked at: enough was seen for once
  std::vector<NodeRef> unsure = {};      // came and went while they were looked at
  std::vector<std::pair<NodeRef, WatchId>> watches = {};
  std::optional<WatchError> watch_error = {};  // why some folder is not watched
  std::size_t entries = 0;
};

// Begins with no further folder after `entries_max` entries.
[[nodiscard]] Observation observe(const NodeTable& table, std::vector<NodeRef> folders, Tree& tree,
                                  ChangeSource& source, std::size_t entries_max);

}  // namespace bitvault::watch
