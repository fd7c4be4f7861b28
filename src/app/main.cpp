// bitvault-events: one program for the server and its clients.

#include <fmt/core.h>
#include <malloc.h>

#include <cstdlib>
#include <exception>
#include <optional>
#include <string>

#include "app/serve.h"
#include "cli/cli.h"
#include "net/real_world.h"

namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// A page of the feed is some hundred kilobytes. Without this, glibc's malloc gives each back to the
// system and takes it anew, which costs more than filling it.
void keep_freed_memory() {
  constexpr int kMapped = 8 * 1024 * 1024;  // from this size on it does
  constexpr int kKept = 32 * 1024 * 1024;   // of each arena
  mallopt(M_MMAP_THRESHOLD, kMapped);
  mallopt(M_TRIM_THRESHOLD, kKept);
}

}  // namespace

// One of the two places that catch exceptions (the other is the API, for one request).
int main(int argc, char** argv) {
  try {
    bitvault::RealWorld world;
    const bitvault::cli::Surroundings surroundings{.world = world, .environment = environment};
    return bitvault::cli::run_cli(
        argc, argv, surroundings, [&](const bitvault::cli::ServeOptions& options) {
          keep_freed_memory();
          return bitvault::app::serve(options, world, environment("BITVAULT_MASTER_KEY_FILE"));
        });
  } catch (const std::exception& error) {
    fmt::print(stderr, "bitvault-events: {}\n", error.what());
    return 1;
  }
}
