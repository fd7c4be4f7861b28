// What a run of `bench` does, what came of it, and how that is told. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/time.h"
#include "cli/latency_histogram.h"

namespace bitvault::cli {

enum class BenchMode : std::uint8_t {
  kPublish,
  kFeed,     // reads pages, from the oldest event on, again and again
  kLatency,  // publishes, and waits for each event on a stream
};

struct BenchPlan {
  BenchMode mode = BenchMode::kPublish;
  Duration duration = std::chrono::seconds(10);
  std::size_t connections = 8;
  std::uint64_t batch = 1;  // events a request, or a page at most
  std::uint64_t rate = 0;   // requests a second; 0: as fast as answers come
};

struct BenchTally {
  LatencyHistogram answered;                    // requests that succeeded
  LatencyHistogram seen;                        // events, from their publish to the stream
  std::uint64_t events = 0;                     // published or read
  std::uint64_t bytes = 0;                      // of bodies sent or pages read
  std::map<std::string, std::uint64_t> errors;  // requests by the code they failed with
  std::uint64_t overdue = 0;                    // due by the rate and never sent
  std::uint64_t missing = 0;                    // published and not seen on the stream
  Duration elapsed{};
  bool interrupted = false;

  [[nodiscard]] std::uint64_t failed() const;
};

[[nodiscard]] std::string_view name_of(BenchMode mode);

// One line while it runs.
[[nodiscard]] std::string bench_progress(const BenchPlan& plan, const BenchTally& tally);
// The figures for a person, several lines.
[[nodiscard]] std::string bench_table(const BenchPlan& plan, const BenchTally& tally);
// One object: times in seconds, latencies in milliseconds.
[[nodiscard]] std::string bench_json(const BenchPlan& plan, const BenchTally& tally);

}  // namespace bitvault::cli
