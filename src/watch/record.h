// The node table's records in the store: one for each node, under the node's id.
//
// A value is one line of text: "1", "d" or "f" ("D" or "F": no event has told of it), the parent's
// id ("-" for the root), version, device, inode, birth (ns), size, modification (ns), checksum in
// hexadecimal or "-", and the name, in which every byte outside of printable ASCII, each blank and
// each percent sign is %XX.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/transaction.h"
#include "watch/node_table.h"

namespace bitvault::watch {

inline constexpr Collection kNodes{"watch.node"};

// One record, "generation", that every commit of the watcher expects and raises: two commits made
// from the same state cannot both succeed.
inline constexpr Collection kState{"watch.state"};
inline constexpr std::string_view kGenerationKey = "generation";

[[nodiscard]] std::string node_value(const NodeTable& table, NodeRef ref);

// Collects records, in any order, and makes the table of them.
class TableLoader {
 public:
  // Error: kInternal when the record is not one of ours.
  [[nodiscard]] Status add(const Record& record);
  // Null when there were no records. Error: kInternal when they are not one tree.
  [[nodiscard]] Result<std::unique_ptr<NodeTable>> finish();

 private:
  struct Loaded {
    Node node;
    std::optional<NodeId> parent;
  };
  std::vector<Loaded> loaded_;
};

}  // namespace bitvault::watch
