// A Scheduler is one simulated universe: one thread, virtual time, one seed.
//
// Ready jobs run in an order drawn from the seed, so each seed is another interleaving; when none
// is ready, time jumps to the next timer. The same seed and the same program give the same trace().
// Jobs and timers belong to a process, and drop() takes all of one's away as a crash would.
//
// Not thread-safe: it has no other thread by design.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "dice.h"

namespace bitvault::sim {

using Job = std::move_only_function<void()>;
using ProcessId = std::uint64_t;

class Scheduler {
 public:
  struct Options {
    std::uint64_t seed = 0;
    // Each job takes 0 .. this much virtual time, so that timers race with ready work.
    Duration job_cost_max{0};
    // A run that needs more jobs than this has lost its way: run_*() say false.
    std::uint64_t steps_max = 20'000'000;
  };
  struct TimerId {
    Duration due;
    std::uint64_t number = 0;  // of creation: timers that are due together fire in this order
    auto operator<=>(const TimerId&) const = default;
  };

  explicit Scheduler(const Options& options) : options_(options), dice_(options.seed) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  [[nodiscard]] ProcessId new_process() { return ++processes_; }
  void post(ProcessId process, Job job);
  TimerId start_timer(ProcessId process, Duration delay, Job job);
  // A timer that was due but whose job did not run yet is cancelled as well.
  void cancel_timer(const TimerId& id);
  // Destroys the jobs and timers of `process` unrun. What their destructors post is not dropped:
  // the process refuses it first.
  void drop(ProcessId process);

  // Runs one job, or jumps to the next timer. False when there is neither.
  bool step();
  // Runs until `done` says true (asked after each step). False when it never did: nothing was left
  // to do, or the steps ran out.
  [[nodiscard]] bool run_until(const std::function<bool()>& done);
  // Runs what is due in the next `span` of virtual time. False when the steps ran out.
  [[nodiscard]] bool run_for(Duration span);

  // The process whose job runs now; 0 between jobs.
  [[nodiscard]] ProcessId current() const { return current_; }
  [[nodiscard]] Duration now() const { return now_; }
  [[nodiscard]] std::uint64_t trace() const { return trace_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] bool idle() const { return ready_.empty() && timers_.empty(); }
  [[nodiscard]] Dice& dice() { return dice_; }

  // Adds what was decided or seen to the trace, so that two runs of a seed can be compared.
  void mix(std::uint64_t value) { trace_ = (trace_ ^ value) * 0x100000001b3u; }

  // The log of this universe, kept in memory; it is also mixed into the trace.
  template <class... Args>
  void log(fmt::format_string<Args...> format, Args&&... args) {
    write(fmt::format(format, std::forward<Args>(args)...));
  }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  struct Ready {
    ProcessId process;
    Job job;
    std::uint64_t timer = 0;  // its number, if it was one
  };

  void write(std::string line);
  void wake_due();

  const Options options_;
  Dice dice_;
  Duration now_{0};
  std::vector<Ready> ready_;
  std::map<TimerId, Ready> timers_;
  std::uint64_t timers_started_ = 0;
  ProcessId processes_ = 0;
  ProcessId current_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t trace_ = 0xcbf29ce484222325u;
  std::vector<std::string> lines_;
};

}  // namespace bitvault::sim
