// A tenant and the state of its journal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/sequence.h"
#include "base/tenant_name.h"
#include "base/time.h"
#include "event/id.h"

namespace bitvault {

inline constexpr std::size_t kDisplayNameBytesMax = 256;

// What a tenant's owner may set. Absent means the installation's default.
struct TenantSettings {
  std::string display_name;
  std::optional<std::uint64_t> retention_age_seconds;
  std::optional<std::uint64_t> retention_events;
  std::optional<std::uint64_t> rate_limit_per_second;
  bool operational_events = false;
  bool operator==(const TenantSettings&) const = default;
};

// A change of settings: what is absent stays; an inner nullopt goes back to the default.
struct TenantPatch {
  std::optional<std::string> display_name;
  std::optional<std::optional<std::uint64_t>> retention_age_seconds;
  std::optional<std::optional<std::uint64_t>> retention_events;
  std::optional<std::optional<std::uint64_t>> rate_limit_per_second;
  std::optional<bool> operational_events;
};

// The settings after a change. Error: kInvalid when the display name is too long.
[[nodiscard]] Result<TenantSettings> patched(TenantSettings settings, const TenantPatch& patch);

// Where a tenant's journal stands. 1..head were committed and are durable; floor..head are
// retained (floor is head + 1 when nothing is). floor starts at 1.
struct JournalHead {
  Epoch epoch;
  Sequence head;
  Sequence floor;
  bool operator==(const JournalHead&) const = default;
};

inline constexpr std::size_t kEpochLabelBytesMax = 64;

// A stretch of a tenant's history under one identity.
struct EpochBegin {
  Epoch epoch;
  Sequence first;     // what its first event has, or will have
  std::string label;  // what its beginner called it; the tenant's very first epoch has none
  WallTime began;
};

enum class TenantState : std::uint8_t { kActive, kDeleting };

struct Tenant {
  TenantName name;
  TenantState state;
  TenantSettings settings;
  WallTime created;
  JournalHead journal;
};

}  // namespace bitvault
