// What is due in a journal: which floor its settings ask for, and whether something below the floor
// is left to delete. Pure: the store's word and the clock in, a decision out.
#pragma once

#include <cstdint>
#include <optional>

#include "store/store.h"

namespace bitvault {

// An id is remembered while its event is retained, and at least so long after it was recorded.
inline constexpr Duration kIdsRememberedMin = std::chrono::hours(24);

// How long events are kept; absent: for ever.
struct RetentionPolicy {
  std::optional<std::uint64_t> max_age_seconds;
  std::optional<std::uint64_t> max_events;
  bool operator==(const RetentionPolicy&) const = default;
};

// What holds for a tenant: each of its own settings wins over the installation's default.
[[nodiscard]] RetentionPolicy policy_of(const TenantSettings& settings,
                                        const RetentionPolicy& defaults);

struct Due {
  // What is not among the last max_events, however young: the floor that this asks for.
  std::optional<Sequence> floor;
  // Something was recorded before this time, which is too long ago: look up what.
  std::optional<WallTime> expired_before;
  // Bytes or ids below the floor, as it is now, are left to delete.
  bool prune = false;
  bool operator==(const Due&) const = default;
};

[[nodiscard]] Due due(const Upkeep& upkeep, const RetentionPolicy& policy, WallTime now);

// Ids of events recorded before it may be forgotten.
[[nodiscard]] WallTime ids_before(WallTime now);

}  // namespace bitvault
