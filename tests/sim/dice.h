// Dice: splitmix64, the one source of chance in a simulation and in the tests of the store. The
// same seed throws the same numbers on every machine, which no std::*_distribution promises.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/check.h"

namespace bitvault::sim {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  // 0 .. bound - 1; bound > 0. Fair enough for choices; the bias is below bound / 2^64.
  std::uint64_t below(std::uint64_t bound) {
    check(bound > 0, "a choice needs alternatives");
    return next() % bound;
  }
  // low .. high, both included.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  bool chance(unsigned per_mille) { return below(1'000) < per_mille; }

  // Dice of its own for one part of a simulation: what it throws moves nobody else's.
  Dice fork() { return Dice(next()); }

 private:
  std::uint64_t state_;
};

}  // namespace bitvault::sim
