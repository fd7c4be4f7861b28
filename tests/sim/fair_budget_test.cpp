// What FairBudget promises, tried in many interleavings.
#include "world/fair_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <map>

#include "harness.h"
#include "seeds.h"

namespace bitvault::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kSeeds = 200;

struct Watch {
  FairBudget& budget;
  FairBudgetLimits limits;
  std::map<std::string, std::size_t> held = {};
  std::size_t total = 0;
  std::size_t total_most = 0;
  std::vector<std::string> order = {};  // whose turn it was
  int refused = 0;
};

// Takes, holds for a while in two steps, gives back; keeps count on its own.
Task<> use(World& world, Watch& watch, std::string tenant, std::size_t amount, Duration hold,
           Duration patience) {
  auto part = co_await watch.budget.take(world, tenant, amount, patience);
  if (!part) {
    ++watch.refused;
    co_return;
  }
  const std::size_t taken = part->amount();
  EXPECT_EQ(taken, std::min(amount, watch.limits.share));
  watch.order.push_back(tenant);
  watch.total += taken;
  watch.held[tenant] += taken;
  watch.total_most = std::max(watch.total_most, watch.total);
  EXPECT_LE(watch.total, watch.limits.total);
  EXPECT_LE(watch.held[tenant], watch.limits.share);
  co_await world.sleep(hold);
  watch.total -= taken - taken / 2;
  watch.held[tenant] -= taken - taken / 2;
  part->shrink_to(taken / 2);
  co_await world.sleep(hold);
  watch.total -= taken / 2;
  watch.held[tenant] -= taken / 2;
}

TEST(FairBudget, NeverGivesMoreThanThereIsAndServesAll) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    const FairBudgetLimits limits{.total = 100, .share = 60};
    FairBudget budget(limits);
    Watch watch{.budget = budget, .limits = limits};
    TaskGroup group(sim.executor());
    for (int i = 0; i < 60; ++i) {
      Random& random = sim.world().random();
      group.spawn(use(sim.world(), watch, std::string(1, static_cast<char>('a' + random.below(4))),
                      1 + random.below(90), milliseconds(random.below(20)), hours(1)));
    }
    ASSERT_TRUE(sim.run(group.join(sim.world())));
    EXPECT_EQ(watch.order.size(), 60u);
    EXPECT_EQ(watch.refused, 0);
    EXPECT_GT(watch.total_most, 60u) << "more than one tenant at a time";
    EXPECT_EQ(budget.taken(), 0u);
    EXPECT_EQ(budget.waiting(), 0u);
  });
}

TEST(FairBudget, LetsTenantsTakeTurns) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    const FairBudgetLimits limits{.total = 10, .share = 10};
    FairBudget budget(limits);
    Watch watch{.budget = budget, .limits = limits};
    TaskGroup group(sim.executor());
    for (int i = 0; i < 20; ++i) {
      group.spawn(use(sim.world(), watch, "flood", 10, milliseconds(10), hours(1)));
    }
    ASSERT_TRUE(sim.scheduler().run_for(milliseconds(1)));
    ASSERT_EQ(budget.waiting(), 19u);
    group.spawn(use(sim.world(), watch, "late", 10, milliseconds(10), hours(1)));
    ASSERT_TRUE(sim.run(group.join(sim.world())));
    const auto late = std::ranges::find(watch.order, "late");
    EXPECT_LE(late - watch.order.begin(), 2) << "of 20 that came before";
  });
}

TEST(FairBudget, WhoHasNoPatienceLeavesTheLine) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Harness sim(seed);
    const FairBudgetLimits limits{.total = 10, .share = 10};
    FairBudget budget(limits);
    Watch watch{.budget = budget, .limits = limits};
    TaskGroup group(sim.executor());
    group.spawn(use(sim.world(), watch, "holder", 10, seconds(5), hours(1)));
    ASSERT_TRUE(sim.scheduler().run_for(milliseconds(1)));
    for (int i = 0; i < 5; ++i) {
      group.spawn(use(sim.world(), watch, "waiter", 10, seconds(1), milliseconds(100 + i)));
    }
    ASSERT_TRUE(sim.scheduler().run_for(seconds(1)));
    EXPECT_EQ(watch.refused, 5);
    EXPECT_EQ(budget.waiting(), 0u);
    EXPECT_EQ(budget.taken(), 10u);
    ASSERT_TRUE(sim.run(group.join(sim.world())));
    EXPECT_EQ(budget.taken(), 0u);
  });
}

// Wherever a coroutine is cancelled: in the line, granted but not yet resumed, or holding.
TEST(FairBudget, GetsBackWhatACancelledHolderHad) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    const FairBudgetLimits limits{.total = 20, .share = 20};
    FairBudget budget(limits);
    Watch watch{.budget = budget, .limits = limits};
    Harness sim(seed);
    const auto strand = boost::asio::make_strand(sim.executor());
    TaskGroup group(strand);
    for (int i = 0; i < 10; ++i) {
      group.spawn(use(sim.world(), watch, "t", 10, milliseconds(3), hours(1)));
    }
    ASSERT_TRUE(sim.scheduler().run_for(Duration(1'000 * (seed % 15))));
    boost::asio::post(strand, [&] { group.cancel(); });
    ASSERT_TRUE(sim.scheduler().run_until([&] { return group.cancelled() && group.size() == 0; }));
    EXPECT_EQ(budget.taken(), 0u);
    EXPECT_EQ(budget.waiting(), 0u);
  });
}

}  // namespace
}  // namespace bitvault::sim
