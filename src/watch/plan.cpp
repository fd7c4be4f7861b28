#include "watch/plan.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>

#include "watch/order.h"

namespace bitvault::watch {
namespace {

struct Sight {
  const ObservedFolder* folder;
  const Seen* seen;
  bool paired = false;
};

class Planner {
 public:
  Planner(const NodeTable& table, const Observation& observation, const PlanOptions& options)
      : table_(table), observation_(observation), options_(options), settled_(options.settled) {}

  Plan run() {
    index();
    for (Sight& sight : sights_) {
      pair(sight);
    }
    for (const Sight& sight : sights_) {
      if (!sight.paired) {
        match(sight);
      }
    }
    do {
      break_circles();
      keep_what_is_needed();
      find_missing();
    } while (drop_blocked());
    for (const NodeRef node : deleted_) {
      changes_.push_back({{Op::Kind::kDelete, node}, {}});
    }
    plan_.ops = in_order(table_, std::move(changes_));
    return std::move(plan_);
  }

 private:
  void index() {
    sights_.reserve(observation_.entries);
    for (const ObservedFolder& observed : observation_.folders) {
      accounted_.insert(observed.folder);
      for (const Seen& entry : observed.entries) {
        sights_.push_back({&observed, &entry});
        ++in_view_[entry.identity];
      }
    }
    accounted_.insert(observation_.absent.begin(), observation_.absent.end());
  }

  // Rule 1.
  void pair(Sight& sight) {
    const auto same = table_.with(sight.seen->identity);
    for (const NodeRef ref : same) {
      const Node& node = table_[ref];
      if (node.parent == sight.folder->folder && node.name == sight.seen->name &&
          node.kind == sight.seen->kind) {
        sight.paired = true;
        taken_.insert(ref);
        note_folder(*sight.seen);
        content_may_differ(ref, sight);
        return;
      }
    }
    ++loose_[sight.seen->identity];
    if (sight.seen->kind == Kind::kFolder && same.empty() && !options_.last_look) {
      settled_ = false;  // nobody knows yet what this folder holds
    }
  }

  void match(const Sight& sight) {
    if (is_doubtful(sight)) {
      return;
    }
    note_folder(*sight.seen);
    const NodeRef occupant = occupant_of(sight);
    if (occupant != kNoNode && is_new_content(occupant, sight)) {  // rule 2
      if (!settled_) {
        wait(sight);
        return;
      }
      taken_.insert(occupant);
      if (sight.seen->links == 1) {
        renamed_over_.insert(sight.seen->identity);
      }
      changes_.push_back({{Op::Kind::kUpdate, occupant, sight.folder, sight.seen}, {}});
      return;
    }
    bool unknown = false;
    const NodeRef mover = mover_of(sight, unknown);
    if (unknown) {
      wait(sight);
    } else if (mover != kNoNode) {  // rule 3
      taken_.insert(mover);
      moving_.emplace(mover, sight.folder->folder);
      changes_.push_back({{Op::Kind::kMove, mover, sight.folder, sight.seen}, {}});
      content_may_differ(mover, sight);
    } else {  // rule 4
      changes_.push_back({{Op::Kind::kCreate, kNoNode, sight.folder, sight.seen}, {}});
    }
  }

  // One thing cannot be at more places than it has names: it moved between two looks.
  bool is_doubtful(const Sight& sight) {
    const Seen& seen = *sight.seen;
    if (seen.kind == Kind::kFolder) {
      return seen.identity == table_[kRoot].identity || folders_tied_.contains(seen.identity);
    }
    if (in_view_[seen.identity] <= seen.links || options_.last_look) {
      return false;
    }
    wait(sight);
    return true;
  }

  void note_folder(const Seen& seen) {
    if (seen.kind == Kind::kFolder) {
      folders_tied_.insert(seen.identity);
    }
  }

  void wait(const Sight& sight) {
    waiting_.insert(sight.seen->identity);
    plan_.again.push_back(sight.folder->folder);
  }

  // The node that the table has at this place although it is not there.
  NodeRef occupant_of(const Sight& sight) const {
    for (const NodeRef ref : table_.at(sight.folder->folder, sight.seen->name)) {
      if (!taken_.contains(ref)) {
        return ref;
      }
    }
    return kNoNode;
  }

  bool is_new_content(NodeRef occupant, const Sight& sight) const {
    const Node& node = table_[occupant];
    return node.kind == sight.seen->kind && !is_loose(occupant) &&
           (node.kind == Kind::kFile || table_.with(sight.seen->identity).empty());
  }

  // Whether its identity is in view at a place where the table does not have it.
  bool is_loose(NodeRef ref) const { return loose_.contains(table_[ref].identity); }

  // `unknown`: there is one, but nobody has looked whether it is still at its place.
  NodeRef mover_of(const Sight& sight, bool& unknown) const {
    NodeRef mover = kNoNode;
    for (const NodeRef ref : table_.with(sight.seen->identity)) {
      if (ref == kRoot || taken_.contains(ref) || table_[ref].kind != sight.seen->kind) {
        continue;
      }
      if (!accounted_.contains(table_[ref].parent)) {
        unknown = true;
      } else if (mover == kNoNode || table_[ref].id < table_[mover].id) {
        mover = ref;
      }
    }
    return mover;
  }

  void content_may_differ(NodeRef ref, const Sight& sight) {
    const FileState& file = table_[ref].file;
    if (sight.seen->kind == Kind::kFolder ||
        (file.size == sight.seen->size && file.modified_ns == sight.seen->modified_ns)) {
      return;
    }
    const Op update{Op::Kind::kUpdate, ref, sight.folder, sight.seen};
    if (!changes_.empty() && changes_.back().op.node == ref) {
      changes_.back().then = update;
    } else {
      changes_.push_back({update, {}});
    }
  }

