// Puts planned changes into an order in which each can be done. Pure.
#pragma once

#include <optional>
#include <vector>

#include "watch/plan.h"

namespace bitvault::watch {

struct PlannedChange {
  Op op;                   // kDelete of a folder stands for all that it still holds
  std::optional<Op> then;  // done right after
};

// See Plan::ops. Where changes wait for one another in a circle (two files that exchanged their
// names), one node steps aside first, so that no two ever stand at one place.
[[nodiscard]] std::vector<Op> in_order(const NodeTable& table, std::vector<PlannedChange> changes);

}  // namespace bitvault::watch
