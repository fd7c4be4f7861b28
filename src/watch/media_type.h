// The media type of a file by its name's extension, for the commonest ones.
#pragma once

#include <string_view>

namespace bitvault::watch {

// application/octet-stream for an extension that is not known, and without one.
[[nodiscard]] std::string_view media_type(std::string_view name);

}  // namespace bitvault::watch
