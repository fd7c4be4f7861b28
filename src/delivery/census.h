// How all subscriptions of this process are doing at one instant, for metrics: it names none.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "delivery/subscriber.h"

namespace bitvault::delivery {

struct CensusReport {
  static constexpr std::array<double, 4> kQuantiles{0.5, 0.9, 0.99, 1};

  std::uint64_t enabled = 0;  // subscriptions
  std::uint64_t disabled = 0;
  std::uint64_t failing = 0;  // nothing but failure since a while
  std::uint64_t breakers_open = 0;
  std::uint64_t replays = 0;          // that are running
  std::uint64_t debts = 0;            // events that wait for a retry
  std::uint64_t tenants_waiting = 0;  // for their journal to be read
  std::uint64_t slots_wanted = 0;     // subscriptions that wait for an attempt to end
  // Over the enabled subscriptions: how many events of its tenant each has not settled yet, and how
  // old the oldest is that it has read and not settled.
  std::array<std::uint64_t, kQuantiles.size()> lag_events{};
  std::array<double, kQuantiles.size()> lag_seconds{};
};

class Census {
 public:
  // `head`: of the tenant's journal, as it was last seen.
  void add(const Subscriber& subscriber, Sequence head, WallTime now);
  [[nodiscard]] CensusReport report() &&;

 private:
  CensusReport report_;
  std::vector<std::uint64_t> lag_events_;
  std::vector<double> lag_seconds_;
};

}  // namespace bitvault::delivery
