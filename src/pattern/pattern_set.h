// A PatternSet finds those of many patterns that match an event, without asking each of them.
//
// Each way to match a pattern is filed under its rarest condition: a literal, a prefix or a suffix
// of one field. An event is read once, looks up what is filed under its values, and only those
// patterns are asked in full. A pattern none of whose conditions can be filed (only wildcards that
// begin and end with a star, numeric ranges, anything-but, exists ...) is asked whenever one of its
// fields is there. A pattern that wants nothing but one text, prefix or suffix is found without
// being asked. At worst each pattern is asked once.
//
// add() and remove() take time linear in the pattern and its neighbours under one value. match() is
// const: any number of threads may call it at once, each with its own Matcher, while nobody changes
// the set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "pattern/pattern.h"

namespace bitvault {

class PatternSet {
 public:
  using Id = std::uint64_t;  // the caller's

  PatternSet();
  ~PatternSet();
  PatternSet(PatternSet&&) noexcept;
  PatternSet& operator=(PatternSet&&) noexcept;

  // Replaces the pattern that has this id.
  void add(Id id, const Pattern& pattern);
  // Whether there was one.
  bool remove(Id id);
  [[nodiscard]] std::size_t size() const;

  // The ids of all that match, ascending. Errors: as Matcher::matches().
  [[nodiscard]] Result<std::vector<Id>> match(Matcher& matcher, std::string_view event) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bitvault
