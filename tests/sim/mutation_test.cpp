// The checkers can fail: each broken store is caught, by a checker that is there for it, within a
// few seeds as a rule.

#include <gtest/gtest.h>

#include <algorithm>

#include "broken_store.h"
#include "seeds.h"
#include "simulation.h"

namespace bitvault::sim {
namespace {

constexpr std::uint64_t kSeedsMax = 400;  // some are rare: with 40, one run in many missed one

class Mutation : public testing::TestWithParam<Breakage> {};

bool caught(const Outcome& outcome, const Breakage& breakage) {
  return std::ranges::any_of(outcome.violations, [&](const std::string& violation) {
    return std::ranges::any_of(breakage.caught_by, [&](std::string_view checker) {
      return violation.starts_with(fmt::format("{}:", checker));
    });
  });
}

TEST_P(Mutation, IsCaught) {
  const std::uint64_t first = base_seed();
  for (std::uint64_t seed = first; seed < first + kSeedsMax; ++seed) {
    Options options = draw_options(seed);
    options.tenants = std::max<std::size_t>(options.tenants, 2);
    if (caught(simulate(options, GetParam().sabotage), GetParam())) {
      return;
    }
  }
  FAIL() << "a store that " << GetParam().what << " passed for good with seeds " << first << " to "
         << first + kSeedsMax - 1;
}

INSTANTIATE_TEST_SUITE_P(Store, Mutation, testing::ValuesIn(all_breakages()),
                         [](const testing::TestParamInfo<Breakage>& breakage) {
                           std::string name(breakage.param.what);
                           std::erase(name, '\'');
                           std::ranges::replace(name, ' ', '_');
                           return name;
                         });

}  // namespace
}  // namespace bitvault::sim
