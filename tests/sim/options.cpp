#include "options.h"

#include <fmt/format.h>

#include "dice.h"

namespace bitvault::sim {
namespace {

Duration milliseconds_between(Dice& dice, std::uint64_t low, std::uint64_t high) {
  return std::chrono::milliseconds(dice.between(low, high));
}

void draw_trouble(Dice& dice, Options& options) {
  const auto rate = [&](unsigned chance_per_mille, unsigned most) {
    return dice.chance(chance_per_mille) ? static_cast<unsigned>(dice.between(1, most)) : 0;
  };
  const auto interval = [&](unsigned chance_per_mille, std::uint64_t low, std::uint64_t high) {
    return dice.chance(chance_per_mille) ? milliseconds_between(dice, low, high) : Duration{0};
  };
  options.answer_lost_per_mille = rate(300, 50);
  options.call_fails_per_mille = rate(300, 100);
  options.call_slow_per_mille = rate(300, 200);
  options.disk_fails_per_mille = rate(500, 30);
  options.disk_full_every = interval(300, 1'000, 10'000);
  options.disk_breaks_every = interval(300, 500, 5'000);
  options.crash_every = interval(700, 500, 10'000);
  options.restart_every = interval(300, 2'000, 10'000);
  options.clock_step_every = interval(400, 500, 10'000);
}

}  // namespace

Options draw_options(std::uint64_t seed) {
  Dice dice(seed);
  Options options;
  options.seed = seed;
  options.chaos = milliseconds_between(dice, 5'000, 30'000);
  options.job_cost_max = Duration(dice.chance(300) ? 0 : dice.between(1, 200));
  options.drift_ppm = static_cast<std::int64_t>(dice.below(1'001)) - 500;
  options.connections = dice.between(1, 4);
  if (dice.chance(200)) {
    options.queue_requests_max = dice.between(1, 4);
  }
  if (dice.chance(300)) {
    options.batch_requests_max = dice.between(1, 3);
  }
  if (dice.chance(500)) {
    options.wal_bytes_max = static_cast<std::int64_t>(dice.between(20'000, 400'000));
  }
  if (dice.chance(500)) {
    options.checkpoint_bytes = static_cast<std::int64_t>(dice.between(10'000, 200'000));
  }
  options.tenants = dice.between(1, 4);
  options.publishers = dice.between(1, 6);
  options.readers = dice.between(1, 4);
  options.events_max = dice.between(1, 8);
  options.hot_ids = dice.between(1, 30);
  options.hot_per_mille = static_cast<unsigned>(dice.below(300));
  options.repeat_per_mille = static_cast<unsigned>(dice.below(300));
  options.altered_per_mille = static_cast<unsigned>(dice.below(300));
  options.made_per_mille = static_cast<unsigned>(dice.below(500));
  options.large_per_mille = dice.chance(100) ? 50 : 0;
  options.count_per_mille = static_cast<unsigned>(dice.below(500));
  options.give_up_per_mille = static_cast<unsigned>(dice.below(500));
  options.think_max = milliseconds_between(dice, 1, 600);
  options.latency_max = milliseconds_between(dice, 0, 50);
  draw_trouble(dice, options);
  if (dice.chance(400)) {
    options.retention_events = dice.between(1, 40);
  }
  if (dice.chance(200)) {
    options.retention_age_seconds = dice.between(1, 15);
  }
  options.hold_per_mille = static_cast<unsigned>(dice.below(300));
  options.retention_every = milliseconds_between(dice, 50, 3'000);
  return options;
}

std::string describe(const Options& o) {
  const auto ms = [](Duration duration) { return duration.count() / 1'000; };
  return fmt::format(
      "seed={} chaos={}ms job_cost_max={}us drift={}ppm connections={} queue={} batch={} "
      "checkpoint={} wal={} "
      "tenants={} "
      "publishers={} readers={} events_max={} hot_ids={} hot={} repeat={} altered={} twice={} "
      "made={} large={} count={} give_up={} think_max={}ms latency_max={}ms answer_lost={} "
      "call_fails={} call_slow={} disk_fails={} disk_full_every={}ms disk_breaks_every={}ms "
      "crash_every={}ms "
      "restart_every={}ms clock_step_every={}ms retention={} events, {} s, every {} ms hold={}",
      o.seed, ms(o.chaos), o.job_cost_max.count(), o.drift_ppm, o.connections, o.queue_requests_max,
      o.batch_requests_max, o.checkpoint_bytes, o.wal_bytes_max, o.tenants, o.publishers, o.readers,
      o.events_max, o.hot_ids, o.hot_per_mille, o.repeat_per_mille, o.altered_per_mille,
      o.twice_per_mille, o.made_per_mille, o.large_per_mille, o.count_per_mille,
      o.give_up_per_mille, ms(o.think_max), ms(o.latency_max), o.answer_lost_per_mille,
      o.call_fails_per_mille, o.call_slow_per_mille, o.disk_fails_per_mille, ms(o.disk_full_every),
      ms(o.disk_breaks_every), ms(o.crash_every), ms(o.restart_every), ms(o.clock_step_every),
      o.retention_events.value_or(0), o.retention_age_seconds.value_or(0), ms(o.retention_every),
      o.hold_per_mille);
}

}  // namespace bitvault::sim
