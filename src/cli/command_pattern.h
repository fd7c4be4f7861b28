// `pattern`: what can be done with event patterns without a server.
#pragma once

#include <string>

#include "cli/command.h"
#include "cli/console.h"

namespace bitvault::cli {

// Adds its commands to the tree; it and the console outlive them.
class PatternCommands {
 public:
  PatternCommands(CommandTree& tree, Console& console, int in_fd);

 private:
  // 0: the event matches, 1: it does not, 2: there is no valid pattern or event.
  [[nodiscard]] int test();

  CommandTree& tree_;
  Console& console_;
  int in_fd_;
  std::string pattern_path_;
  std::string event_path_;
};

}  // namespace bitvault::cli
