// Writes a schema as JSON Schema 2020-12, for people and for tools.
#pragma once

#include <string>
#include <string_view>

#include "catalog/schema.h"

namespace bitvault {

// The URN by which events name their schema: urn:bitvault:schema:<type>:<revision>.
[[nodiscard]] std::string dataschema_of(const EventSchema& event);

// The JSON Schema of `data` in its stored form (what validate_data() writes; it takes a little
// more, such as 64-bit integers as numbers), indented, the same for the same catalog. What JSON
// Schema has no word for stands in members that begin with x-bitvault. `example` is JSON, or empty.
[[nodiscard]] std::string json_schema_of(const EventSchema& event, std::string_view example);

}  // namespace bitvault
