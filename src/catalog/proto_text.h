// Tests write their own catalogs as protobuf text: what protoc would make of it.
#pragma once

#include <string>
#include <string_view>

namespace bitvault {

// The serialized descriptor set, with imports and source info, of a file that holds `declarations`.
// They stand in the package bitvault.probe.v1, with the catalog's options and Timestamp at hand.
[[nodiscard]] std::string descriptor_set_of(std::string_view declarations);

}  // namespace bitvault
