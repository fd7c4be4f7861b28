// One life of a process that delivers: the real SqliteStore on a simulated disk behind a store that
// fails at will, the real engine, and subscriptions kept as records beside the journal.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "delivery/engine.h"
#include "delivery_endpoints.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/store/faulty_store.h"

namespace bitvault::sim {

inline constexpr Collection kSubscriptions{"sim.subscription"};  // id -> "enabled" or "disabled"

// Event e-<sequence>, whose data says by what of 1 to 3 its sequence can be divided.
[[nodiscard]] EncodedEvent numbered_event(const TenantName& tenant, std::uint64_t sequence,
                                          const std::string& key);

using Endpoints = std::map<std::pair<TenantName, std::string>, std::unique_ptr<Endpoint>>;

class DeliveryLife final : public delivery::Surface {
 public:
  DeliveryLife(Scheduler& scheduler, const SimClock& clock, Endpoints& endpoints);
  ~DeliveryLife() override;

  [[nodiscard]] Status open(SqliteOptions sqlite, test::FaultyStore::Decide decide,
                            delivery::EngineLimits limits);

  [[nodiscard]] SimWorld& world() { return world_; }
  [[nodiscard]] Store& store() { return *faulty_; }
  [[nodiscard]] delivery::Engine& engine() { return *engine_; }
  void spawn(Task<> task) { tasks_.spawn(std::move(task)); }
  [[nodiscard]] std::size_t tasks() const { return tasks_.size(); }
  void cancel() { tasks_.cancel(); }

  [[nodiscard]] Task<Result<std::vector<delivery::Subscription>>> subscriptions(
      TenantName tenant) override;
  // Commits this when subscriptions are read next: just before, or just after. The engine is not
  // told of it.
  enum class Moment : std::uint8_t { kBeforeReading, kAfterReading };
  void commit_meanwhile(Moment moment, Transaction transaction) {
    meanwhile_.emplace(moment, std::move(transaction));
  }
  [[nodiscard]] Task<Status> tell(std::vector<delivery::Notice> notices,
                                  Transaction& transaction) override;
  [[nodiscard]] std::size_t told(delivery::Notice::Kind kind) const {
    const auto found = told_.find(kind);
    return found == told_.end() ? 0 : found->second;
  }

 private:
  class EndpointTarget;
  class NoLog;

  Endpoints& endpoints_;
  [[nodiscard]] Task<> commit_at(Moment moment);

  std::optional<std::pair<Moment, Transaction>> meanwhile_;
  std::map<delivery::Notice::Kind, std::size_t> told_;
  SimWorld world_;
  TaskGroup tasks_;
  std::unique_ptr<AttemptLog> log_;
  // The stores go first, with the coroutines that wait in their queues.
  std::unique_ptr<delivery::Engine> engine_;
  std::unique_ptr<SqliteStore> sqlite_;
  std::unique_ptr<test::FaultyStore> faulty_;
};

}  // namespace bitvault::sim
