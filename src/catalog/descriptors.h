// Makes the schemas from what protoc wrote. The only place that knows protobuf.
#pragma once

#include <string_view>

#include "base/error.h"
#include "catalog/schema.h"

namespace bitvault {

// `descriptor_set` is a serialized google.protobuf.FileDescriptorSet with its imports and source
// info; each file stands behind those that it imports. Error: kInvalid, saying which message or
// field breaks which rule of the catalog.
[[nodiscard]] Result<Schemas> read_descriptor_set(std::string_view descriptor_set);

}  // namespace bitvault
