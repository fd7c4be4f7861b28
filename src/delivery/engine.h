// The delivery engine: takes every event that a subscription wants to its target, at least once,
// whatever crashes, whoever else is slow.
//
// - Reads each tenant's journal once for all its subscriptions, and holds nothing of it: who cannot
//   take more leaves its backlog in the journal.
// - At most Limits::in_flight attempts at once. A tenant has at most as many as are still free, so
//   there is always room for the next tenant; those who wait for room take turns, tenant by tenant
//   and within a tenant subscription by subscription.
// - What was decided is in the store Limits::keep_after later, or before whatever depends on it.
// - After a crash, what may have been in flight is attempted again; see track.h for the rest.
//
// advanced(), changed(), counters() and census() may be called from any thread; everything else on
// the executor given, which must be a strand or a single thread, and outlives the engine. stop()
// comes before the end.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "base/fair_queue.h"
#include "delivery/census.h"
#include "delivery/tenant_deliveries.h"
#include "store/attempt_log.h"
#include "world/signal.h"
#include "world/task_group.h"

namespace bitvault::delivery {

struct EngineLimits {
  std::size_t in_flight = 1'024;  // attempts at once
  std::size_t rounds = 8;         // tenants whose journals or records are being read or written
  Duration keep_after = std::chrono::milliseconds(100);
  Duration try_again_after = std::chrono::seconds(1);  // when the store could not
  Duration drain = std::chrono::seconds(5);            // what attempts have to end at a stop
  Duration census_every = std::chrono::seconds(10);
  Track::Limits track{};
  DeadLetterLimits dead_letters{};
};

// What it has done, for metrics. Read from any thread.
struct EngineCounters {
  std::atomic<std::uint64_t> delivered{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::uint64_t> dead_lettered{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> in_flight{0};
  // Attempts that took at most so long, and more than the one before; the last one: longer.
  static constexpr std::array<std::chrono::milliseconds, 11> kLatencyMost{
      {std::chrono::milliseconds(1), std::chrono::milliseconds(5), std::chrono::milliseconds(10),
       std::chrono::milliseconds(25), std::chrono::milliseconds(50), std::chrono::milliseconds(100),
       std::chrono::milliseconds(250), std::chrono::seconds(1), std::chrono::seconds(5),
       std::chrono::seconds(10), std::chrono::seconds(20)}};
  std::array<std::atomic<std::uint64_t>, kLatencyMost.size() + 1> latency{};
  std::atomic<std::uint64_t> latency_micros{0};
};

class Engine {
 public:
  // All of it outlives the engine.
  Engine(World& world, Store& store, Surface& surface, AttemptLog& log, const Executor& executor,
         EngineLimits limits = {});
  ~Engine();

  // Begins with every tenant there is.
  [[nodiscard]] Task<Status> start();
  // Lets what is in flight end for a while, cancels the rest, and keeps what is known.
  [[nodiscard]] Task<> stop();

  // The tenant's head has moved.
  void advanced(const TenantName& tenant);
  // Its subscriptions, or what is asked of them, have changed.
  void changed(const TenantName& tenant);

  [[nodiscard]] const EngineCounters& counters() const { return counters_; }
  // Not older than Limits::census_every. From any thread.
  [[nodiscard]] CensusReport census() const;

 private:
  struct Tenant {
    Tenant(const TenantDeliveries::Parts& parts, const TenantName& name, bool crashed,
           std::uint64_t its_number)
        : deliveries(parts, name, crashed), number(its_number) {}

    TenantDeliveries deliveries;
    const std::uint64_t number;  // of all that were ever known
    bool queued = false;         // for a round
    bool running = false;        // a round
    bool load = true;
    bool keep = false;
    MonotonicTime keep_at = MonotonicTime::max();
    MonotonicTime load_at = MonotonicTime::max();
    MonotonicTime alarm_at = MonotonicTime::max();  // the earlier of both, as in alarms_
    std::size_t in_flight = 0;
    std::vector<std::pair<Place*, Subscriber::Start>> to_mark;  // start with the next commit
  };
  // A place and whose it is.
  using Spot = std::pair<Tenant*, Place*>;
  // What is due at one instant goes by numbers, not by addresses: the same in every run.
  struct Earlier {
    using Due = std::pair<MonotonicTime, Spot>;
    using Alarm = std::pair<MonotonicTime, Tenant*>;
    bool operator()(const Due& a, const Due& b) const {
      return std::tuple(a.first, a.second.first->number, a.second.second->number) <
             std::tuple(b.first, b.second.first->number, b.second.second->number);
    }
    bool operator()(const Alarm& a, const Alarm& b) const {
      return std::tuple(a.first, a.second->number) < std::tuple(b.first, b.second->number);
    }
  };

  Tenant& tenant(const TenantName& name);
  void wake(Tenant& tenant);
  void begin_rounds();
  [[nodiscard]] Task<> round(Tenant& tenant);
  [[nodiscard]] Task<bool> load(Tenant& tenant);
  [[nodiscard]] Task<> keep(Tenant& tenant);
  [[nodiscard]] Task<> scan(Tenant& tenant);
  void sweep(Tenant& tenant);
  void keep_by(Tenant& tenant, MonotonicTime at);
  void set_alarm(Tenant& tenant);

  void dispatch_all(Tenant& tenant);
  // Starts what the place has, at most `most` attempts; true when it has more.
  bool dispatch(Tenant& tenant, Place& place, std::size_t most);
  void serve(Tenant& tenant, Place& place, std::size_t most);
  void dispatch_waiting();
  [[nodiscard]] bool has_slot(const Tenant& tenant) const;
  void arm(Tenant& tenant, Place& place);
  void plan_keep(Tenant& tenant, const Place& place);
  void launch(Tenant& tenant, Place& place, Subscriber::Start start);
  [[nodiscard]] Task<> attempt(Tenant* tenant, Place* place, Subscriber::Start start);
  [[nodiscard]] Task<std::optional<Outcome>> make_attempt(Tenant* tenant, Place* place,
                                                          Subscriber::Start* start);
  void record(const Tenant& tenant, const Place& place, const Subscriber::Start& start,
              const Outcome& outcome, const Track::Finished& finished);
  void after_attempt(Tenant& tenant, Place& place, const Subscriber::Start& start);

  [[nodiscard]] Task<> timer();
  void fire();
  void take_census();
  void take_inbox();
  void post_inbox();
  [[nodiscard]] Task<Status> load_all();

  World& world_;
  Store& store_;
  AttemptLog& log_;
  const Executor executor_;
  const EngineLimits limits_;
  const TenantDeliveries::Parts parts_;
  EngineCounters counters_;
  TaskGroup tasks_;   // attempts
  TaskGroup rounds_;  // rounds and the timer
  bool stopping_ = false;
  bool crashed_ = false;  // the last life did not end in order

  std::map<TenantName, std::unique_ptr<Tenant>> tenants_;
  std::uint64_t tenants_known_ = 0;
  std::deque<Tenant*> ready_;  // for a round, in turns
  std::size_t running_ = 0;    // rounds
  std::size_t in_flight_ = 0;
  bool alone_taken_ = false;   // an attempt that may kill the process is in flight
  FairQueue<Place*> waiting_;  // for a slot, by tenant
  std::set<Earlier::Due, Earlier> due_;
  std::set<Earlier::Alarm, Earlier> alarms_;  // commits and loads to come
  MonotonicTime census_at_{};
  Signal timer_signal_;

  struct Inbox {
    std::unordered_set<TenantName> advanced;
    std::unordered_set<TenantName> changed;
    bool posted = false;
  };
  std::mutex inbox_mutex_;
  Inbox inbox_;  // guarded by inbox_mutex_

  mutable std::mutex census_mutex_;
  CensusReport census_;  // guarded by census_mutex_
};

}  // namespace bitvault::delivery
