// A Track with the store and the journal around it, for its tests: events are event-1, event-2 ...,
// the store is what was committed, and a restart reads it again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "delivery/test_random.h"
#include "delivery/track.h"

namespace bitvault::delivery {

class TrackFixture {
 public:
  static constexpr std::size_t kWindow = 16;
  static constexpr std::size_t kDebts = 24;

  explicit TrackFixture(std::uint64_t seed = 1);

  [[nodiscard]] Policy& policy() { return policy_; }
  [[nodiscard]] Track& track() { return *track_; }
  [[nodiscard]] Now now() const { return now_; }
  void advance(Duration by) {
    now_.wall += by;
    now_.monotonic += by;
  }
  void set_clock(Duration by) { now_.wall += by; }

  // The journal gets an event, and the track is offered it.
  void offer_next(const std::string& key = "k");
  // The track is offered again what it had not scanned when it was kept.
  void offer_upto(std::uint64_t sequence);

  [[nodiscard]] std::optional<std::uint64_t> start_new();
  [[nodiscard]] std::optional<std::uint64_t> start_retry();
  [[nodiscard]] const Track::Start& last_start() const { return last_; }
  [[nodiscard]] Sequence previous_of(std::uint64_t sequence) const {
    return previous_.at(sequence);
  }
  Track::Finished finish(std::uint64_t sequence, const Outcome& outcome);
  void deliver(std::uint64_t sequence) { finish(sequence, {.verdict = Verdict::kDelivered}); }
  void fail(std::uint64_t sequence) { finish(sequence, {.reason = "http_500", .status = 500}); }

  // Commits what has changed, or fails to.
  void commit(bool succeeds = true);
  // The process ends, orderly or not, and what was committed is loaded.
  void restart(bool crashed);

  // What is in the store.
  [[nodiscard]] const TrackRecord& stored() const { return stored_; }
  [[nodiscard]] const std::map<Sequence, DebtRecord>& debts() const { return debts_; }
  [[nodiscard]] const std::map<Sequence, DeadLetter>& dead() const { return dead_; }
  [[nodiscard]] const std::set<std::pair<Sequence, std::string>>& held() const { return held_; }
  [[nodiscard]] const std::vector<std::string>& keys() const { return keys_; }

  [[nodiscard]] Random& random() { return random_; }

 private:
  [[nodiscard]] Match match_of(std::uint64_t sequence) const;
  [[nodiscard]] std::optional<std::uint64_t> started(const std::optional<Track::Start>& start);

  TestRandom random_;
  Policy policy_;
  Now now_{WallTime(std::chrono::days(20'000)), MonotonicTime(std::chrono::hours(1))};
  std::vector<std::string> keys_;  // of the journal's events, from 1
  std::optional<Track> track_;
  Track::Start last_{};
  std::map<std::uint64_t, Sequence> previous_;

  TrackRecord stored_;
  std::map<Sequence, DebtRecord> debts_;
  std::map<Sequence, DeadLetter> dead_;
  std::set<std::pair<Sequence, std::string>> held_;
};

}  // namespace bitvault::delivery
