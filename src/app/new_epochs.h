// `serve --new-epoch`: tenants whose history was lost in part, as by a restored backup, go on under
// a new identity, so that no cursor from before can be taken for one of now.
#pragma once

#include <vector>

#include "base/error.h"
#include "cli/serve_options.h"
#include "store/store.h"
#include "world/world.h"

namespace bitvault::app {

// Begins them, each in one durable commit, before anybody is served. A tenant that is being deleted
// is left alone unless it is named. Error: kInvalid for a tenant that is not there, and what the
// store says; those before it have begun then.
[[nodiscard]] Task<Status> begin_epochs(const std::vector<cli::NewEpoch>& wanted, Store& store);

}  // namespace bitvault::app
