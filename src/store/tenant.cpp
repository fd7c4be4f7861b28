#include "store/tenant.h"

#include <fmt/format.h>

namespace bitvault {

Result<TenantSettings> patched(TenantSettings settings, const TenantPatch& patch) {
  const auto set = [](auto& member, const auto& change) {
    if (change) {
      member = *change;
    }
  };
  if (patch.display_name && patch.display_name->size() > kDisplayNameBytesMax) {
    return fail(Code::kInvalid,
                fmt::format("a display name has at most {} bytes", kDisplayNameBytesMax));
  }
  set(settings.display_name, patch.display_name);
  set(settings.retention_age_seconds, patch.retention_age_seconds);
  set(settings.retention_events, patch.retention_events);
  set(settings.rate_limit_per_second, patch.rate_limit_per_second);
  set(settings.operational_events, patch.operational_events);
  return settings;
}

}  // namespace bitvault
