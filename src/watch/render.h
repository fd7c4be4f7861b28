// Makes events of the catalog out of changes. Pure.
#pragma once

#include <string>

#include "base/error.h"
#include "base/tenant_name.h"
#include "base/time.h"
#include "catalog/catalog.h"
#include "event/event.h"
#include "watch/apply.h"
#include "watch/told.h"

namespace bitvault::watch {

// The event's `data`, not yet validated.
[[nodiscard]] std::string data_json(const Change& change);

// Error: kTooLarge or kEventInvalid when the catalog has no room for the change (a path that is
// too long).
[[nodiscard]] Result<EncodedEvent> render(const Change& change, const Catalog& catalog,
                                          const TenantName& tenant, EventId id, WallTime now);

}  // namespace bitvault::watch
