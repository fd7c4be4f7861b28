// The rules of the house that clang-format and clang-tidy do not know.
//
//   modules.cpp  who may include whom: #include against the DEPS of the folder
//   words.cpp    words and calls that are banned, and where they are allowed after all
//   shape.cpp    sizes, the beginning of a header, READMEs, tests that are not built
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tidy/source.h"

namespace bitvault::tidy {

struct Finding {
  std::string path;
  std::size_t line = 1;
  std::string rule;
  std::string message;  // what is wrong and how to mend it
  bool warning = false;
};

using Findings = std::vector<Finding>;

void check_modules(const Tree& tree, Findings& out);
void check_words(const Tree& tree, Findings& out);
void check_awaits(const Tree& tree, Findings& out);
void check_shape(const Tree& tree, Findings& out);

// All of them, sorted by place.
[[nodiscard]] Findings check_all(const Tree& tree);

// path:line: rule: message
[[nodiscard]] std::string render(const Finding& finding);

// The place of `word` in `text` at or after `from`, as a word of its own: where its first (last)
// character may be part of an identifier, the one before (after) it must not be. A `*` in front of
// the word stands for any beginning.
[[nodiscard]] std::size_t find_word(std::string_view text, std::string_view word,
                                    std::size_t from = 0);

}  // namespace bitvault::tidy
