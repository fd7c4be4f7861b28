// The small space, enumerated: one small workload, and each of its commits and each call of its
// file system fails once, in every way.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "options.h"
#include "simulation.h"

namespace bitvault::sim {
namespace {

// One publisher that does a few transactions, with a repeat, a conflict and a counter among them.
Options small_workload() {
  Options options;
  options.seed = 7;
  options.chaos = std::chrono::seconds(2);
  options.tenants = 1;
  options.publishers = 1;
  options.readers = 1;
  options.connections = 1;
  options.events_max = 2;
  options.hot_ids = 2;
  options.hot_per_mille = 400;
  options.give_up_per_mille = 500;
  options.large_per_mille = 0;
  options.think_max = std::chrono::milliseconds(500);
  options.latency_max = std::chrono::milliseconds(5);
  return options;
}

std::string list(const std::vector<std::string>& violations) {
  std::string text;
  for (const std::string& violation : violations) {
    text += violation + "\n";
  }
  return text;
}

TEST(Enumeration, EveryCommitFailsBeforeAndAfter) {
  const std::uint64_t commits = simulate(small_workload()).commits;
  ASSERT_GT(commits, 5u);
  for (const auto kind : {Options::Planned::kBefore, Options::Planned::kAfter}) {
    for (std::uint64_t n = 1; n <= commits; ++n) {
      Options options = small_workload();
      options.commit_plan = {.number = n, .kind = kind};
      const Outcome outcome = simulate(options);
      EXPECT_TRUE(outcome.violations.empty())
          << "commit " << n << ", kind " << static_cast<int>(kind) << "\n"
          << list(outcome.violations);
    }
  }
}

struct Way {
  const char* name;
  Options::Planned kind;
  std::optional<test::MemoryVfs::Unsynced> unsynced;
};

// Short enough to be written over from its beginning a few times: by force at its bound, or by the
// checkpointer before.
constexpr std::int64_t kShortWalBytes = 40'000;

enum class Wal : std::uint8_t { kLong, kBounded, kCopied };

struct Case {
  Way way;
  Wal wal;
};

Options workload(Wal wal) {
  Options options = small_workload();
  if (wal == Wal::kBounded) {
    options.wal_bytes_max = kShortWalBytes;
  } else if (wal == Wal::kCopied) {
    options.checkpoint_bytes = kShortWalBytes;
  }
  return options;
}

class EveryDiskCall : public testing::TestWithParam<Case> {};

TEST_P(EveryDiskCall, Fails) {
  const std::uint64_t calls = simulate(workload(GetParam().wal)).disk_calls;
  ASSERT_GT(calls, 50u);
  for (std::uint64_t n = 1; n <= calls; ++n) {
    Options options = workload(GetParam().wal);
    options.disk_plan = {.number = n, .kind = GetParam().way.kind};
    options.unsynced = GetParam().way.unsynced;
    const Outcome outcome = simulate(options);
    EXPECT_TRUE(outcome.violations.empty()) << "call " << n << "\n" << list(outcome.violations);
  }
}

constexpr Way kWays[] = {
    {"Before", Options::Planned::kBefore, {}},
    {"Torn", Options::Planned::kTorn, {}},
    {"After", Options::Planned::kAfter, {}},
    {"PowerAndAllIsLost", Options::Planned::kPowerOff, test::MemoryVfs::Unsynced::kLost},
    {"PowerAndHalfIsLost", Options::Planned::kPowerOff, test::MemoryVfs::Unsynced::kHalf},
    {"TheProcessAlone", Options::Planned::kPowerOff, test::MemoryVfs::Unsynced::kKept},
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Wal wal : {Wal::kLong, Wal::kBounded, Wal::kCopied}) {
    for (const Way& way : kWays) {
      cases.push_back({way, wal});
    }
  }
  return cases;
}

std::string name_of(const testing::TestParamInfo<Case>& of) {
  constexpr std::array<std::string_view, 3> kNames = {"", "BoundedWal", "CopiedWal"};
  return fmt::format("{}{}", of.param.way.name, kNames[static_cast<std::size_t>(of.param.wal)]);
}

INSTANTIATE_TEST_SUITE_P(Enumeration, EveryDiskCall, testing::ValuesIn(all_cases()), name_of);

// Otherwise the cases with a short WAL would say nothing.
TEST(Enumeration, AShortWalIsWrittenOver) {
  const std::uint64_t without = simulate(workload(Wal::kLong)).disk_calls;
  EXPECT_GT(simulate(workload(Wal::kBounded)).disk_calls, without);
  EXPECT_GT(simulate(workload(Wal::kCopied)).disk_calls, without);
}

}  // namespace
}  // namespace bitvault::sim
