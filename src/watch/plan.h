// The plan: which nodes were created, changed, moved and deleted, from an observation and the
// table. Pure.
//
// What ties an entry to a node, in this order:
// 1. The node at the entry's place, if it has the entry's identity: nothing moved.
// 2. The file at the entry's place whose own identity is nowhere in view: the entry is its new
//    content, also when it is a tracked file that was renamed over it (the way editors save), whose
//    own node is then deleted. A folder that was made again at its place stays the same node
//    likewise.
// 3. A node with the entry's identity that is no longer at its own place: it moved.
// 4. None: the entry is a new node. A second name of one file (a hard link) is a node of its own,
//    and a folder that is in view twice (a bind mount) is taken once.
//
// A node that is at its place no longer and was found nowhere has vanished. It is deleted only if
// it had vanished at an earlier look too (`held`), since it may have moved into a folder that is
// still to be looked at; so long an entry of another kind at its place waits as well.
#pragma once

#include <functional>
#include <vector>

#include "watch/node_table.h"
#include "watch/observe.h"

namespace bitvault::watch {

struct Op {
  enum class Kind : std::uint8_t {
    kCreate,
    kUpdate,
    kMove,
    kStepAside,  // a move out of the way: of nodes that exchange their places, one goes first
    kDelete,
  };
  Kind kind;
  NodeRef node = kNoNode;                  // none yet for kCreate
  const ObservedFolder* folder = nullptr;  // where `seen` is; null for kStepAside and kDelete
  const Seen* seen = nullptr;              // of the observation; null for those too
};

struct Plan {
  // In an order in which each can be done: parents are created before what they hold, a place is
  // left before it is taken, what leaves a folder moves out before it is deleted, and a deleted
  // folder goes after all that it held.
  std::vector<Op> ops;
  std::vector<NodeRef> vanished;  // not yet deleted: to be held
  std::vector<NodeRef> again;     // folders where something waits for another look
};

struct PlanOptions {
  // Whether everything that may have changed is in view. If not, nothing is deleted, and what
  // looks like new content of a file (rule 2) waits.
  bool settled = true;
  // Whether these folders are looked at once more because something waited there: it waits no
  // longer for folders that are still to be discovered, nor for a sight that contradicts itself.
  bool last_look = false;
  std::function<bool(NodeRef)> held = [](NodeRef) { return false; };
};

// The plan points into `observation`.
[[nodiscard]] Plan plan(const NodeTable& table, const Observation& observation,
                        const PlanOptions& options);

// Whether the file must be read before `op` can be done.
[[nodiscard]] bool needs_content(const NodeTable& table, const Op& op);

}  // namespace bitvault::watch