  // Folders that are moved while they are looked at may be seen each below the other. Such a move
  // waits for another look.
  void break_circles() {
    std::erase_if(changes_, [this](const PlannedChange& change) {
      const Op& op = change.op;
      if (op.kind != Op::Kind::kMove || op.seen->kind != Kind::kFolder ||
          !is_below_itself(op.node)) {
        return false;
      }
      put_off(op);
      return true;
    });
  }

  // The change waits for another look, at both places: the sight may be gone by then.
  void put_off(const Op& op) {
    if (op.kind == Op::Kind::kMove) {
      moving_.erase(op.node);
      staying_.push_back(op.node);
      plan_.again.push_back(table_[op.node].parent);
    }
    plan_.again.push_back(op.folder->folder);
  }

  bool is_below_itself(NodeRef folder) const {
    NodeRef step = folder;
    for (std::size_t steps = 0; step != kRoot && steps <= table_.size(); ++steps) {
      const auto found = moving_.find(step);
      step = found != moving_.end() ? found->second : table_[step].parent;
      if (step == folder) {
        return true;
      }
    }
    return false;
  }

  // A folder is not deleted while something below it is known to be alive and has not moved out.
  void keep_what_is_needed() {
    kept_.clear();
    for (const ObservedFolder& observed : observation_.folders) {
      keep(observed.folder);
    }
    for (const NodeRef ref : staying_) {
      keep(ref);
    }
    for (const Identity& identity : waiting_) {
      for (const NodeRef ref : table_.with(identity)) {
        keep(ref);
      }
    }
  }

  void keep(NodeRef ref) {
    for (NodeRef step = ref; step != kNoNode && !moving_.contains(step);
         step = table_[step].parent) {
      if (!kept_.insert(step).second) {
        return;
      }
    }
  }

  void find_missing() {
    deleted_.clear();
    plan_.vanished.clear();
    for (const ObservedFolder& observed : observation_.folders) {
      for (const NodeRef child : table_.children(observed.folder)) {
        miss(child);
      }
    }
  }

  void miss(NodeRef child) {
    if (taken_.contains(child)) {
      return;
    }
    if (waiting_.contains(table_[child].identity)) {
      plan_.again.push_back(table_[child].parent);  // what waits may be gone by then
      return;
    }
    const bool sure = options_.held(child) || renamed_over_.contains(table_[child].identity);
    if (settled_ && sure && !kept_.contains(child)) {
      deleted_.push_back(child);
    } else {
      plan_.vanished.push_back(child);
    }
  }

  // Puts off what would take the place of a node that stays, and what waits for that in turn.
  // Whether there was anything: then less may be deleted too.
  bool drop_blocked() {
    std::unordered_set<NodeRef> leaving(deleted_.begin(), deleted_.end());
    for (const auto& [node, folder] : moving_) {
      leaving.insert(node);
    }
    std::unordered_multimap<NodeRef, std::size_t> wanted;  // places of nodes, by which changes
    std::vector<std::size_t> blocked;
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      const Op& op = changes_[i].op;
      if (op.kind == Op::Kind::kUpdate) {
        continue;
      }
      for (const NodeRef occupant : table_.at(op.folder->folder, op.seen->name)) {
        wanted.emplace(occupant, i);
        if (!leaving.contains(occupant)) {
          blocked.push_back(i);
        }
      }
    }
    std::unordered_set<std::size_t> dropped;
    while (!blocked.empty()) {
      const std::size_t change = blocked.back();
      blocked.pop_back();
      if (!dropped.insert(change).second) {
        continue;
      }
      const Op& op = changes_[change].op;
      put_off(op);
      const auto [first, last] = wanted.equal_range(op.node);
      std::transform(first, last, std::back_inserter(blocked),
                     [](const auto& want) { return want.second; });
    }
    std::size_t index = 0;
    std::erase_if(changes_, [&](const PlannedChange&) { return dropped.contains(index++); });
    return !dropped.empty();
  }

  const NodeTable& table_;
  const Observation& observation_;
  const PlanOptions& options_;
  bool settled_;
  Plan plan_;
  std::vector<PlannedChange> changes_;
  std::vector<Sight> sights_;
  std::unordered_map<Identity, std::size_t> in_view_;
  std::unordered_map<Identity, std::size_t> loose_;  // in view, but not at their place
  std::unordered_set<NodeRef> accounted_;            // folders of which all that is there is known
  std::unordered_set<NodeRef> taken_;                // nodes that an entry was tied to
  std::unordered_set<Identity> folders_tied_;        // each is taken once
  std::unordered_map<NodeRef, NodeRef> moving_;      // and into which folder
  std::unordered_set<Identity> renamed_over_;        // files that are another node's content now
  std::unordered_set<Identity> waiting_;
  std::vector<NodeRef> staying_;  // would move, but cannot yet
  std::unordered_set<NodeRef> kept_;
  std::vector<NodeRef> deleted_;
};

}  // namespace

Plan plan(const NodeTable& table, const Observation& observation, const PlanOptions& options) {
  return Planner(table, observation, options).run();
}

bool needs_content(const NodeTable& table, const Op& op) {
  if (op.seen == nullptr || op.seen->kind == Kind::kFolder || op.kind == Op::Kind::kMove) {
    return false;
  }
  if (op.kind == Op::Kind::kCreate) {
    return true;
  }
  // Some file systems get another device number with each start: that alone changes nothing.
  const Node& node = table[op.node];
  return node.file.size != op.seen->size || node.file.modified_ns != op.seen->modified_ns ||
         node.identity.inode != op.seen->identity.inode ||
         node.identity.born_ns != op.seen->identity.born_ns;
}

}  // namespace bitvault::watch
