// A stage for one scene with the delivery engine: a journal, endpoints that do as they are told, a
// process that can be restarted, and time that passes when the scene says so. No faults by chance.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delivery_life.h"
#include "tests/store/memory_vfs.h"

namespace bitvault::sim {

class DeliveryStage {
 public:
  explicit DeliveryStage(delivery::EngineLimits limits = {}, std::uint64_t seed = 1);
  ~DeliveryStage();

  // A tenant's subscription from the first event on.
  Endpoint& add(const std::string& tenant, const std::string& id,
                const delivery::Policy& policy = {}, std::size_t every = 1);
  // The same, committed at a moment while the tenant's subscriptions are loaded for another reason;
  // the engine hears of it only when that is done.
  Endpoint& add_meanwhile(const std::string& tenant, const std::string& id,
                          DeliveryLife::Moment moment);
  void remove(const Endpoint& endpoint);
  void set_enabled(const Endpoint& endpoint, bool enabled);
  void ask(const Endpoint& endpoint, const delivery::Request& request);
  void commit(Transaction transaction);
  void replay(const Endpoint& endpoint, const std::string& id, std::uint64_t since,
              std::uint64_t until, bool only_failed = false);

  void publish(const std::string& tenant, std::uint64_t count, const std::string& key = "");
  // Everything below is forgotten by retention.
  void prune(const std::string& tenant, std::uint64_t floor);
  void run_for(Duration span);
  void restart(bool orderly);

  // What is in the store.
  [[nodiscard]] std::vector<Record> records(const Endpoint& endpoint, Collection collection);
  [[nodiscard]] delivery::TrackRecord track(const Endpoint& endpoint);
  [[nodiscard]] std::optional<delivery::ReplayRecord> replay_of(const Endpoint& endpoint,
                                                                const std::string& id);
  [[nodiscard]] bool is_enabled(const Endpoint& endpoint);
  [[nodiscard]] FoundEvent::State held(const std::string& tenant, std::uint64_t sequence);

  [[nodiscard]] DeliveryLife& life() { return *life_; }
  [[nodiscard]] Duration now() const { return scheduler_.now(); }
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_.texts(); }

 private:
  Endpoint& make_endpoint(const delivery::Policy& policy, const TenantName& tenant,
                          const std::string& id, std::size_t every);
  void boot();
  void run(Task<> task);

  const delivery::EngineLimits limits_;
  Scheduler scheduler_;
  const ProcessId people_;
  SimClock clock_;
  test::MemoryVfs disk_;
  Violations violations_;
  Endpoints endpoints_;
  std::map<std::string, std::uint64_t> published_;
  std::uint64_t requests_ = 0;
  std::unique_ptr<DeliveryLife> life_;
};

}  // namespace bitvault::sim
