// Does one planned change to the table, and tells what it was.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "watch/node_table.h"
#include "watch/plan.h"
#include "watch/tree.h"

namespace bitvault::watch {

// A node at one moment, as an event shows it. Paths begin with "/".
struct NodeView {
  std::string id;
  Kind kind = Kind::kFile;
  std::string name;
  std::string path;
  std::optional<std::string> parent_id = {};  // absent at the top
  FileState file = {};
  std::uint32_t version = 1;
};

struct Change {
  enum class Kind : std::uint8_t { kCreated, kUpdated, kMoved, kDeleted };
  Kind kind;
  NodeView before = {};  // unset for kCreated
  NodeView after = {};   // unset for kDeleted
};

struct Applied {
  std::optional<Change> change = {};   // none: nobody outside needs to know
  std::optional<NodeRef> stored = {};  // this node's record is to be written
  std::optional<NodeId> erased = {};   // this one's is to be erased
  bool look_inside = false;            // a folder whose entries nobody has seen yet
};

// Whether the file was found as it was seen, so that the change can be done.
[[nodiscard]] bool agrees(const Op& op, const Content& content);

// `content` is given where needs_content() asks for it, and agrees. `id` is for a new node, which
// is told of if its path has at most `path_bytes_max` bytes (told.h).
[[nodiscard]] Applied apply(NodeTable& table, const Op& op, const Content* content,
                            const NodeId& id, std::size_t path_bytes_max);

struct Place {
  NodeRef parent;
  std::string name;
};
// Where a node goes; nothing for what does not move.
[[nodiscard]] std::optional<Place> place_after(const NodeTable& table, const Op& op);

[[nodiscard]] NodeView view(const NodeTable& table, NodeRef ref);

// A name as events show it; different names are shown differently. Valid UTF-8 is shown as it is,
// unless it has a %25 or one of %80 to %FF in it. In such a name, and in one that is not UTF-8,
// each percent sign and each byte that is not part of UTF-8 is written as %XX. What is longer than
// kNameBytesMax then, or looks like what comes of this, is cut and ends in "~" and 16 digits of the
// name's hash.
inline constexpr std::size_t kNameBytesMax = 255;
[[nodiscard]] std::string display_name(std::string_view name);

}  // namespace bitvault::watch
