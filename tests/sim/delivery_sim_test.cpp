// The delivery engine in universes drawn from seeds: crashes, stores that fail, endpoints that
// fail, hang, flap and kill, clocks that jump, people who change their mind. Whatever happens,
// nothing is lost, no order broken, no promise of a retry or of a limit.
#include <gtest/gtest.h>

#include "delivery_life.h"
#include "seeds.h"
#include "tests/store/make_event.h"
#include "tests/store/memory_vfs.h"

namespace bitvault::sim {
namespace {

using delivery::DeadLetter;
using delivery::DebtRecord;
using std::chrono::minutes;
using std::chrono::seconds;
using Mode = Endpoint::Mode;

constexpr const char* kTenants[] = {"acme", "bolt", "coda"};
constexpr std::size_t kSeeds = 60;
constexpr Duration kHealing = std::chrono::hours(3);

struct Plan {
  std::size_t tenants;
  std::size_t events;     // of each tenant
  std::size_t actions;    // of the nemesis
  unsigned store_faults;  // per mille of calls
  bool crashes;
  bool people;  // disable, enable, ask again
  delivery::EngineLimits limits;
};

class Universe {
 public:
  explicit Universe(std::uint64_t seed)
      : scheduler_({.seed = seed, .job_cost_max = Duration(seed % 50), .steps_max = 3'000'000}),
        dice_(scheduler_.dice().fork()),
        clock_(scheduler_, {.monotonic_offset = seconds(dice_.below(1'000'000))}),
        disk_(dice_.next()),
        plan_(draw_plan()) {
    for (std::size_t i = 0; i < plan_.tenants; ++i) {
      tenants_.push_back(test::tenant_name(kTenants[i]));
      draw_endpoints(tenants_.back());
    }
  }
  ~Universe() { end_life(false); }

  void run() {
    boot();
    make_subscriptions();
    for (std::size_t i = 0; i < plan_.actions && violations_.texts().empty(); ++i) {
      publish_some();
      if (!pass(Duration(dice_.below(20'000'000)))) {
        return;
      }
      act();
    }
    heal();
  }

  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_.texts(); }
  [[nodiscard]] const std::vector<std::string>& log() const { return scheduler_.lines(); }
  [[nodiscard]] std::uint64_t trace() const { return scheduler_.trace(); }

 private:
  Plan draw_plan() {
    Plan plan{.tenants = dice_.between(1, 3),
              .events = dice_.between(20, 150),
              .actions = dice_.between(5, 25),
              .store_faults = dice_.chance(500) ? static_cast<unsigned>(dice_.below(60)) : 0,
              .crashes = dice_.chance(700),
              .people = dice_.chance(500),
              .limits = {}};
    plan.limits.in_flight = dice_.between(2, 40);
    plan.limits.track = {.window = dice_.between(8, 64), .debts = dice_.between(16, 200)};
    plan.limits.rounds = dice_.between(1, 4);
    return plan;
  }

  void draw_endpoints(const TenantName& tenant) {
    const std::size_t count = dice_.between(1, 4);
    for (std::size_t i = 0; i < count; ++i) {
      EndpointPlan plan{.tenant = tenant, .id = fmt::format("whk_{}", i), .policy = {}};
      plan.policy.schedule = {seconds(0)};
      for (std::size_t attempts = dice_.below(4); attempts > 0; --attempts) {
        plan.policy.schedule.emplace_back(dice_.between(1, 60));
      }
      plan.policy.concurrency = static_cast<unsigned>(dice_.between(1, 10));
      plan.policy.timeout = seconds(dice_.between(1, 20));
      plan.policy.ordering =
          dice_.chance(500) ? delivery::Ordering::kPartitionKey : delivery::Ordering::kNone;
      plan.every = dice_.between(1, 3);
      endpoints_.emplace(std::pair(tenant, plan.id),
                         std::make_unique<Endpoint>(scheduler_, plan, violations_));
    }
  }

  // ---- time and lives

