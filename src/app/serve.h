// `bitvault-events serve`: the embedded server, from its first line of log to its last.
#pragma once

#include <optional>
#include <string>

#include "cli/serve_options.h"
#include "world/world.h"

namespace bitvault::app {

// Runs until SIGTERM or SIGINT, then drains. At SIGHUP a server with TLS reads its certificate and
// key again; one without ends, as a closed terminal expects. Returns the exit code: 0 after a clean
// stop, 2 when it could not start (one line on standard error says why). The master key lies in the
// data folder unless `master_key_file` names it.
[[nodiscard]] int serve(const cli::ServeOptions& options, World& world,
                        const std::optional<std::string>& master_key_file);

}  // namespace bitvault::app
