// Stores that break one promise each, in front of one that keeps them all: what the checkers are
// there to notice. Mostly they behave.
#pragma once

#include <string_view>
#include <vector>

#include "cluster.h"

namespace bitvault::sim {

struct Breakage {
  std::string_view what;
  std::vector<std::string_view> caught_by;  // checkers, any of which will do
  Sabotage sabotage;
};

[[nodiscard]] std::vector<Breakage> all_breakages();

}  // namespace bitvault::sim