  bool pass(Duration span) {
    const Duration end = scheduler_.now() + span;
    scheduler_.start_timer(people_, span, [] {});
    const bool went = scheduler_.run_until([&] {
      return scheduler_.now() >= end || std::ranges::any_of(endpoints_, [](const auto& entry) {
               return entry.second->wants_death();
             });
    });
    if (!went) {
      violations_.add("Liveness", "it goes round and round");
      return false;
    }
    if (scheduler_.now() < end) {
      scheduler_.log("-- an event kills the process");
      end_life(false);
      boot();
    }
    return true;
  }

  // Runs a task of this life to its end.
  bool run_task(Task<> task) {
    bool ended = false;
    const auto patience = scheduler_.start_timer(people_, minutes(10), [] {});
    life_->spawn(with_flag(std::move(task), ended));
    const Duration end = scheduler_.now() + minutes(10);
    (void)scheduler_.run_until([&] { return ended || scheduler_.now() >= end; });
    scheduler_.cancel_timer(patience);
    if (!ended) {
      violations_.add("Liveness", "a task does not come to its end");
    }
    return ended;
  }
  static Task<> with_flag(Task<> task, bool& ended) {
    co_await std::move(task);
    ended = true;
  }

  void boot() {
    life_ = std::make_unique<DeliveryLife>(scheduler_, clock_, endpoints_);
    SqliteOptions sqlite;
    sqlite.folder = "data";
    sqlite.vfs = disk_.name();
    const Status opened = life_->open(
        std::move(sqlite), [this](test::FaultyStore::Call, std::uint64_t) { return decide(); },
        plan_.limits);
    if (!opened) {
      violations_.add("Liveness", "the store does not open: {}", opened.error().detail);
      return;
    }
    bool started = false;
    while (!started && violations_.texts().empty()) {
      run_task(start_engine(*life_, started));
    }
  }
  static Task<> start_engine(DeliveryLife& life, bool& started) {
    const Status status = co_await life.engine().start();
    started = status.has_value();
  }

  test::FaultyStore::Fault decide() {
    using Kind = test::FaultyStore::Fault::Kind;
    test::FaultyStore::Fault fault;
    if (faults_ && dice_.chance(plan_.store_faults)) {
      fault.kind = dice_.chance(500) ? Kind::kBefore : Kind::kAfter;
      fault.delay = Duration(dice_.below(2'000'000));
    }
    return fault;
  }

  static Task<> stop_engine(DeliveryLife& life) { co_await life.engine().stop(); }

  void end_life(bool orderly) {
    if (!life_) {
      return;
    }
    if (orderly) {
      const bool faults = std::exchange(faults_, false);
      run_task(stop_engine(*life_));
      faults_ = faults;
    }
    life_->world().kill();
    if (!orderly) {
      disk_.crash(dice_.chance(500) ? test::MemoryVfs::Unsynced::kLost
                                    : test::MemoryVfs::Unsynced::kKept);
    }
    life_.reset();
    for (const auto& [name, endpoint] : endpoints_) {
      endpoint->process_ended(orderly);
    }
  }

  // ---- people

  void make_subscriptions() {
    for (const TenantName& tenant : tenants_) {
      bool made = false;
      while (!made && violations_.texts().empty()) {
        run_task(make_tenant(*life_, tenant, made));
      }
      life_->engine().changed(tenant);
    }
  }
  Task<> make_tenant(DeliveryLife& life, TenantName tenant, bool& made) {
    const auto put = co_await life.store().put_tenant(tenant, {});
    if (!put) {
      co_return;
    }
    Transaction transaction(tenant);
    for (const auto& [name, endpoint] : endpoints_) {
      if (name.first == tenant) {
        transaction.put(kSubscriptions, name.second, "enabled");
        delivery::begin(transaction, name.second, {});
      }
    }
    const auto committed = co_await life.store().commit(std::move(transaction));
    made = committed.has_value();
  }

