#include "seeds.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string_view>

#include "base/text.h"

namespace bitvault::sim {
namespace {

std::optional<std::uint64_t> environment_number(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::nullopt : parse_uint(text);
}

std::uint64_t fresh_seed() {
  std::random_device device;
  // Few digits: a person will type it.
  return device() % 1'000'000'000u;
}

}  // namespace

std::uint64_t base_seed() {
  static const std::uint64_t seed = [] {
    const auto given = environment_number("BITVAULT_SIM_SEED");
    const std::uint64_t drawn = given ? *given : fresh_seed();
    fmt::print("[  seed    ] base seed {}\n", drawn);
    return drawn;
  }();
  return seed;
}

std::size_t seed_count(std::size_t count) {
  if (environment_number("BITVAULT_SIM_SEED")) {
    return 1;
  }
  return environment_number("BITVAULT_SIM_SEEDS").value_or(count);
}

void for_seeds(std::size_t count, const std::function<void(std::uint64_t seed)>& run) {
  const std::size_t seeds = seed_count(count);
  for (std::size_t i = 0; i < seeds; ++i) {
    const std::uint64_t seed = base_seed() + i;
    run(seed);
    if (testing::Test::HasFailure()) {
      const auto* test = testing::UnitTest::GetInstance()->current_test_info();
      fmt::print(stderr,
                 "seed {} failed after {} good ones. Repeat it:\n"
                 "  BITVAULT_SIM_SEED={} BITVAULT_SIM_TRACE=1 sim_test --gtest_filter={}.{}\n",
                 seed, i, seed, test->test_suite_name(), test->name());
      return;
    }
  }
}

void print_trace(const std::vector<std::string>& lines, bool failed) {
  const char* wanted = std::getenv("BITVAULT_SIM_TRACE");
  const bool asked = wanted != nullptr && std::string_view(wanted) == "1";
  if (!asked || !(failed || environment_number("BITVAULT_SIM_SEED"))) {
    return;
  }
  for (const std::string& line : lines) {
    fmt::print(stderr, "{}\n", line);
  }
}

}  // namespace bitvault::sim
