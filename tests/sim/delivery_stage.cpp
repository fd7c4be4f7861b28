#include "delivery_stage.h"

#include "base/check.h"
#include "tests/store/make_event.h"

namespace bitvault::sim {
namespace {

Task<> with_flag(Task<> task, bool* ended) {
  co_await std::move(task);
  *ended = true;
}

Task<> start_engine(DeliveryLife& life) {
  const Status started = co_await life.engine().start();
  check(started.has_value(), "the engine starts");
}

Task<> stop_engine(DeliveryLife& life) { co_await life.engine().stop(); }

Task<> put_tenant(DeliveryLife& life, TenantName tenant) {
  const auto put = co_await life.store().put_tenant(std::move(tenant), {});
  check(put.has_value(), "a tenant can be made");
}

Transaction beginning_of(const TenantName& tenant, const std::string& id) {
  Transaction transaction(tenant);
  transaction.put(kSubscriptions, id, "enabled");
  delivery::begin(transaction, id, {});
  return transaction;
}

Task<> commit_one(DeliveryLife& life, Transaction transaction) {
  const auto committed = co_await life.store().commit(std::move(transaction));
  check(committed.has_value(), "a scene's commits succeed");
}

Task<> prune_below(DeliveryLife& life, TenantName tenant, std::uint64_t floor) {
  const auto head = co_await life.store().head(tenant);
  const auto raised = co_await life.store().raise_floor(tenant, {head->epoch, {floor}});
  check(raised.has_value(), "the floor can be raised");
  bool more = true;
  while (more) {
    const auto pruned = co_await life.store().prune(tenant, WallTime{});
    more = pruned && pruned->more;
  }
}

Task<> scan(DeliveryLife& life, TenantName tenant, Collection collection, std::string prefix,
            std::vector<Record>* records) {
  auto page =
      co_await life.store().scan(std::move(tenant), collection, std::move(prefix), "", 10'000);
  check(page.has_value(), "records can be read");
  *records = std::move(page->items);
}

Task<> find_held(DeliveryLife& life, TenantName tenant, std::uint64_t sequence,
                 FoundEvent::State* state) {
  const auto found = co_await life.store().held(std::move(tenant), {sequence});
  check(found.has_value(), "an event can be looked for");
  *state = found->state;
}

}  // namespace

DeliveryStage::DeliveryStage(delivery::EngineLimits limits, std::uint64_t seed)
    : limits_(limits),
      scheduler_({.seed = seed, .steps_max = 50'000'000}),
      people_(scheduler_.new_process()),
      clock_(scheduler_, {}),
      disk_(seed) {
  boot();
}

DeliveryStage::~DeliveryStage() {
  life_->world().kill();
  life_.reset();
}

void DeliveryStage::boot() {
  life_ = std::make_unique<DeliveryLife>(scheduler_, clock_, endpoints_);
  SqliteOptions sqlite;
  sqlite.folder = "data";
  sqlite.vfs = disk_.name();
  const Status opened = life_->open(
      std::move(sqlite),
      [](test::FaultyStore::Call, std::uint64_t) { return test::FaultyStore::Fault(); }, limits_);
  check(opened.has_value(), "the store opens");
  run(start_engine(*life_));
}

void DeliveryStage::run(Task<> task) {
  bool ended = false;
  life_->spawn(with_flag(std::move(task), &ended));
  check(scheduler_.run_until([&] { return ended; }), "a scene's task ends");
}

void DeliveryStage::run_for(Duration span) {
  bool over = false;
  scheduler_.start_timer(people_, span, [&over] { over = true; });
  check(scheduler_.run_until([&] { return over; }), "time passes");
}

void DeliveryStage::restart(bool orderly) {
  if (orderly) {
    run(stop_engine(*life_));
  }
  life_->world().kill();
  if (!orderly) {
    disk_.crash(test::MemoryVfs::Unsynced::kLost);
  }
  life_.reset();
  for (const auto& [name, endpoint] : endpoints_) {
    endpoint->process_ended(orderly);
  }
  boot();
}

Endpoint& DeliveryStage::make_endpoint(const delivery::Policy& policy, const TenantName& tenant,
                                       const std::string& id, std::size_t every) {
  EndpointPlan plan{.tenant = tenant, .id = id, .policy = policy, .every = every};
  return *endpoints_
              .emplace(std::pair(tenant, id),
                       std::make_unique<Endpoint>(scheduler_, plan, violations_))
              .first->second;
}

Endpoint& DeliveryStage::add(const std::string& tenant, const std::string& id,
                             const delivery::Policy& policy, std::size_t every) {
  const TenantName name = test::tenant_name(tenant);
  Endpoint& endpoint = make_endpoint(policy, name, id, every);
  run(put_tenant(*life_, name));
  commit(beginning_of(name, id));
  return endpoint;
}

Endpoint& DeliveryStage::add_meanwhile(const std::string& tenant, const std::string& id,
                                       DeliveryLife::Moment moment) {
  const TenantName name = test::tenant_name(tenant);
  Endpoint& endpoint = make_endpoint({}, name, id, 1);
  life_->commit_meanwhile(moment, beginning_of(name, id));
  life_->engine().changed(name);
  run_for(std::chrono::seconds(1));
  life_->engine().changed(name);
  run_for(std::chrono::seconds(1));
  return endpoint;
}

void DeliveryStage::commit(Transaction transaction) {
  const TenantName tenant = transaction.tenant();
  run(commit_one(*life_, std::move(transaction)));
  life_->engine().changed(tenant);
}

void DeliveryStage::remove(const Endpoint& endpoint) {
  Transaction transaction(endpoint.plan().tenant);
  transaction.erase(kSubscriptions, endpoint.plan().id);
  commit(std::move(transaction));
}

void DeliveryStage::set_enabled(const Endpoint& endpoint, bool enabled) {
  Transaction transaction(endpoint.plan().tenant);
  transaction.put(kSubscriptions, endpoint.plan().id, enabled ? "enabled" : "disabled");
  commit(std::move(transaction));
}

void DeliveryStage::ask(const Endpoint& endpoint, const delivery::Request& request) {
  Transaction transaction(endpoint.plan().tenant);
  delivery::add_request(transaction, endpoint.plan().id, fmt::format("r{:06}", ++requests_),
                        request);
  commit(std::move(transaction));
}

void DeliveryStage::replay(const Endpoint& endpoint, const std::string& id, std::uint64_t since,
                           std::uint64_t until, bool only_failed) {
  Transaction transaction(endpoint.plan().tenant);
  delivery::begin_replay(transaction, endpoint.plan().id, id,
                         {.track = {.position = {since - 1}, .matched = {}},
                          .until = {until},
                          .only_failed = only_failed,
                          .since = {since},
                          .created = {}});
  commit(std::move(transaction));
}

void DeliveryStage::publish(const std::string& tenant, std::uint64_t count,
                            const std::string& key) {
  const TenantName name = test::tenant_name(tenant);
  while (count > 0) {
    Transaction transaction(name);
    for (std::uint64_t batch = std::min<std::uint64_t>(count, 500); batch > 0; --batch, --count) {
      const std::uint64_t sequence = ++published_[tenant];
      const std::string of = key.empty() ? fmt::format("key-{}", sequence % 7) : key;
      transaction.append(numbered_event(name, sequence, of));
      for (const auto& [known, endpoint] : endpoints_) {
        if (known.first == name) {
          endpoint->journal_has({sequence}, of);
        }
      }
    }
    run(commit_one(*life_, std::move(transaction)));
  }
}

void DeliveryStage::prune(const std::string& tenant, std::uint64_t floor) {
  run(prune_below(*life_, test::tenant_name(tenant), floor));
}

std::vector<Record> DeliveryStage::records(const Endpoint& endpoint, Collection collection) {
  std::vector<Record> records;
  run(scan(*life_, endpoint.plan().tenant, collection, delivery::prefix_of(endpoint.plan().id),
           &records));
  return records;
}

delivery::TrackRecord DeliveryStage::track(const Endpoint& endpoint) {
  for (const Record& record : records(endpoint, delivery::kTracks)) {
    if (delivery::last_part_of(record.key) == delivery::kLive) {
      return delivery::from_record<delivery::TrackRecord>(record.value).value();
    }
  }
  check(false, "a subscription has its track");
  return {};
}

std::optional<delivery::ReplayRecord> DeliveryStage::replay_of(const Endpoint& endpoint,
                                                               const std::string& id) {
  for (const Record& record : records(endpoint, delivery::kTracks)) {
    if (delivery::last_part_of(record.key) == id) {
      return delivery::from_record<delivery::ReplayRecord>(record.value).value();
    }
  }
  return std::nullopt;
}

bool DeliveryStage::is_enabled(const Endpoint& endpoint) {
  std::vector<Record> records;
  run(scan(*life_, endpoint.plan().tenant, kSubscriptions, endpoint.plan().id, &records));
  return !records.empty() && records.front().value == "enabled";
}

FoundEvent::State DeliveryStage::held(const std::string& tenant, std::uint64_t sequence) {
  FoundEvent::State state{};
  run(find_held(*life_, test::tenant_name(tenant), sequence, &state));
  return state;
}

}  // namespace bitvault::sim
