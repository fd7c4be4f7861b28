// The directory watchers of one server: serve --watch TENANT=DIR.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "catalog/catalog.h"
#include "cli/serve_options.h"
#include "store/store.h"
#include "world/task_group.h"
#include "world/world.h"

namespace bitvault::app {

// What the watchers work with; all of it outlives their tasks.
struct WatchersContext {
  World& world;
  Store& store;
  const Catalog& catalog;
  TaskGroup& tasks;
  Executor strand;
  Executor blocking;
};

class Watchers {
 public:
  Watchers();
  ~Watchers();  // their tasks have ended

  // Makes the tenants that are missing, and spawns a watcher for each directory. A tenant that is
  // being deleted is made when that is done.
  [[nodiscard]] Task<Status> start(const std::vector<cli::Watch>& watches,
                                   const WatchersContext& context);

 private:
  class One;
  std::vector<std::unique_ptr<One>> watchers_;
};

}  // namespace bitvault::app
