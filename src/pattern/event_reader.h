// Parses an event and fills a Reading with what it has at the paths of a tree.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "pattern/path_tree.h"
#include "pattern/reading.h"

namespace bitvault::pattern {

class EventReader {
 public:
  EventReader();
  ~EventReader();

  // Errors: kMalformed, kTooLarge. What the tree does not name is not checked. The reading is good
  // until the next event is read.
  [[nodiscard]] Status read(std::string_view event, const PathTree& paths);
  // Whether it is valid JSON as a whole, and an object. Error: kMalformed.
  [[nodiscard]] Status check(std::string_view event);
  [[nodiscard]] const Reading& reading() const { return reading_; }

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  Reading reading_;
};

}  // namespace bitvault::pattern
