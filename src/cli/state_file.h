// A cursor in a file: one line, replaced whole or not at all (a temporary file, fsync, rename).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace bitvault::cli {

// Nothing when there is no such file. Error: kInvalid when it cannot be read or holds no cursor.
[[nodiscard]] Result<std::optional<std::string>> load_cursor(const std::string& path);

// When it returns well, the cursor is on disk. The file's mode is 0600.
[[nodiscard]] Status save_cursor(const std::string& path, std::string_view cursor);

// Whether a text has a cursor's shape: base64url, not too short for one.
[[nodiscard]] bool looks_like_cursor(std::string_view text);

}  // namespace bitvault::cli
