// What src/world promises, tried in many interleavings.

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/strand.hpp>
#include <cstring>
#include <numeric>

#include "harness.h"
#include "seeds.h"

namespace bitvault::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kSeeds = 200;

Task<> sleep_once(World& world, Duration delay, int& ended) {
  co_await world.sleep(delay);
  ++ended;
}

// ---- the simulator itself

TEST(SimWorld, GivesTheSameRunForTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    Harness sim(seed);
    TaskGroup group(sim.executor());
    int ended = 0;
    for (int i = 0; i < 20; ++i) {
      group.spawn(sleep_once(sim.world(), Duration(sim.world().random().below(1'000)), ended));
    }
    EXPECT_TRUE(sim.run(group.join(sim.world())));
    EXPECT_EQ(ended, 20);
    return sim.scheduler().trace();
  };
  for_seeds(kSeeds, [&](std::uint64_t seed) {
    EXPECT_EQ(run(seed), run(seed));
    EXPECT_NE(run(seed), run(seed + 1));
  });
}

TEST(SimWorld, RunsReadyWorkInEveryOrder) {
  std::vector<std::vector<int>> orders;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Harness sim(seed);
    std::vector<int> order;
    for (int i = 0; i < 3; ++i) {
      sim.world().post([&order, i] { order.push_back(i); });
    }
    EXPECT_TRUE(sim.scheduler().run_until([&] { return order.size() == 3; }));
    orders.push_back(order);
  }
  std::ranges::sort(orders);
  const auto repeats = std::ranges::unique(orders);
  orders.erase(repeats.begin(), repeats.end());
  EXPECT_EQ(orders.size(), 6u);
}

TEST(SimWorld, AStrandRunsOneAtATimeInOrder) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    const auto strand = boost::asio::make_strand(sim.executor());
    std::vector<int> order;
    for (int i = 0; i < 10; ++i) {
      boost::asio::post(strand, [&order, i] { order.push_back(i); });
    }
    EXPECT_TRUE(sim.scheduler().run_until([&] { return order.size() == 10; }));
    EXPECT_TRUE(std::ranges::is_sorted(order));
  });
}

TEST(SimWorld, SleepsForAsLongAsAskedAndTheFirstOfTwoEndsBoth) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    const Duration before = sim.now();
    const auto both = [](World& world) -> Task<> {
      using boost::asio::experimental::awaitable_operators::operator||;
      auto brief = world.sleep(seconds(2));
      auto endless = world.sleep(hours(1'000));
      const auto first = co_await (std::move(brief) || std::move(endless));
      EXPECT_EQ(first.index(), 0u);
    };
    EXPECT_TRUE(sim.run(both(sim.world())));
    EXPECT_GE(sim.now() - before, seconds(2));
    EXPECT_LT(sim.now() - before, seconds(3));
    EXPECT_TRUE(sim.scheduler().idle()) << "the timer that lost is gone";
  });
}

