// What one simulated run is like. Every run draws its own few kinds of trouble and turns the rest
// off ("swarm testing"): a run with every fault at once seldom gets anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "store/sqlite/writer.h"
#include "tests/store/memory_vfs.h"

namespace bitvault::sim {

struct Options {
  std::uint64_t seed = 0;
  Duration chaos = std::chrono::seconds(20);  // how long there is trouble
  Duration job_cost_max{0};
  std::int64_t drift_ppm = 0;

  // The store.
  std::size_t connections = 4;
  std::size_t queue_requests_max = WriterLimits{}.queue_requests_max;
  std::size_t batch_requests_max = WriterLimits{}.batch_requests_max;
  std::int64_t checkpoint_bytes = WriterLimits{}.checkpoint_bytes;
  std::int64_t wal_bytes_max = WriterLimits{}.wal_bytes_max;

  // Retention; a tenant keeps everything when neither is set.
  std::optional<std::uint64_t> retention_events;
  std::optional<std::uint64_t> retention_age_seconds;
  Duration retention_every = std::chrono::seconds(1);

  // The clients.
  std::size_t tenants = 2;
  std::size_t publishers = 3;
  std::size_t readers = 2;
  std::size_t events_max = 5;  // of a transaction
  std::size_t hot_ids = 10;    // ids under which everybody publishes
  unsigned hot_per_mille = 100;
  unsigned repeat_per_mille = 100;   // an event of one's own once more
  unsigned altered_per_mille = 50;   // of the repeats: with other members
  unsigned twice_per_mille = 5;      // an id twice in one transaction
  unsigned made_per_mille = 200;     // ids that the server made
  unsigned large_per_mille = 5;      // events of nearly the largest size
  unsigned count_per_mille = 200;    // of the rounds: a counter is read and written
  unsigned hold_per_mille = 100;     // of the readers' rounds: something about a hold
  unsigned give_up_per_mille = 200;  // of the failures: not tried again
  Duration think_max = std::chrono::milliseconds(300);
  Duration latency_max = std::chrono::milliseconds(20);

  // Trouble. What never happens has an interval or a rate of 0.
  unsigned answer_lost_per_mille = 0;
  unsigned call_fails_per_mille = 0;  // of the store's calls, before or after they are done
  unsigned call_slow_per_mille = 0;
  unsigned disk_fails_per_mille = 0;  // of the file system's calls
  Duration disk_full_every{0};
  Duration disk_breaks_every{0};  // then most of a run of calls fail
  Duration crash_every{0};
  Duration restart_every{0};  // orderly
  Duration clock_step_every{0};
  // A plan instead of chance: this call of the file system, or this commit, fails in this way.
  enum class Planned : std::uint8_t { kBefore, kTorn, kAfter, kPowerOff };
  struct Plan {
    std::uint64_t number = 0;  // of the calls since the first client came
    Planned kind = Planned::kBefore;
  };
  // What crashes leave of what was not synced; otherwise chance tells.
  std::optional<test::MemoryVfs::Unsynced> unsynced;
  std::optional<Plan> disk_plan;
  std::optional<Plan> commit_plan;
};

[[nodiscard]] Options draw_options(std::uint64_t seed);

// One line, for the report of a failure.
[[nodiscard]] std::string describe(const Options& options);

}  // namespace bitvault::sim
