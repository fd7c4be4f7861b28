// Seeds for simulated tests: many, fresh on every run, and each one repeatable.
//
// BITVAULT_SIM_SEED=S runs S alone, BITVAULT_SIM_SEEDS=N runs N of them, and BITVAULT_SIM_TRACE=1
// prints the log of a run that fails (with BITVAULT_SIM_SEED: of every run).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bitvault::sim {

// Calls `run` with seed after seed until one fails (a gtest failure), and then says how to repeat
// that one. `count` is how many unless the environment says otherwise.
void for_seeds(std::size_t count, const std::function<void(std::uint64_t seed)>& run);

// The first seed of this process and how many `count` becomes, for tests that loop themselves.
[[nodiscard]] std::uint64_t base_seed();
[[nodiscard]] std::size_t seed_count(std::size_t count);

// Prints a run's log to stderr, if the environment asks for it.
void print_trace(const std::vector<std::string>& lines, bool failed);

}  // namespace bitvault::sim
