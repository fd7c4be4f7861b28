// A SimWorld is one simulated process: the World that its code is given, the executor that its
// coroutines run on, and its end.
//
// Its executor satisfies Asio's requirements, so awaitable, co_spawn, strand, channels and
// awaitable operators run on it unmodified. kill() is a crash: nothing of the process runs any
// more, every waiting coroutine is destroyed where it stands, and what is posted later is thrown
// away. Kill, then destroy the process's objects, then the SimWorld.
#pragma once

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include "scheduler.h"
#include "world/world.h"

namespace bitvault::sim {

// The clock of one machine; it goes on while the process is down. Wall time may be off and be set
// forth or back at any instant; monotonic time runs at the same rate and never goes back.
class SimClock final : public Clock {
 public:
  struct Options {
    Duration wall_offset{0};       // from the universe's own start, 2026-01-01
    std::int64_t drift_ppm = 0;    // how much too fast it runs
    Duration monotonic_offset{0};  // a machine's monotonic clock starts anywhere
  };
  SimClock(const Scheduler& scheduler, const Options& options)
      : scheduler_(scheduler), options_(options) {}

  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] MonotonicTime monotonic() const override;

  // Somebody sets the wall clock.
  void step_wall(Duration by) { options_.wall_offset += by; }

 private:
  [[nodiscard]] Duration elapsed() const;

  const Scheduler& scheduler_;
  Options options_;
};

class SimRandom final : public Random {
 public:
  explicit SimRandom(Dice dice) : dice_(dice) {}
  void fill(std::span<std::byte> bytes) override;

 private:
  Dice dice_;
};

class SimWorld final : public World, public boost::asio::execution_context {
 public:
  // `clock` belongs to the machine and lives longer.
  SimWorld(Scheduler& scheduler, const SimClock& clock);
  ~SimWorld() override;

  [[nodiscard]] const Clock& clock() const override { return clock_; }
  [[nodiscard]] Random& random() override { return random_; }
  // After kill() it does not resume.
  [[nodiscard]] Task<> sleep(Duration delay) override;

  struct BasicExecutor;
  [[nodiscard]] Executor executor();
  [[nodiscard]] Scheduler& scheduler() { return scheduler_; }

  void post(Job job);
  void post_after(Duration delay, Job job);
  void kill();
  [[nodiscard]] bool alive() const { return alive_; }
  // Whether one of its jobs runs now.
  [[nodiscard]] bool running() const { return alive_ && scheduler_.current() == id_; }

 private:
  class Alarm;

  Scheduler& scheduler_;
  const SimClock& clock_;
  const ProcessId id_;
  SimRandom random_;
  bool alive_ = true;
};

// What SimWorld::executor() holds. Like an io_context's it runs dispatched work on the spot when it
// is called from a job of the process, and posted work later.
struct SimWorld::BasicExecutor {
  SimWorld* world;
  bool on_the_spot = true;

  [[nodiscard]] boost::asio::execution_context& query(
      boost::asio::execution::context_t) const noexcept {
    return *world;
  }
  [[nodiscard]] boost::asio::execution::blocking_t query(
      boost::asio::execution::blocking_t) const noexcept {
    return on_the_spot
               ? boost::asio::execution::blocking_t(boost::asio::execution::blocking.possibly)
               : boost::asio::execution::blocking_t(boost::asio::execution::blocking.never);
  }
  [[nodiscard]] BasicExecutor require(boost::asio::execution::blocking_t::never_t) const noexcept {
    return {world, false};
  }
  [[nodiscard]] BasicExecutor require(
      boost::asio::execution::blocking_t::possibly_t) const noexcept {
    return {world, true};
  }
  template <class F>
  void execute(F&& function) const {
    if (on_the_spot && world->running()) {
      std::decay_t<F> now(std::forward<F>(function));
      std::move(now)();
    } else {
      world->post(Job(std::forward<F>(function)));
    }
  }
  bool operator==(const BasicExecutor&) const noexcept = default;
};

inline Executor SimWorld::executor() { return BasicExecutor{this}; }

}  // namespace bitvault::sim
