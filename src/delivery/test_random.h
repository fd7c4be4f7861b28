// A random source for tests: the same seed gives the same bytes.
#pragma once

#include <random>

#include "world/world.h"

namespace bitvault::delivery {

class TestRandom final : public Random {
 public:
  explicit TestRandom(std::uint64_t seed) : engine_(seed) {}

  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) {
      byte = static_cast<std::byte>(engine_());
    }
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace bitvault::delivery
