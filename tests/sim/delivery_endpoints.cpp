#include "delivery_endpoints.h"

#include "delivery/track.h"

namespace bitvault::sim {
namespace {

using delivery::Outcome;
using delivery::Verdict;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Until a change of the subscription has reached the engine.
constexpr Duration kHearsBy = seconds(10);

}  // namespace

Task<Outcome> Endpoint::serve(World& world, delivery::Delivery delivery) {
  const Sequence sequence = delivery.sequence;
  const bool live = delivery.replay.empty();
  ++attempts_;
  if (live) {
    check_begin(delivery);
    in_flight_.insert(sequence);
    ++failures_[sequence];
  }
  if (mode_ == Mode::kKilling && sequence == poison_) {
    death_ = true;
  }
  const bool hangs = mode_ == Mode::kHanging;
  const Duration latency =
      hangs ? Duration(plan_.policy.timeout) : Duration(milliseconds(dice_.between(1, 200)));
  co_await world.sleep(latency);
  const bool cancelled = co_await is_cancelled();
  Outcome outcome =
      hangs || cancelled ? Outcome{.reason = "timeout", .slow_down = true} : answer(sequence);
  outcome.latency = latency;
  if (outcome.verdict == Verdict::kDelivered) {
    accepted_.insert(sequence);
    if (!live) {
      replayed_.insert(sequence);
    }
  }
  if (!live || cancelled) {
    in_flight_.erase(sequence);
    co_return outcome;
  }
  in_flight_.erase(sequence);
  if (outcome.verdict == Verdict::kDelivered) {
    --failures_[sequence];
    done_in_this_life_.insert(sequence);
    last_failure_.erase(sequence);
  } else {
    last_failure_[sequence] = {delivery.attempt, scheduler_.now()};
  }
  co_return outcome;
}

Outcome Endpoint::answer(Sequence) {
  switch (mode_) {
    case Mode::kHealthy:
    case Mode::kKilling:
      return {.verdict = Verdict::kDelivered, .status = 200};
    case Mode::kFlaky:
      if (dice_.chance(500)) {
        return {.verdict = Verdict::kDelivered, .status = 200};
      }
      return {.reason = "http_500", .status = 500};
    case Mode::kFailing:
    case Mode::kHanging:
      return {.reason = "http_500", .status = 500};
    case Mode::kThrottling:
      return {.reason = "http_429",
              .retry_after = seconds(dice_.between(0, 20)),
              .slow_down = true,
              .status = 429};
  }
  return {};
}

void Endpoint::complain(std::string_view what, Sequence sequence) {
  violations_.add("Deliveries", "{} {}: {} {}", plan_.tenant.str(), plan_.id, what, sequence.value);
}

void Endpoint::check_begin(const delivery::Delivery& delivery) {
  const Sequence sequence = delivery.sequence;
  if (!wants(sequence)) {
    complain("got what it does not want,", sequence);
  }
  if (in_flight_.contains(sequence)) {
    complain("is attempted twice at once,", sequence);
  }
  if (in_flight_.size() >= delivery::kConcurrencyMax ||
      in_flight_.size() >= plan_.policy.concurrency) {
    complain("gets more at once than it bears,", sequence);
  }
  if (disabled_since_ != Duration::max() && scheduler_.now() > disabled_since_ + kHearsBy) {
    complain("is disabled and gets", sequence);
  }
  if (excused_.contains(sequence)) {
    return;
  }
  if (done_in_this_life_.contains(sequence)) {
    complain("gets again what it has taken,", sequence);
  }
  const auto [known, first] = previous_.emplace(sequence, delivery.previous);
  if (known->second != delivery.previous) {
    complain("is told another previous one of", sequence);
  }
  const Sequence before{(sequence.value - 1) / plan_.every * plan_.every};
  if (first && delivery.previous != before && !previous_excused_) {
    complain("is told a wrong previous one of", sequence);
  }
  if (const auto last = last_failure_.find(sequence);
      last != last_failure_.end() && delivery.attempt == last->second.attempt + 1) {
    const Duration scheduled = plan_.policy.schedule.at(delivery.attempt - 1);
    if (scheduler_.now() - last->second.ended < scheduled * 8 / 10) {
      complain("is retried too early,", sequence);
    }
  }
  if (delivery.attempt > plan_.policy.schedule.size()) {
    complain("gets more attempts than it wants of", sequence);
  }
  if (plan_.policy.ordering == delivery::Ordering::kPartitionKey && !order_excused_) {
    check_order(sequence);
  }
}

// An earlier event of the key was taken, or can be a dead letter.
void Endpoint::check_order(Sequence sequence) {
  const std::string& key = keys_.at(sequence.value);
  for (std::uint64_t earlier = plan_.every; earlier < sequence.value; earlier += plan_.every) {
    if (keys_.at(earlier) != key || accepted_.contains({earlier})) {
      continue;
    }
    const auto failures = failures_.find({earlier});
    const std::size_t failed = failures == failures_.end() ? 0 : failures->second;
    const bool can_be_dead =
        failed >= plan_.policy.schedule.size() || failed >= delivery::kStrikesMax;
    if (!can_be_dead && !excused_.contains({earlier})) {
      complain("gets, before an earlier one of its key,", sequence);
    }
  }
}

void Endpoint::process_ended(bool orderly) {
  in_flight_.clear();
  last_failure_.clear();
  if (!orderly) {
    done_in_this_life_.clear();
  }
}

}  // namespace bitvault::sim
