#include "pattern/evaluation.h"

#include <algorithm>

namespace bitvault::pattern {

void Evaluation::begin(const Program& program, std::span<const PathNode> nodes,
                       const PathTree& paths, const Reading& reading) {
  program_ = &program;
  nodes_ = nodes;
  paths_ = &paths;
  reading_ = &reading;
  met_.assign(program.fields.size(), Met::kUnknown);
  has_met_scopes_.clear();
}

Evaluation::Met Evaluation::judge(FieldIndex field) const {
  const Condition& condition = program_->fields[field].condition;
  std::uint32_t index = reading_->at(nodes_[field]).first;
  if (index == Reading::kNoLeaf) {
    return condition.absent ? Met::kOutsideArrays : Met::kNot;
  }
  Met best = Met::kNot;
  while (index != Reading::kNoLeaf) {
    const Reading::Leaf& leaf = reading_->leaf(index);
    if ((best == Met::kNot || leaf.scope == kWholeEvent) && condition.meets(leaf.value)) {
      best = Met::kWithinArrays;
      if (leaf.scope == kWholeEvent) {
        return Met::kOutsideArrays;
      }
    }
    index = leaf.next;
  }
  return best;
}

Evaluation::Met Evaluation::met(FieldIndex field) {
  if (met_[field] == Met::kUnknown) {
    met_[field] = judge(field);
  }
  return met_[field];
}

bool Evaluation::holds(const Combination& combination) {
  std::size_t within_arrays = 0;
  for (const FieldIndex field : combination) {
    const Met met = this->met(field);
    if (met == Met::kNot) {
      return false;
    }
    within_arrays += met == Met::kWithinArrays ? 1 : 0;
  }
  return within_arrays <= 1 || holds_together(combination);
}

bool Evaluation::holds() {
  return std::ranges::any_of(program_->combinations,
                             [&](const Combination& combination) { return holds(combination); });
}

void Evaluation::find_scopes(const Combination& combination) {
  if (has_met_scopes_.empty()) {
    has_met_scopes_.assign(program_->fields.size(), false);
    met_scopes_.resize(std::max(met_scopes_.size(), program_->fields.size()));
  }
  for (const FieldIndex field : combination) {
    if (has_met_scopes_[field]) {
      continue;
    }
    has_met_scopes_[field] = true;
    std::vector<Scope>& scopes = met_scopes_[field];
    scopes.clear();
    if (met(field) == Met::kOutsideArrays) {
      scopes.push_back(kWholeEvent);  // which is also where an absent field is met
      continue;
    }
    for (std::uint32_t index = reading_->at(nodes_[field]).first; index != Reading::kNoLeaf;
         index = reading_->leaf(index).next) {
      const Reading::Leaf& leaf = reading_->leaf(index);
      if ((scopes.empty() || scopes.back() != leaf.scope) &&
          program_->fields[field].condition.meets(leaf.value)) {
        scopes.push_back(leaf.scope);
      }
    }
  }
}

void Evaluation::mark_beneath(const Combination& combination, bool clear) {
  beneath_.resize(std::max(beneath_.size(), paths_->size()), 0);
  for (std::size_t bit = 0; bit < combination.size(); ++bit) {
    for (PathNode node = nodes_[combination[bit]]; node != PathTree::kNone;
         node = paths_->parent(node)) {
      beneath_[node] = clear ? 0 : beneath_[node] | FieldMask{1} << bit;
    }
  }
}

// An array meets the fields beneath its path when one of its elements meets them all, apart from
// those that are met outside of it. Scopes are numbered from the outside in, so one pass inwards
// hands down what is given, and one pass outwards gathers what the arrays meet.
bool Evaluation::holds_together(const Combination& combination) {
  find_scopes(combination);
  given_.assign(reading_->scopes(), 0);
  gained_.assign(reading_->scopes(), 0);
  mark_beneath(combination, false);
  for (std::size_t bit = 0; bit < combination.size(); ++bit) {
    const FieldIndex field = combination[bit];
    for (const Scope scope : met_scopes_[field]) {
      given_[scope] |= FieldMask{1} << bit;
    }
  }
  for (Scope scope = 1; scope < given_.size(); ++scope) {
    given_[scope] |= given_[reading_->array_of(scope).outer];
  }
  for (Scope scope = static_cast<Scope>(given_.size()); --scope > 0;) {
    const FieldMask wanted = beneath_[reading_->array_of(scope).node];
    if (((given_[scope] | gained_[scope]) & wanted) == wanted) {
      gained_[reading_->array_of(scope).outer] |= wanted;
    }
  }
  mark_beneath(combination, true);
  const FieldMask all = ~FieldMask{0} >> (64 - combination.size());
  return ((given_[kWholeEvent] | gained_[kWholeEvent]) & all) == all;
}

}  // namespace bitvault::pattern