TEST(SimWorld, AClockMayBeSetBackButMonotonicTimeGoesOn) {
  Harness sim(1);
  SimClock clock(sim.scheduler(), {.wall_offset = hours(1), .drift_ppm = -300});
  const WallTime wall = clock.wall();
  const MonotonicTime monotonic = clock.monotonic();
  ASSERT_TRUE(sim.scheduler().run_for(seconds(1'000)));
  EXPECT_EQ(clock.monotonic() - monotonic, seconds(1'000) - milliseconds(300));
  clock.step_wall(-hours(2));
  EXPECT_LT(clock.wall(), wall);
  EXPECT_EQ(clock.monotonic() - monotonic, seconds(1'000) - milliseconds(300));
}

// ---- a crash

struct Witness {
  int& destroyed;
  ~Witness() { ++destroyed; }
};

TEST(SimWorld, KillDestroysEveryCoroutineWhereItStands) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    int resumed = 0;
    int destroyed = 0;
    TaskGroup group(sim.executor());
    Signal signal(boost::asio::make_strand(sim.executor()));
    const auto wait = [](World& world, Signal& on, int i, int& went_on, int& gone) -> Task<> {
      const Witness witness{gone};
      if (i % 2 == 0) {
        co_await world.sleep(milliseconds(i));
      } else {
        const bool notified = co_await on.wait(world, milliseconds(i));
        static_cast<void>(notified);
      }
      ++went_on;
    };
    group.spawn(wait(sim.world(), signal, 1, resumed, destroyed));
    for (int i = 2; i < 40; i += 2) {
      group.spawn(wait(sim.world(), signal, i, resumed, destroyed));
    }
    ASSERT_TRUE(sim.scheduler().run_for(milliseconds(seed % 45)));
    const int before = resumed;
    const auto unended = group.size();
    sim.world().kill();
    EXPECT_EQ(group.size(), 0u) << unended << " tasks were running";
    EXPECT_TRUE(sim.scheduler().idle());
    sim.world().post([&resumed] { ++resumed; });
    EXPECT_TRUE(sim.scheduler().idle()) << "nothing is posted to a dead process";
    EXPECT_EQ(resumed, before);
    EXPECT_LE(destroyed, 20);
    EXPECT_GE(destroyed, resumed);
  });
}

// ---- Random

class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(std::vector<std::uint64_t> values) : values_(std::move(values)) {}
  void fill(std::span<std::byte> bytes) override {
    check(bytes.size() == sizeof(std::uint64_t) && used < values_.size(), "it is in the script");
    std::memcpy(bytes.data(), &values_[used++], bytes.size());
  }
  std::size_t used = 0;

 private:
  std::vector<std::uint64_t> values_;
};

TEST(Random, DrawsAgainWhatWouldFavourSomebody) {
  constexpr std::uint64_t kMost = ~std::uint64_t{0};
  ScriptedRandom third({kMost, 5});  // 2^64 is no multiple of 3: the last value has no partners
  EXPECT_EQ(third.below(3), 2u);
  EXPECT_EQ(third.used, 2u);
  ScriptedRandom half({kMost});  // of 2 it is one
  EXPECT_EQ(half.below(2), 1u);
  ScriptedRandom large({kMost, (kMost >> 1) + 1, 7});  // just over half: nearly half is refused
  EXPECT_EQ(large.below((kMost >> 1) + 2), (kMost >> 1) + 1);
  EXPECT_EQ(large.used, 2u);
  ScriptedRandom all({kMost, 9});  // of a bound of 2^64 - 1 every value but this one
  EXPECT_EQ(all.below(kMost), 9u);
}

TEST(Random, IsUniformBelowABound) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    SimRandom random{Dice(seed)};
    const std::uint64_t bound = 2 + seed % 9;
    const auto draws = static_cast<int>(bound * 1'000);
    std::vector<int> counts(bound);
    for (int i = 0; i < draws; ++i) {
      ++counts[random.below(bound)];
    }
    for (const int count : counts) {
      EXPECT_NEAR(count, 1'000, 200);  // more than six standard deviations
    }
    EXPECT_EQ(random.below(1), 0u);
  });
}

// ---- Signal

struct Box {
  int content = 0;
  bool closed = false;
};

// Takes what is in the box; looks, then waits. The patience is far longer than the test.
Task<> consume(World& world, Signal& signal, Box& box, int& taken) {
  while (!box.closed || box.content > 0) {
    if (box.content > 0) {
      taken += std::exchange(box.content, 0);
      co_await world.sleep(Duration(world.random().below(3)));
      continue;
    }
    const bool notified = co_await signal.wait(world, hours(1));
    static_cast<void>(notified);
  }
}

Task<> produce(World& world, Signal& signal, Box& box, int count) {
  for (int i = 0; i < count; ++i) {
    co_await world.sleep(Duration(world.random().below(4)));
    ++box.content;
    signal.notify();
  }
}

Task<> produce_all(World& world, TaskGroup& producers, Signal& signal, Box& box) {
  for (int i = 0; i < 4; ++i) {
    producers.spawn(produce(world, signal, box, 25));
  }
  co_await producers.join(world);
  box.closed = true;
  signal.notify();
}

TEST(Signal, LosesNoWakeUpBetweenTheLookAndTheWait) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    Signal signal(sim.executor());
    Box box;
    int taken = 0;
    TaskGroup group(sim.executor());
    TaskGroup producers(sim.executor());
    group.spawn(consume(sim.world(), signal, box, taken));
    group.spawn(produce_all(sim.world(), producers, signal, box));
    EXPECT_TRUE(sim.run(group.join(sim.world())));
    EXPECT_EQ(taken, 100);
    EXPECT_LT(sim.now(), seconds(1)) << "nobody ever waited for the patience to end";
  });
}

TEST(Signal, RemembersANotificationAndSaysSo) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    Signal signal(sim.executor());
    for (int i = 0; i < 5; ++i) {
      signal.notify();
    }
    const auto twice = [](Harness& in, Signal& on) -> Task<> {
      const Duration start = in.now();
      const bool first = co_await on.wait(in.world(), seconds(9));
      EXPECT_TRUE(first);
      EXPECT_LT(in.now() - start, seconds(1));
      const bool second = co_await on.wait(in.world(), seconds(9));
      EXPECT_FALSE(second) << "five notifications are one";
      EXPECT_GE(in.now() - start, seconds(9));
      EXPECT_LT(in.now() - start, seconds(10));
    };
    EXPECT_TRUE(sim.run(twice(sim, signal)));
    EXPECT_TRUE(sim.nothing_left());
  });
}

