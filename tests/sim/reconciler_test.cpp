// What Reconciler promises, tried in many interleavings.

#include "world/reconciler.h"

#include <gtest/gtest.h>

#include "harness.h"
#include "seeds.h"

namespace bitvault::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kSeeds = 200;
constexpr Duration kPeriod = seconds(60);

// Work that piles up, and a round that does at most three pieces of it.
class Pile {
 public:
  explicit Pile(Harness& sim) : sim_(sim) {}

  void add(int pieces) { left_ += pieces; }

  Task<bool> round() {
    EXPECT_FALSE(inside_) << "two rounds at a time";
    inside_ = true;
    ++rounds_;
    const int pieces = std::min(left_, 3);
    co_await sim_.world().sleep(Duration(sim_.world().random().below(50)));
    left_ -= pieces;
    inside_ = false;
    co_return left_ > 0;
  }

  [[nodiscard]] int left() const { return left_; }
  [[nodiscard]] int rounds() const { return rounds_; }

 private:
  Harness& sim_;
  int left_ = 0;
  int rounds_ = 0;
  bool inside_ = false;
};

struct Running {
  explicit Running(std::uint64_t seed)
      : sim(seed),
        pile(sim),
        reconciler(sim.world(), sim.executor(), kPeriod, [this] { return pile.round(); }),
        group(sim.executor()) {
    group.spawn(reconciler.run());
  }

  // Cancels and joins, in no time.
  void stop() {
    const Duration start = sim.now();
    group.cancel();
    EXPECT_TRUE(sim.run(group.join(sim.world())));
    EXPECT_LT(sim.now() - start, seconds(1));
    EXPECT_TRUE(sim.nothing_left());
  }

  Harness sim;
  Pile pile;
  Reconciler reconciler;
  TaskGroup group;
};

TEST(Reconciler, RunsAtOnceAndThenEveryPeriod) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Running run(seed);
    ASSERT_TRUE(run.sim.scheduler().run_for(seconds(1)));
    EXPECT_EQ(run.pile.rounds(), 1);
    ASSERT_TRUE(run.sim.scheduler().run_for(10 * kPeriod));
    EXPECT_EQ(run.pile.rounds(), 11);
    run.stop();
  });
}

TEST(Reconciler, ANotificationIsNeverLostNotEvenDuringARound) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Running run(seed);
    Dice dice(seed);
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(run.sim.scheduler().run_for(Duration(dice.below(100))));
      run.pile.add(static_cast<int>(dice.below(5)));
      run.reconciler.notify();
    }
    // Long before the period would have looked.
    ASSERT_TRUE(run.sim.scheduler().run_for(seconds(1)));
    EXPECT_EQ(run.pile.left(), 0);
    run.stop();
  });
}

TEST(Reconciler, GoesOnBackToBackWhileARoundAsksForMore) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Running run(seed);
    ASSERT_TRUE(run.sim.scheduler().run_for(seconds(1)));
    const int before = run.pile.rounds();
    run.pile.add(300);
    run.reconciler.notify();
    ASSERT_TRUE(run.sim.scheduler().run_for(seconds(1)));
    EXPECT_EQ(run.pile.left(), 0);
    EXPECT_EQ(run.pile.rounds() - before, 100);
    run.stop();
  });
}

TEST(Reconciler, FindsBySelfWhatNobodyNotified) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Running run(seed);
    ASSERT_TRUE(run.sim.scheduler().run_for(seconds(1)));
    run.pile.add(10);
    ASSERT_TRUE(run.sim.scheduler().run_for(kPeriod + seconds(1)));
    EXPECT_EQ(run.pile.left(), 0);
    run.stop();
  });
}

TEST(Reconciler, EndsWhenCancelledAtAnyInstant) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Running run(seed);
    run.pile.add(1'000'000);  // it always asks for more
    for (std::uint64_t i = 0; i < seed % 200; ++i) {
      run.sim.scheduler().step();
    }
    run.stop();
    EXPECT_LT(run.pile.rounds(), 200);
  });
}

}  // namespace
}  // namespace bitvault::sim
