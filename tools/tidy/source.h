// The tracked files as the rules see them.
//
// Everything here is pure: a Tree is made from names and texts, so that each rule can be tried on a
// few lines in memory.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bitvault::tidy {

// A file, split into lines. For C++ files `code` holds the same lines with every comment, string
// and character literal blanked by spaces, so that columns agree.
struct Source {
  struct Include {
    std::size_t line = 0;  // from 1
    std::string path;      // between the quotes
  };

  std::string path;
  std::vector<std::string> lines;
  std::vector<std::string> code;
  std::vector<bool> in_raw_string;  // whether the line touches a raw string literal
  std::vector<Include> includes;    // those with quotes
  bool for_tests = false;           // only tests include it; see make_tree()

  [[nodiscard]] bool is_cpp() const { return is_header() || path.ends_with(".cpp"); }
  [[nodiscard]] bool is_header() const { return path.ends_with(".h"); }
  [[nodiscard]] bool is_test() const { return path.ends_with("_test.cpp"); }
  // A test, or something that only tests use.
  [[nodiscard]] bool is_test_code() const {
    return is_test() || for_tests || path.starts_with("tests/");
  }
};

[[nodiscard]] Source make_source(std::string path, std::string_view text);

// Every tracked text file by its path from the root of the repository.
using Tree = std::map<std::string, Source, std::less<>>;

// Also finds out which headers only tests include, directly or through each other, and their
// sources.
[[nodiscard]] Tree make_tree(const std::vector<std::pair<std::string, std::string>>& files);

// "src/base/text.h" -> "src/base"; "" for a file in the root.
[[nodiscard]] std::string_view folder_of(std::string_view path);
// "src/base/text.h" -> "text.h".
[[nodiscard]] std::string_view name_of(std::string_view path);

}  // namespace bitvault::tidy