// Boost 1.81's channels refuse to buffer after a receive that was cancelled.
TEST(Signal, RemembersANotificationThatComesAfterATimeOut) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    Signal signal(sim.executor());
    const auto twice = [](Harness& in, Signal& on) -> Task<> {
      const bool first = co_await on.wait(in.world(), seconds(1));
      EXPECT_FALSE(first);
      on.notify();
      const Duration start = in.now();
      const bool second = co_await on.wait(in.world(), hours(1));
      EXPECT_TRUE(second);
      EXPECT_LT(in.now() - start, seconds(1));
    };
    EXPECT_TRUE(sim.run(twice(sim, signal)));
    EXPECT_TRUE(sim.nothing_left());
  });
}

TEST(Signal, ACancelledWaitEndsAtOnceWithFalse) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    Signal signal(sim.executor());
    TaskGroup group(sim.executor());
    int ended = 0;
    const auto wait_twice = [](World& world, Signal& on, int& over) -> Task<> {
      const bool first = co_await on.wait(world, hours(1));
      EXPECT_FALSE(first);
      const bool second = co_await on.wait(world, hours(1));
      EXPECT_FALSE(second) << "a cancelled caller does not begin to wait";
      ++over;
    };
    group.spawn(wait_twice(sim.world(), signal, ended));
    ASSERT_TRUE(sim.scheduler().run_for(milliseconds(seed % 3)));
    group.cancel();
    const Duration start = sim.now();
    EXPECT_TRUE(sim.run(group.join(sim.world())));
    EXPECT_EQ(ended, 1);
    EXPECT_LT(sim.now() - start, seconds(1));
    EXPECT_TRUE(sim.nothing_left());
  });
}

// ---- TaskGroup

TEST(TaskGroup, JoinWaitsForAllAndLeavesNothing) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    TaskGroup group(sim.executor());
    int ended = 0;
    for (int i = 0; i < 20; ++i) {
      group.spawn(sleep_once(sim.world(), milliseconds(i % 7), ended));
    }
    EXPECT_EQ(group.size(), 20u);
    EXPECT_TRUE(sim.run(group.join(sim.world())));
    EXPECT_EQ(ended, 20);
    EXPECT_EQ(group.size(), 0u);
    EXPECT_TRUE(sim.nothing_left());
    EXPECT_TRUE(sim.run(group.join(sim.world()))) << "joined again, it is empty at once";
  });
}

TEST(TaskGroup, JoinWaitsForWhatTheTasksSpawn) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    TaskGroup group(sim.executor());
    int ended = 0;
    const auto spawner = [](World& world, TaskGroup& into, int& count) -> Task<> {
      for (int i = 0; i < 5; ++i) {
        into.spawn(sleep_once(world, milliseconds(i), count));
        co_await world.sleep(milliseconds(1));
      }
    };
    group.spawn(spawner(sim.world(), group, ended));
    group.spawn(spawner(sim.world(), group, ended));
    EXPECT_TRUE(sim.run(group.join(sim.world())));
    EXPECT_EQ(ended, 10);
  });
}

TEST(TaskGroup, CancelEndsEveryWaitAndRefusesNewTasks) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    TaskGroup group(sim.executor());
    int ended = 0;
    for (int i = 1; i <= 20; ++i) {
      group.spawn(sleep_once(sim.world(), hours(i), ended));
    }
    ASSERT_TRUE(sim.scheduler().run_for(milliseconds(1)));
    const Duration start = sim.now();
    group.cancel();
    group.spawn(sleep_once(sim.world(), hours(1), ended));
    EXPECT_TRUE(group.cancelled());
    EXPECT_TRUE(sim.run(group.join(sim.world())));
    EXPECT_EQ(ended, 20) << "a cancelled task goes on to its own end";
    EXPECT_LT(sim.now() - start, seconds(1));
    EXPECT_TRUE(sim.nothing_left());
  });
}

TEST(TaskGroup, MayBeCancelledBeforeItsTasksHaveBegun) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    TaskGroup group(sim.executor());
    int ended = 0;
    for (int i = 1; i <= 20; ++i) {
      group.spawn(sleep_once(sim.world(), hours(i), ended));
    }
    for (std::uint64_t i = 0; i < seed % 20; ++i) {
      sim.scheduler().step();
    }
    group.cancel();
    EXPECT_TRUE(sim.run(group.join(sim.world())));
    EXPECT_LE(ended, static_cast<int>(seed % 20)) << "what had not begun never begins";
    EXPECT_LT(sim.now(), seconds(1));
    EXPECT_TRUE(sim.nothing_left());
  });
}

}  // namespace
}  // namespace bitvault::sim