  void publish_some() {
    for (const TenantName& tenant : tenants_) {
      const std::uint64_t count =
          std::min<std::uint64_t>(plan_.events - published_[tenant], dice_.below(15));
      if (count > 0) {
        bool done = false;
        while (!done && violations_.texts().empty()) {
          run_task(publish(*life_, tenant, count, done));
        }
        published_[tenant] += count;
      }
    }
  }

  // Its place in the journal is known beforehand: nobody else publishes.
  Task<> publish(DeliveryLife& life, TenantName tenant, std::uint64_t count, bool& done) {
    Transaction transaction(tenant);
    for (std::uint64_t i = 1; i <= count; ++i) {
      const std::uint64_t sequence = published_[tenant] + i;
      const std::string key = fmt::format("key-{}", (sequence * 7919) % 5);
      transaction.append(numbered_event(tenant, sequence, key));
      for (const auto& [name, endpoint] : endpoints_) {
        if (name.first == tenant) {
          endpoint->journal_has({sequence}, key);
        }
      }
    }
    const auto committed = co_await life.store().commit(std::move(transaction));
    done = committed.has_value();
    if (done) {
      check(committed->events.front().sequence.value == published_[tenant] + 1,
            "nobody else publishes");
    }
  }

  Endpoint& any_endpoint() {
    auto picked = endpoints_.begin();
    std::advance(picked, static_cast<std::ptrdiff_t>(dice_.below(endpoints_.size())));
    return *picked->second;
  }

