// Files as git lists them: not each of them is one to read.
#pragma once

#include <optional>
#include <string>

namespace bitvault::tidy {

// Nothing for what is no text, leads to no file (git also lists symbolic links to folders), or is
// gone from the work tree.
[[nodiscard]] std::optional<std::string> read_text(const std::string& path);

}  // namespace bitvault::tidy
