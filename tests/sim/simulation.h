// One simulated run: chaos, healing, quiet, and then the checks.
#pragma once

#include <string>
#include <vector>

#include "cluster.h"
#include "options.h"

namespace bitvault::sim {

struct Outcome {
  std::vector<std::string> violations;  // none: a good run
  std::uint64_t trace = 0;              // the same for the same options
  std::uint64_t steps = 0;
  std::uint64_t disk_calls = 0;  // while there was trouble
  std::uint64_t commits = 0;     // while there was trouble
  std::uint64_t events = 0;      // in the journals at the end
  std::vector<std::string> log;
};

[[nodiscard]] Outcome simulate(const Options& options, const Sabotage& sabotage = {});

}  // namespace bitvault::sim
