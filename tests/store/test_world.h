// A World for tests of the store: a clock that is set by hand, random bytes from a seed, and sleeps
// that only move the clock. Thread-safe; with one thread also deterministic.
#pragma once

#include <atomic>
#include <mutex>

#include "tests/sim/dice.h"
#include "world/world.h"

namespace bitvault::test {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override { return WallTime{Duration{wall_.load()}}; }
  [[nodiscard]] MonotonicTime monotonic() const override {
    return MonotonicTime{Duration{monotonic_.load()}};
  }

  void advance(Duration by) {
    wall_ += by.count();
    monotonic_ += by.count();
  }
  void set_wall(WallTime time) { wall_ = time.time_since_epoch().count(); }

 private:
  std::atomic<std::int64_t> wall_{1'795'406'522'000'000};  // 2026-11-23T04:02:02Z
  std::atomic<std::int64_t> monotonic_{1'000'000};
};

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : dice_(seed) {}

  void fill(std::span<std::byte> bytes) override {
    const std::scoped_lock lock(mutex_);
    for (std::byte& byte : bytes) {
      byte = static_cast<std::byte>(dice_.next() & 0xff);
    }
  }

 private:
  std::mutex mutex_;
  sim::Dice dice_;  // guarded by mutex_
};

class TestWorld final : public World {
 public:
  explicit TestWorld(std::uint64_t seed = 1) : random_(seed) {}

  [[nodiscard]] const Clock& clock() const override { return clock_; }
  [[nodiscard]] Random& random() override { return random_; }
  [[nodiscard]] Task<> sleep(Duration delay) override {
    clock_.advance(delay);
    co_return;
  }

  [[nodiscard]] ManualClock& manual_clock() { return clock_; }

 private:
  ManualClock clock_;
  SeededRandom random_;
};

}  // namespace bitvault::test
