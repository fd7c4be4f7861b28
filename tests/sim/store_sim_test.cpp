// The embedded store under fire, seed after seed.

#include <gtest/gtest.h>

#include "seeds.h"
#include "simulation.h"

namespace bitvault::sim {
namespace {

std::string report(const Options& options, const Outcome& outcome) {
  std::string text = describe(options) + "\n";
  for (const std::string& violation : outcome.violations) {
    text += "  " + violation + "\n";
  }
  return text;
}

TEST(StoreSim, KeepsItsPromisesThroughChaos) {
  std::uint64_t events = 0;
  for_seeds(200, [&](std::uint64_t seed) {
    const Options options = draw_options(seed);
    const Outcome outcome = simulate(options);
    EXPECT_TRUE(outcome.violations.empty()) << report(options, outcome);
    events += outcome.events;
    print_trace(outcome.log, !outcome.violations.empty());
  });
  EXPECT_GT(events, 0u);
}

TEST(StoreSim, TheSameSeedIsTheSameRun) {
  for_seeds(20, [](std::uint64_t seed) {
    const Options options = draw_options(seed);
    const Outcome first = simulate(options);
    const Outcome second = simulate(options);
    EXPECT_EQ(first.trace, second.trace) << describe(options);
    EXPECT_EQ(first.log, second.log);
  });
}

}  // namespace
}  // namespace bitvault::sim
