#include "delivery/census.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bitvault::delivery {
namespace {

// The least value that so large a part of them does not exceed.
template <class T>
std::array<T, CensusReport::kQuantiles.size()> quantiles(std::vector<T> values) {
  std::array<T, CensusReport::kQuantiles.size()> found{};
  if (values.empty()) {
    return found;
  }
  std::ranges::sort(values);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double rank = std::ceil(CensusReport::kQuantiles[i] * static_cast<double>(values.size()));
    found[i] = values[static_cast<std::size_t>(rank) - 1];
  }
  return found;
}

}  // namespace

void Census::add(const Subscriber& subscriber, Sequence head, WallTime now) {
  const Track& live = subscriber.live();
  report_.debts += live.debts();
  report_.replays += subscriber.replays_running();
  if (!subscriber.subscription().enabled) {
    ++report_.disabled;
    return;
  }
  ++report_.enabled;
  report_.failing += subscriber.failing_since() ? 1 : 0;
  report_.breakers_open += subscriber.throttle().breaker_open() ? 1 : 0;
  const std::uint64_t position = live.position().value;
  lag_events_.push_back((head.value > position ? head.value - position : 0) + live.debts());
  const std::chrono::duration<double> age = now - live.oldest().value_or(now);
  lag_seconds_.push_back(std::max(0.0, age.count()));
}

CensusReport Census::report() && {
  report_.lag_events = quantiles(std::move(lag_events_));
  report_.lag_seconds = quantiles(std::move(lag_seconds_));
  return report_;
}

}  // namespace bitvault::delivery
