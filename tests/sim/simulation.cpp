#include "simulation.h"

#include "clients.h"
#include "nemesis.h"

namespace bitvault::sim {
namespace {

constexpr Duration kQuiet = std::chrono::minutes(10);

class Simulation {
 public:
  Simulation(const Options& options, const Sabotage& sabotage)
      : options_(options),
        scheduler_({.seed = options.seed, .job_cost_max = options.job_cost_max}),
        observers_(violations_, retention_of(options)),
        people_clock_(scheduler_, {}),
        people_(scheduler_, people_clock_),
        fate_(scheduler_, people_clock_),
        cluster_(scheduler_, people_, options, sabotage, observers_, violations_),
        clients_(people_, cluster_, options, observers_),
        nemesis_(fate_, cluster_, options, violations_) {}

  // No coroutine may wait any more when the members go.
  ~Simulation() {
    fate_.kill();
    people_.kill();
  }
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  Outcome run() {
    if (chaos() && quiet()) {
      check_all();
    }
    Outcome outcome;
    outcome.violations = violations_.texts();
    outcome.trace = scheduler_.trace();
    outcome.steps = scheduler_.steps();
    outcome.disk_calls = cluster_.disk_calls();
    outcome.commits = cluster_.commits();
    outcome.events = events_;
    outcome.log = scheduler_.lines();
    return outcome;
  }

 private:
  // Runs until `done`, at most `patience`.
  bool run_until(const std::function<bool()>& done, Duration patience) {
    const Duration end = scheduler_.now() + patience;
    return scheduler_.run_until([&] {
      nemesis_.after_step();
      return done() || scheduler_.now() > end;
    }) && done();
  }

  bool chaos() {
    if (!cluster_.boot()) {
      violations_.add("Liveness", "the server does not start on an empty disk");
      return false;
    }
    clients_.make_tenants();
    if (!run_until([&] { return clients_.idle(); }, kQuiet)) {
      violations_.add("Liveness", "the tenants cannot be made");
      return false;
    }
    scheduler_.log("-- chaos");
    cluster_.trouble();
    clients_.begin();
    nemesis_.begin();
    const Duration end = scheduler_.now() + options_.chaos;
    return run_until([&] { return scheduler_.now() >= end; }, options_.chaos + kQuiet);
  }

  bool quiet() {
    scheduler_.log("-- heal");
    nemesis_.end();
    if (const Status healed = cluster_.heal(); !healed) {
      violations_.add("Liveness", "the server does not start again: {}", healed.error().detail);
      return false;
    }
    clients_.finish();
    if (!run_until([&] { return clients_.idle(); }, kQuiet)) {
      violations_.add("Liveness", "healed, the clients do not come to an end: {}",
                      clients_.report());
      return false;
    }
    return true;
  }

  std::vector<Ending> read_all() {
    std::vector<Ending> endings;
    Status status;
    TaskGroup reading(people_.executor());
    reading.spawn(clients_.read_all(endings, status));
    if (!run_until([&] { return reading.size() == 0; }, kQuiet)) {
      status = fail(Code::kTimeout, "the end does not come");
      people_.kill();
    }
    if (!status) {
      violations_.add("Liveness", "healed, the journals cannot be read: {}", status.error().detail);
    }
    return endings;
  }

  // What is there, and what is left of it when the power fails once more.
  void check_all() {
    scheduler_.log("-- check");
    for (const Ending& ending : read_all()) {
      observers_.tell(&Checker::ended, ending);
      for (const std::string& bytes : ending.events) {
        scheduler_.mix(std::hash<std::string>{}(bytes));
      }
      events_ += ending.events.size();
    }
    cluster_.crash(Cluster::Unsynced::kLost);
    if (const std::string verdict = cluster_.integrity(); verdict != "ok") {
      violations_.add("Integrity", "{}", verdict);
    }
    if (!cluster_.boot()) {
      violations_.add("Liveness", "the server does not start after the last crash");
      return;
    }
    for (const Ending& ending : read_all()) {
      observers_.tell(&Checker::ended, ending);
    }
  }

  const Options options_;
  Scheduler scheduler_;
  Violations violations_;
  Observers observers_;
  SimClock people_clock_;
  SimWorld people_;
  SimWorld fate_;
  Cluster cluster_;
  Clients clients_;
  Nemesis nemesis_;
  std::uint64_t events_ = 0;
};

}  // namespace

Outcome simulate(const Options& options, const Sabotage& sabotage) {
  return Simulation(options, sabotage).run();
}

}  // namespace bitvault::sim
