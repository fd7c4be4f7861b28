#include "watch/order.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>

namespace bitvault::watch {
namespace {

class Sorter {
 public:
  Sorter(const NodeTable& table, std::vector<PlannedChange> changes)
      : table_(table), changes_(std::move(changes)), state_(changes_.size(), State::kWaiting) {
    group();
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      const Op& op = changes_[i].op;
      if (op.kind == Op::Kind::kMove || op.kind == Op::Kind::kDelete) {
        leaving_.emplace(op.node, i);
      }
    }
    for (const PlannedChange& change : changes_) {
      if (change.op.kind == Op::Kind::kMove) {
        note_way_out(change.op.node);
      }
    }
  }

  std::vector<Op> run() {
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      visit(i);
    }
    return std::move(sorted_);
  }

 private:
  enum class State : std::uint8_t { kWaiting, kOpen, kDone };
  struct Frame {
    std::size_t change;
    std::vector<std::size_t> first;  // what comes before it and was not visited yet
  };

  // Moves first, then what was deleted, changed and made, each in the order given.
  void group() {
    std::vector<PlannedChange> grouped;
    grouped.reserve(changes_.size());
    for (const Op::Kind kind :
         {Op::Kind::kMove, Op::Kind::kDelete, Op::Kind::kUpdate, Op::Kind::kCreate}) {
      std::ranges::copy_if(changes_, std::back_inserter(grouped),
                           [kind](const PlannedChange& each) { return each.op.kind == kind; });
    }
    changes_ = std::move(grouped);
  }

  // A folder that is deleted waits for all that moves out of it.
  void note_way_out(NodeRef mover) {
    for (NodeRef step = table_[mover].parent; step != kNoNode; step = table_[step].parent) {
      const auto found = leaving_.find(step);
      if (found != leaving_.end() && changes_[found->second].op.kind == Op::Kind::kDelete) {
        ways_out_.emplace(step, leaving_.at(mover));
      }
    }
  }

  void visit(std::size_t start) {
    std::vector<Frame> stack;
    if (state_[start] == State::kWaiting) {
      open(stack, start);
    }
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.first.empty()) {
        finish(frame.change);
        stack.pop_back();
        continue;
      }
      const std::size_t next = frame.first.back();
      frame.first.pop_back();
      if (state_[next] == State::kWaiting) {
        open(stack, next);
      } else if (state_[next] == State::kOpen) {
        cut(next);
      }
    }
  }

  void open(std::vector<Frame>& stack, std::size_t change) {
    state_[change] = State::kOpen;
    stack.push_back({change, what_comes_before(changes_[change].op)});
  }

  // Cuts a circle: the node leaves its place, and the folders that it is in, before its own turn.
  // Only a move can be open here, since it alone leads from a place to another.
  void cut(std::size_t change) {
    const Op& op = changes_[change].op;
    if (op.kind == Op::Kind::kMove && aside_.insert(op.node).second) {
      sorted_.push_back({.kind = Op::Kind::kStepAside, .node = op.node});
    }
  }

  std::vector<std::size_t> what_comes_before(const Op& op) const {
    std::vector<std::size_t> first;
    if (op.kind == Op::Kind::kDelete) {
      const auto [from, to] = ways_out_.equal_range(op.node);
      std::transform(from, to, std::back_inserter(first),
                     [](const auto& way) { return way.second; });
      return first;
    }
    if (op.kind == Op::Kind::kUpdate) {
      return first;
    }
    for (const NodeRef occupant : table_.at(op.folder->folder, op.seen->name)) {
      const auto found = leaving_.find(occupant);
      if (found != leaving_.end()) {
        first.push_back(found->second);
      }
    }
    if (const auto parent = moved_parent(op)) {
      first.push_back(*parent);
    }
    return first;
  }

  // The move of the nearest folder above the new place that moves itself. It comes first, so no
  // folder is ever below itself.
  std::optional<std::size_t> moved_parent(const Op& op) const {
    for (NodeRef step = op.folder->folder; step != kNoNode; step = table_[step].parent) {
      const auto found = leaving_.find(step);
      if (found != leaving_.end() && changes_[found->second].op.kind == Op::Kind::kMove) {
        return found->second;
      }
    }
    return std::nullopt;
  }

  void finish(std::size_t change) {
    state_[change] = State::kDone;
    const PlannedChange& planned = changes_[change];
    if (planned.op.kind == Op::Kind::kDelete) {
      delete_all(planned.op.node);
      return;
    }
    sorted_.push_back(planned.op);
    if (planned.then) {
      sorted_.push_back(*planned.then);
    }
  }

  // What a folder holds goes before it, save what moved out.
  void delete_all(NodeRef top) {
    std::vector<NodeRef> order{top};
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (const NodeRef child : table_[order[i]].kind == Kind::kFolder ? table_.children(order[i])
                                                                        : std::vector<NodeRef>{}) {
        if (!leaving_.contains(child)) {
          order.push_back(child);
        }
      }
    }
    for (auto node = order.rbegin(); node != order.rend(); ++node) {
      sorted_.push_back({.kind = Op::Kind::kDelete, .node = *node});
    }
  }

  const NodeTable& table_;
  std::vector<PlannedChange> changes_;
  std::vector<State> state_;
  std::unordered_map<NodeRef, std::size_t> leaving_;        // moves and deletions, by node
  std::unordered_multimap<NodeRef, std::size_t> ways_out_;  // of deleted folders
  std::unordered_set<NodeRef> aside_;
  std::vector<Op> sorted_;
};

}  // namespace

std::vector<Op> in_order(const NodeTable& table, std::vector<PlannedChange> changes) {
  return Sorter(table, std::move(changes)).run();
}

}  // namespace bitvault::watch
