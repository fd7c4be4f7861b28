// The endpoints of a simulated universe: they outlive the process that delivers to them, behave as
// they are told, remember what they were sent, and complain about what must not be.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "delivery/subscription.h"
#include "dice.h"
#include "observe.h"
#include "sim_world.h"

namespace bitvault::sim {

// What one subscription is, outside of the process that serves it.
struct EndpointPlan {
  TenantName tenant;
  std::string id;
  delivery::Policy policy;
  std::size_t every = 1;  // it wants those events whose sequence is divisible by this
};

class Endpoint {
 public:
  enum class Mode : std::uint8_t { kHealthy, kFlaky, kFailing, kHanging, kThrottling, kKilling };

  Endpoint(Scheduler& scheduler, EndpointPlan plan, Violations& violations)
      : scheduler_(scheduler),
        plan_(std::move(plan)),
        violations_(violations),
        dice_(scheduler.dice().fork()) {}

  [[nodiscard]] const EndpointPlan& plan() const { return plan_; }
  [[nodiscard]] delivery::Policy& policy() { return plan_.policy; }
  void behave(Mode mode) { mode_ = mode; }
  // kKilling: an attempt of this event ends the process.
  void kill_with(Sequence poison) { poison_ = poison; }
  [[nodiscard]] bool wants(Sequence sequence) const { return sequence.value % plan_.every == 0; }
  [[nodiscard]] const std::string& key_of(Sequence sequence) const {
    return keys_.at(sequence.value);
  }
  void journal_has(Sequence sequence, std::string key) { keys_[sequence.value] = std::move(key); }

  // An attempt as the endpoint sees it.
  [[nodiscard]] Task<delivery::Outcome> serve(World& world, delivery::Delivery delivery);
  // The process that delivers has ended; `orderly`: it knew what it had done.
  void process_ended(bool orderly);
  // Somebody asked for this one again, or changed what is promised: no more questions about it.
  void excuse(Sequence sequence) { excused_.insert(sequence); }
  void excuse_order() { order_excused_ = true; }
  void excuse_previous() { previous_excused_ = true; }
  void enabled(bool enabled) { disabled_since_ = enabled ? Duration::max() : scheduler_.now(); }
  [[nodiscard]] bool wants_death() { return std::exchange(death_, false); }

  [[nodiscard]] bool accepted(Sequence sequence) const { return accepted_.contains(sequence); }
  [[nodiscard]] std::size_t attempts() const { return attempts_; }
  [[nodiscard]] std::size_t replayed() const { return replayed_.size(); }

 private:
  void check_begin(const delivery::Delivery& delivery);
  void check_order(Sequence sequence);
  [[nodiscard]] delivery::Outcome answer(Sequence sequence);
  void complain(std::string_view what, Sequence sequence);

  Scheduler& scheduler_;
  EndpointPlan plan_;
  Violations& violations_;
  Dice dice_;
  Mode mode_ = Mode::kHealthy;
  Sequence poison_{};
  bool death_ = false;
  std::map<std::uint64_t, std::string> keys_;

  struct Last {
    unsigned attempt;
    Duration ended;
  };
  std::set<Sequence> in_flight_;
  std::set<Sequence> accepted_;
  std::set<Sequence> done_in_this_life_;
  std::set<Sequence> replayed_;
  std::set<Sequence> excused_;
  std::map<Sequence, unsigned> failures_;  // attempts that did not end well, crashes included
  std::map<Sequence, Sequence> previous_;
  std::map<Sequence, Last> last_failure_;  // in this life
  bool order_excused_ = false;
  bool previous_excused_ = false;
  Duration disabled_since_ = Duration::max();
  std::size_t attempts_ = 0;
};

}  // namespace bitvault::sim