  void act() {
    switch (dice_.below(10)) {
      case 0:
      case 1:
        if (plan_.crashes) {
          const bool orderly = dice_.chance(300);
          scheduler_.log("-- {}", orderly ? "restart" : "crash");
          end_life(orderly);
          boot();
        }
        break;
      case 2:
        clock_.step_wall(seconds(dice_.below(7'200)) - seconds(3'600));
        scheduler_.log("-- the clock is set");
        break;
      case 3:
        if (plan_.people) {
          ask_again(any_endpoint());
        }
        break;
      case 4:
        if (plan_.people) {
          switch_on_or_off(any_endpoint());
        }
        break;
      case 5:
        if (plan_.crashes && dice_.chance(300)) {
          Endpoint& endpoint = any_endpoint();
          const std::uint64_t published = published_[endpoint.plan().tenant];
          endpoint.kill_with({(published / endpoint.plan().every + 1) * endpoint.plan().every});
          endpoint.behave(Mode::kKilling);
        }
        break;
      default: {
        Endpoint& endpoint = any_endpoint();
        const auto mode = static_cast<Mode>(dice_.below(5));
        scheduler_.log("-- {} {} behaves as {}", endpoint.plan().tenant.str(), endpoint.plan().id,
                       std::to_underlying(mode));
        endpoint.behave(mode);
      }
    }
  }

  void ask_again(Endpoint& endpoint) {
    const std::uint64_t published = published_[endpoint.plan().tenant];
    const Sequence sequence{(published / endpoint.plan().every) * endpoint.plan().every};
    if (sequence.value == 0) {
      return;
    }
    endpoint.excuse(sequence);
    delivery::Request request{.kind = delivery::Request::Kind::kRedeliver,
                              .sequences = {{sequence}}};
    if (dice_.chance(300)) {
      request = {.kind = delivery::Request::Kind::kRedeliverDead};
      for (std::uint64_t any = 1; any <= published; ++any) {
        endpoint.excuse({any});
      }
    }
    commit_change(endpoint, [&](Transaction& transaction) {
      add_request(transaction, endpoint.plan().id, fmt::format("r{:06}", ++requests_), request);
    });
  }

  void switch_on_or_off(Endpoint& endpoint) {
    const auto name = std::pair(endpoint.plan().tenant, endpoint.plan().id);
    const bool enable = off_.erase(name) > 0;
    if (!enable) {
      off_.insert(name);
    }
    scheduler_.log("-- {} {} is {}", name.first.str(), name.second, enable ? "on" : "off");
    commit_change(endpoint, [&](Transaction& transaction) {
      transaction.put(kSubscriptions, name.second, enable ? "enabled" : "disabled");
    });
    endpoint.enabled(enable);
  }

  void commit_change(const Endpoint& endpoint, const std::function<void(Transaction&)>& fill) {
    bool done = false;
    while (!done && violations_.texts().empty()) {
      Transaction transaction(endpoint.plan().tenant);
      fill(transaction);
      run_task(commit_one(*life_, std::move(transaction), done));
    }
    life_->engine().changed(endpoint.plan().tenant);
  }
  static Task<> commit_one(DeliveryLife& life, Transaction transaction, bool& done) {
    const auto committed = co_await life.store().commit(std::move(transaction));
    done = committed.has_value();
  }

  // ---- the end

  void heal() {
    scheduler_.log("-- heal");
    faults_ = false;
    for (const auto& [name, endpoint] : endpoints_) {
      endpoint->behave(Mode::kHealthy);
      if (off_.contains(name)) {
        switch_on_or_off(*endpoint);
      }
    }
    (void)pass(kHealing);
    end_life(true);
    if (violations_.texts().empty()) {
      boot();
      run_task(check_end(*life_));
    }
  }

  Task<> check_end(DeliveryLife& life) {
    for (const auto& [name, endpoint] : endpoints_) {
      const auto& [tenant, id] = name;
      auto letters = co_await life.store().scan(tenant, delivery::kDeadLetters,
                                                delivery::prefix_of(id), "", 1'000);
      auto debts =
          co_await life.store().scan(tenant, delivery::kDebts, delivery::prefix_of(id), "", 1'000);
      auto track = co_await life.store().get(tenant, delivery::kTracks,
                                             delivery::track_key(id, delivery::kLive));
      if (!letters || !debts || !track || !*track) {
        violations_.add("Liveness", "the records of {} cannot be read", id);
        co_return;
      }
      std::set<Sequence> dead;
      for (const Record& record : letters->items) {
        dead.insert(delivery::from_record<DeadLetter>(record.value).value().sequence);
      }
      if (!debts->items.empty()) {
        violations_.add("Liveness", "{} {}: {} debts are left, such as {}", tenant.str(), id,
                        debts->items.size(), debts->items.front().value);
      }
      const std::uint64_t published = published_[tenant];
      const auto record = delivery::from_record<delivery::TrackRecord>(**track).value();
      if (record.position != Sequence{published}) {
        violations_.add("Liveness", "{} {}: the position is {} of {}", tenant.str(), id,
                        record.position.value, published);
      }
      for (std::uint64_t sequence = 1; sequence <= published; ++sequence) {
        if (endpoint->wants({sequence}) && !endpoint->accepted({sequence}) &&
            !dead.contains({sequence})) {
          violations_.add("AtLeastOnce", "{} {}: {} was lost", tenant.str(), id, sequence);
        }
      }
      scheduler_.mix(endpoint->attempts());
    }
  }

  Scheduler scheduler_;
  Dice dice_;
  const ProcessId people_ = scheduler_.new_process();
  SimClock clock_;
  test::MemoryVfs disk_;
  const Plan plan_;
  Violations violations_;
  Endpoints endpoints_;
  std::vector<TenantName> tenants_;
  std::map<TenantName, std::uint64_t> published_;
  std::set<std::pair<TenantName, std::string>> off_;
  std::uint64_t requests_ = 0;
  bool faults_ = true;
  std::unique_ptr<DeliveryLife> life_;
};

TEST(DeliverySimulation, KeepsItsPromisesWhateverHappens) {
  for_seeds(kSeeds, [](std::uint64_t seed) {
    Universe universe(seed);
    universe.run();
    for (const std::string& violation : universe.violations()) {
      ADD_FAILURE() << violation;
    }
    print_trace(universe.log(), !universe.violations().empty());
  });
}

TEST(DeliverySimulation, GivesTheSameRunForTheSameSeed) {
  const std::uint64_t seed = base_seed();
  const auto trace = [&] {
    Universe universe(seed);
    universe.run();
    return universe.trace();
  };
  EXPECT_EQ(trace(), trace());
}

}  // namespace
}  // namespace bitvault::sim
