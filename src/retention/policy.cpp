#include "retention/policy.h"

namespace bitvault {
namespace {

// The clock's time so many seconds ago; nothing when that was before the clock began.
std::optional<WallTime> ago(std::uint64_t seconds, WallTime now) {
  const std::int64_t since_start = now.time_since_epoch() / std::chrono::seconds(1);
  if (since_start < 0 || seconds > static_cast<std::uint64_t>(since_start)) {
    return std::nullopt;
  }
  return now - std::chrono::seconds(seconds);
}

}  // namespace

RetentionPolicy policy_of(const TenantSettings& settings, const RetentionPolicy& defaults) {
  const auto own_or = [](const auto& own, const auto& other) { return own ? own : other; };
  return {.max_age_seconds = own_or(settings.retention_age_seconds, defaults.max_age_seconds),
          .max_events = own_or(settings.retention_events, defaults.max_events)};
}

Due due(const Upkeep& upkeep, const RetentionPolicy& policy, WallTime now) {
  Due due;
  if (upkeep.tenant.state != TenantState::kActive) {
    return due;
  }
  const JournalHead& journal = upkeep.tenant.journal;
  if (policy.max_events && journal.head.value > *policy.max_events) {
    const Sequence floor{journal.head.value - *policy.max_events + 1};
    if (floor > journal.floor) {
      due.floor = floor;
    }
  }
  if (policy.max_age_seconds && upkeep.oldest) {
    const auto limit = ago(*policy.max_age_seconds, now);
    if (limit && *upkeep.oldest < *limit) {
      due.expired_before = limit;
    }
  }
  const bool id_is_old = upkeep.oldest_id && *upkeep.oldest_id < ids_before(now);
  due.prune = upkeep.swept < journal.floor || (upkeep.forgotten < journal.floor && id_is_old);
  return due;
}

WallTime ids_before(WallTime now) { return now - kIdsRememberedMin; }

}  // namespace bitvault
