// Tab completion for shells, made from the tree of commands itself, so that it cannot be behind.
//
// An option's type name says what follows it: FILE and DIR complete as such, "a|b|C" as its
// lower-case words, anything else as nothing. Arguments without an option complete as files when
// the first of them is a FILE.
#pragma once

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace bitvault::cli {

enum class Shell : std::uint8_t { kBash, kZsh, kFish };

[[nodiscard]] std::string completion_script(const CLI::App& root, Shell shell);

}  // namespace bitvault::cli
