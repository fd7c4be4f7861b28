// A universe with one process, for tests that need no more: spawn coroutines, run them, look.
#pragma once

#include "sim_world.h"
#include "world/task_group.h"

namespace bitvault::sim {

class Harness {
 public:
  explicit Harness(std::uint64_t seed)
      : scheduler_({.seed = seed, .job_cost_max = Duration(seed % 4), .steps_max = 1'000'000}),
        clock_(scheduler_, {}),
        world_(scheduler_, clock_) {}

  [[nodiscard]] Scheduler& scheduler() { return scheduler_; }
  [[nodiscard]] SimWorld& world() { return world_; }
  [[nodiscard]] Executor executor() { return world_.executor(); }
  [[nodiscard]] Duration now() const { return scheduler_.now(); }

  // Runs `task` and whatever it needs to its end; false when it does not end.
  [[nodiscard]] bool run(Task<> task) {
    bool ended = false;
    TaskGroup group(world_.executor());
    group.spawn(with_flag(std::move(task), ended));
    const bool done = scheduler_.run_until([&] { return ended && group.size() == 0; });
    if (!done) {
      world_.kill();
    }
    return done;
  }

  // Whether no job and no timer is left but what ends at once.
  [[nodiscard]] bool nothing_left() {
    return scheduler_.run_for(std::chrono::milliseconds(1)) && scheduler_.idle();
  }

 private:
  static Task<> with_flag(Task<> task, bool& ended) {
    co_await std::move(task);
    ended = true;
  }

  Scheduler scheduler_;
  SimClock clock_;
  SimWorld world_;
};

}  // namespace bitvault::sim
