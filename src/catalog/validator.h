// Checks JSON against a schema and writes it in its one form, in one walk.
//
// Time is linear in the size of the data, the depth is bounded, and each thread keeps at most about
// 4 MB for it. Hostile data ends as violations.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "catalog/catalog.h"
#include "catalog/schema.h"

namespace bitvault {

// EventType::validate() (catalog.h), for any event schema.
[[nodiscard]] Result<ValidData> validate_data(const EventSchema& event, std::string_view data);

}  // namespace bitvault
