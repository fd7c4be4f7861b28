// The Nemesis makes trouble at the server's machine, as often as the Options say: it crashes it,
// now or in the middle of a commit, restarts it, fills or breaks its disk and sets its clock.
#pragma once

#include "cluster.h"

namespace bitvault::sim {

class Nemesis {
 public:
  Nemesis(SimWorld& world, Cluster& cluster, const Options& options, Violations& violations);

  void begin();
  // After each step of the universe: a machine without power is a crash.
  void after_step();
  // No new trouble, and none that was planned.
  void end() { world_.kill(); }

 private:
  [[nodiscard]] Task<> crash();
  [[nodiscard]] Task<> restart();
  [[nodiscard]] Task<> fill_disk();
  [[nodiscard]] Task<> break_disk();
  [[nodiscard]] Task<> step_clock();
  [[nodiscard]] Duration around(Duration interval);
  void crash_now();
  void boot_later();

  SimWorld& world_;
  Cluster& cluster_;
  const Options options_;
  Violations& violations_;
  Dice dice_;
  TaskGroup tasks_;
};

}  // namespace bitvault::sim
