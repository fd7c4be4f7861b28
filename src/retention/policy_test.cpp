#include "retention/policy.h"

#include <gtest/gtest.h>

namespace bitvault {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr WallTime kNow{hours(500'000)};

// A journal whose events 1 to `head` were recorded a second apart, the last one now.
Upkeep upkeep(std::uint64_t head, std::uint64_t floor, std::uint64_t swept,
              std::uint64_t forgotten) {
  const auto recorded = [&](std::uint64_t sequence) {
    return sequence <= head ? std::optional(kNow - seconds(head - sequence)) : std::nullopt;
  };
  const Tenant tenant{.name = TenantName::parse("acme").value(),
                      .state = TenantState::kActive,
                      .settings = {},
                      .created = {},
                      .journal = {Epoch::parse("abcdefgh2345").value(), {head}, {floor}}};
  return {.tenant = tenant,
          .swept = {swept},
          .forgotten = {forgotten},
          .oldest = recorded(floor),
          .oldest_id = forgotten < floor ? recorded(forgotten) : std::nullopt};
}

RetentionPolicy by_count(std::uint64_t events) {
  return {.max_age_seconds = std::nullopt, .max_events = events};
}

RetentionPolicy by_age(std::uint64_t age) {
  return {.max_age_seconds = age, .max_events = std::nullopt};
}

TEST(RetentionPolicy, TheTenantsOwnSettingsWin) {
  const RetentionPolicy defaults{.max_age_seconds = 60, .max_events = 10};
  TenantSettings settings;
  EXPECT_EQ(policy_of(settings, defaults), defaults);
  settings.retention_events = 5;
  EXPECT_EQ(policy_of(settings, defaults), (RetentionPolicy{60, 5}));
  settings.retention_age_seconds = 90;
  EXPECT_EQ(policy_of(settings, {}), (RetentionPolicy{90, 5}));
}

TEST(RetentionPolicy, KeepsEverythingUnlessTold) {
  EXPECT_EQ(due(upkeep(1'000, 1, 1, 1), {}, kNow), Due{});
  EXPECT_EQ(due(upkeep(0, 1, 1, 1), {1, 1}, kNow), Due{});
}

TEST(RetentionPolicy, KeepsTheLastEventsByCount) {
  const auto floor = [](std::uint64_t head, std::uint64_t now, std::uint64_t max) {
    const auto found = due(upkeep(head, now, now, now), by_count(max), kNow).floor;
    return found ? found->value : 0;
  };
  EXPECT_EQ(floor(10, 1, 10), 0);
  EXPECT_EQ(floor(11, 1, 10), 2);
  EXPECT_EQ(floor(11, 2, 10), 0);
  EXPECT_EQ(floor(100, 5, 1), 100);
  EXPECT_EQ(floor(100, 99, 50), 0) << "a floor never goes back";
  EXPECT_EQ(floor(100, 1, ~std::uint64_t{0}), 0);
}

TEST(RetentionPolicy, LooksForExpiredEventsWhenTheOldestIsTooOld) {
  EXPECT_EQ(due(upkeep(11, 1, 1, 1), by_age(10), kNow).expired_before, std::nullopt);
  EXPECT_EQ(due(upkeep(12, 1, 1, 1), by_age(10), kNow).expired_before, kNow - seconds(10));
  EXPECT_EQ(due(upkeep(12, 2, 2, 2), by_age(10), kNow).expired_before, std::nullopt);
  EXPECT_EQ(due(upkeep(12, 13, 13, 13), by_age(1), kNow).expired_before, std::nullopt);
}

TEST(RetentionPolicy, AnAgeBeyondTheClocksBeginningIsForEver) {
  for (const std::uint64_t age :
       {~std::uint64_t{0}, std::uint64_t{1} << 62, std::uint64_t{1} << 42}) {
    EXPECT_EQ(due(upkeep(1'000, 1, 1, 1), by_age(age), kNow), Due{}) << age;
  }
  EXPECT_EQ(due(upkeep(10, 1, 1, 1), by_age(1), WallTime{seconds(-1)}), Due{});
}

TEST(RetentionPolicy, PrunesWhatIsLeftBelowTheFloor) {
  EXPECT_FALSE(due(upkeep(100, 1, 1, 1), {}, kNow).prune);
  EXPECT_TRUE(due(upkeep(100, 50, 1, 1), {}, kNow).prune);
  EXPECT_TRUE(due(upkeep(100, 50, 49, 1), {}, kNow).prune);
  EXPECT_FALSE(due(upkeep(100, 50, 50, 1), {}, kNow).prune) << "its ids are too young";
  EXPECT_FALSE(due(upkeep(100, 50, 50, 50), {}, kNow).prune);
}

TEST(RetentionPolicy, ForgetsIdsAfterADay) {
  const auto day = static_cast<std::uint64_t>(kIdsRememberedMin / seconds(1));
  EXPECT_FALSE(due(upkeep(day + 1, 50, 50, 1), {}, kNow).prune);
  EXPECT_TRUE(due(upkeep(day + 2, 50, 50, 1), {}, kNow).prune);
  EXPECT_FALSE(due(upkeep(day + 2, 50, 50, 2), {}, kNow).prune);
}

TEST(RetentionPolicy, NothingIsDueOfATenantThatGoes) {
  Upkeep going = upkeep(100, 50, 1, 1);
  going.tenant.state = TenantState::kDeleting;
  EXPECT_EQ(due(going, by_count(1), kNow), Due{});
}

}  // namespace
}  // namespace bitvault
