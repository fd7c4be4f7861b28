// A Reconciler is background work done right once: idempotent, without input, deriving everything
// from the store. It runs when notified and at least once a period, never twice at a time.
#pragma once

#include <functional>

#include "world/signal.h"
#include "world/world.h"

namespace bitvault {

class Reconciler {
 public:
  // `round` does one round of the work; true asks for another round at once.
  using Round = std::function<Task<bool>()>;

  Reconciler(World& world, const Executor& executor, Duration period, Round round);

  // From any thread.
  void notify() { signal_.notify(); }

  // Runs rounds until cancelled: spawn it into a TaskGroup on the executor given.
  [[nodiscard]] Task<> run();

 private:
  World& world_;
  Duration period_;
  Round round_;
  Signal signal_;
};

}  // namespace bitvault
