// Where a PatternSet files its patterns: under a literal, a prefix or a suffix of the values at one
// path, or under any value there.
//
// Labels are hashes. Two texts of one hash share a file, so what is found under a value may be
// wanted: whoever looks still has to ask the pattern. Nothing that is wanted is missed. Only a file
// of one text, which the value has, decides for the patterns that want nothing else.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pattern/condition.h"
#include "pattern/path_tree.h"
#include "pattern/reading.h"

namespace bitvault::pattern {

using Slot = std::uint32_t;

// A pattern in a file.
struct Filed {
  Slot slot = 0;
  bool decided = false;  // it matches every event with a value of the label's text
};

struct Label {
  enum class Kind : std::uint8_t { kEqual, kPrefix, kSuffix, kAnyValue };

  PathNode node = PathTree::kRoot;
  Kind kind = Kind::kAnyValue;
  bool one_case = false;     // of the text in one case
  std::uint32_t length = 0;  // of a prefix or suffix
  std::uint64_t hash = 0;
  std::string_view text = {};  // the condition's
  bool meets = false;          // every value with this text there meets the condition

  auto operator<=>(const Label&) const = default;
};

// The labels under one of which every value stands that meets the condition.
[[nodiscard]] std::vector<Label> labels_of(const Condition& condition, PathNode node);

class Shelves {
 public:
  // Patterns, and whether those of them that are decided match.
  using Found = std::function<void(std::span<const Filed> filed, bool decides)>;

  void file(const Label& label, Filed filed);
  void take_out(const Label& label, Slot slot);
  // How many are filed under a label.
  [[nodiscard]] std::size_t count(const Label& label) const;

  // Calls `found` with each file that the values of a reading lead to; some of them twice.
  void look_up(const Reading& reading, const Found& found) const;

 private:
  struct File {
    std::string text;
    bool of_one_text = true;
    std::vector<Filed> filed;
  };
  using Files = std::unordered_map<std::uint64_t, File>;

  struct AffixFiles {
    Files files;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> lengths;  // sorted, with their counts
  };
  struct TextFiles {
    Files equal;
    AffixFiles prefixes;
    AffixFiles suffixes;

    [[nodiscard]] bool empty() const {
      return equal.empty() && prefixes.files.empty() && suffixes.files.empty();
    }
  };
  struct Shelf {
    TextFiles text;
    TextFiles text_in_one_case;
    Files others;  // numbers, true, false, null
    std::vector<Filed> any_value;
    std::size_t filed = 0;
  };

  static void count_length(AffixFiles& affixes, std::uint32_t length, bool more);
  static Files& files_of(Shelf& shelf, const Label& label);
  static void look_up(const TextFiles& files, std::string_view text, const Found& found);
  static void look_up(const Shelf& shelf, const Value& value, const Found& found);

  std::vector<std::unique_ptr<Shelf>> by_node_;
};

}  // namespace bitvault::pattern
