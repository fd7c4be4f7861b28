#include "nemesis.h"

namespace bitvault::sim {

Nemesis::Nemesis(SimWorld& world, Cluster& cluster, const Options& options, Violations& violations)
    : world_(world),
      cluster_(cluster),
      options_(options),
      violations_(violations),
      dice_(world.scheduler().dice().fork()),
      tasks_(world.executor()) {}

void Nemesis::begin() {
  if (options_.crash_every > Duration{0}) {
    tasks_.spawn(crash());
  }
  if (options_.restart_every > Duration{0}) {
    tasks_.spawn(restart());
  }
  if (options_.disk_full_every > Duration{0}) {
    tasks_.spawn(fill_disk());
  }
  if (options_.disk_breaks_every > Duration{0}) {
    tasks_.spawn(break_disk());
  }
  if (options_.clock_step_every > Duration{0}) {
    tasks_.spawn(step_clock());
  }
}

Duration Nemesis::around(Duration interval) {
  return Duration(dice_.below(static_cast<std::uint64_t>(2 * interval.count())));
}

void Nemesis::crash_now() {
  using Unsynced = Cluster::Unsynced;
  constexpr Unsynced kAll[] = {Unsynced::kLost, Unsynced::kHalf, Unsynced::kKept};
  cluster_.crash(options_.unsynced.value_or(kAll[dice_.below(3)]));
  boot_later();
}

// The server comes back by itself, again and again until it succeeds.
void Nemesis::boot_later() {
  world_.post_after(Duration(dice_.below(1'500'000)), [this] {
    if (!cluster_.up() && !cluster_.power_is_off() && !cluster_.boot()) {
      boot_later();
    }
  });
}

void Nemesis::after_step() {
  if (cluster_.power_is_off()) {
    crash_now();
  }
}

Task<> Nemesis::crash() {
  while (true) {
    co_await world_.sleep(around(options_.crash_every));
    if (dice_.chance(600)) {
      cluster_.power_off_in(1 + dice_.below(80));
    } else {
      crash_now();
    }
  }
}

Task<> Nemesis::restart() {
  while (true) {
    co_await world_.sleep(around(options_.restart_every));
    if (!cluster_.up()) {
      continue;
    }
    const bool stopped = co_await cluster_.stop(world_);
    if (!stopped) {
      violations_.add("Liveness", "the server does not stop");
      co_return;
    }
    boot_later();
  }
}

Task<> Nemesis::fill_disk() {
  while (true) {
    co_await world_.sleep(around(options_.disk_full_every));
    world_.scheduler().log("the disk is full");
    cluster_.set_disk_full(true);
    co_await world_.sleep(Duration(dice_.below(2'000'000)));
    world_.scheduler().log("the disk has room");
    cluster_.set_disk_full(false);
  }
}

Task<> Nemesis::break_disk() {
  while (true) {
    co_await world_.sleep(around(options_.disk_breaks_every));
    cluster_.break_disk_in(1 + dice_.below(30), 1 + dice_.below(100));
  }
}

Task<> Nemesis::step_clock() {
  while (true) {
    co_await world_.sleep(around(options_.clock_step_every));
    const auto by = static_cast<std::int64_t>(dice_.below(7'200'000)) - 3'600'000;
    world_.scheduler().log("the clock steps by {} ms", by);
    cluster_.clock().step_wall(std::chrono::milliseconds(by));
  }
}

}  // namespace bitvault::sim
