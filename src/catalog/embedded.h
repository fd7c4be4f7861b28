// What the build compiles in from proto/: the descriptor set and the examples (embed.cmake writes
// the source file).
#pragma once

#include <span>
#include <string_view>

#include "catalog/catalog.h"

namespace bitvault {

[[nodiscard]] std::string_view embedded_descriptor_set();
[[nodiscard]] std::span<const CatalogExample> embedded_examples();  // sorted by type

}  // namespace bitvault
