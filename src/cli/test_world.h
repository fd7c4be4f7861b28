// A World for tests of the command line: time stands still, random bytes count up.
#pragma once

#include "world/world.h"

namespace bitvault::cli {

class TestWorld final : public World {
 public:
  [[nodiscard]] const Clock& clock() const override { return clock_; }
  [[nodiscard]] Random& random() override { return random_; }
  [[nodiscard]] Task<> sleep(Duration /*delay*/) override { co_return; }

 private:
  struct StillClock final : Clock {
    [[nodiscard]] WallTime wall() const override {
      return WallTime(std::chrono::seconds(1'790'000'000));
    }
    [[nodiscard]] MonotonicTime monotonic() const override { return {}; }
  };
  struct CountingRandom final : Random {
    void fill(std::span<std::byte> bytes) override {
      for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(++count_);
      }
    }
    unsigned count_ = 0;
  };

  StillClock clock_;
  CountingRandom random_;
};

}  // namespace bitvault::cli
