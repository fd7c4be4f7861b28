// The command line of bitvault-events: parses the arguments, runs one command, gives its exit code.
//
// Exit codes: 0 done, 1 the request failed (`pattern test`: no match), 2 wrong usage or
// configuration (one clear line).
//
// Client commands run here, blocking, on the calling thread, and handle SIGINT and SIGTERM while
// they run. `serve` is the composition root's: run_cli() checks its configuration and hands it on
// without touching any signal.
#pragma once

#include <cstdio>
#include <functional>

#include "cli/serve_options.h"
#include "cli/settings.h"
#include "world/world.h"

namespace bitvault::cli {

using ServeCommand = std::function<int(const ServeOptions&)>;

// What the command line is surrounded by.
struct Surroundings {
  World& world;  // its clock and its randomness; nothing here sleeps in it
  Environment environment;
  std::FILE* out = stdout;
  std::FILE* err = stderr;
  int in_fd = 0;
};

// Results go to `out`; errors, notes and progress to `err`.
[[nodiscard]] int run_cli(int argc, const char* const* argv, const Surroundings& surroundings,
                          const ServeCommand& serve);

}  // namespace bitvault::cli
