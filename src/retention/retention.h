// Retention enforces how long events are kept, as a Reconciler's work: without input, derived from
// the store, and safe to be killed between any two steps.
//
// A round first raises every floor that is due, each in one durable commit: from then on readers
// see nothing below it. Then it deletes what lies below the floors, one bounded batch at a time,
// tenants taking turns. It never has more than one request at the store and rests after each batch
// as long as that took, so at most every second turn of the writer is its own.
//
// One round at a time. The counters may be read from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retention/policy.h"
#include "store/store.h"
#include "world/world.h"

namespace bitvault {

class Retention {
 public:
  static constexpr Duration kPeriod = std::chrono::seconds(5);
  // A round that deletes ends after so long, so that the floors get their turn again.
  static constexpr Duration kRoundMax = std::chrono::seconds(5);
  static constexpr std::size_t kTenantsPerPage = 500;

  Retention(World& world, Store& store, RetentionPolicy defaults)
      : world_(world), store_(store), defaults_(defaults) {}

  struct Outcome {
    bool more = false;                  // another round is wanted at once
    std::optional<Error> trouble = {};  // the first one; what it kept from being done is done later
  };
  [[nodiscard]] Task<Outcome> round();

  // Events that left a journal, and those whose bytes were deleted, since the start.
  [[nodiscard]] std::uint64_t events_expired() const { return events_expired_; }
  [[nodiscard]] std::uint64_t events_pruned() const { return events_pruned_; }

 private:
  // Raises the floors; returns the tenants of which something is left to delete.
  [[nodiscard]] Task<std::vector<TenantName>> raise_floors(Outcome& outcome);
  [[nodiscard]] Task<Result<JournalHead>> raise_floor(const Upkeep& upkeep, Due what);
  [[nodiscard]] Task<> prune(std::vector<TenantName> tenants, Outcome& outcome);

  World& world_;
  Store& store_;
  const RetentionPolicy defaults_;
  std::atomic<std::uint64_t> events_expired_{0};
  std::atomic<std::uint64_t> events_pruned_{0};
};

}  // namespace bitvault
