// A Subscriber is all that one subscription is in memory: its live track, its replays, what its
// endpoint bears, and how that has fared. Pure, as its parts are: effects belong to the engine.
//
// Live deliveries go first: a replay starts an attempt only when nothing live could, and has at
// most half of what the endpoint bears.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/subscription.h"
#include "delivery/throttle.h"
#include "delivery/track.h"
#include "event/event.h"

namespace bitvault::delivery {

// Its owner hears that an endpoint is failing after so many failures in a row.
inline constexpr unsigned kFailuresToTell = 5;
// A subscription is disabled when nothing but failure was seen for so long, in so many attempts.
inline constexpr Duration kFailingTimeMax = std::chrono::days(5);
inline constexpr std::uint64_t kFailingAttemptsLeast = 10;

class Subscriber {
 public:
  // As it is in the store.
  struct Kept {
    TrackRecord live;
    std::vector<std::pair<std::string, ReplayRecord>> replays = {};          // that are running
    std::map<std::string, std::vector<DebtRecord>, std::less<>> debts = {};  // by track
  };
  struct Replay {
    ReplayRecord record;
    Track track;
    bool dirty = false;
  };

  Subscriber(Subscription subscription, const Kept& kept, Now now, bool crashed,
             const Track::Limits& limits);

  [[nodiscard]] const Subscription& subscription() const { return subscription_; }
  // It was changed: from now on this holds. What is in flight ends as it began.
  void change(Subscription subscription, Now now);
  void add_replay(const std::string& id, const ReplayRecord& record,
                  const std::vector<DebtRecord>& debts, Now now, bool crashed);
  [[nodiscard]] bool has_replay(std::string_view id) const { return replays_.contains(id); }

  // --- Reading.
  [[nodiscard]] Track& live() { return live_; }
  [[nodiscard]] const Track& live() const { return live_; }
  [[nodiscard]] std::map<std::string, Replay, std::less<>>& replays() { return replays_; }
  void offer(Track& track, Match match, Now now, Random& random);
  // Retention has taken what lies between scanned() and the floor.
  void lose(Track& track, Sequence floor, Now now);

  // --- Attempting.
  struct Start {
    std::string track;
    Track::Start what;
  };
  [[nodiscard]] std::optional<Start> next(Now now, bool alone_free);
  // When next() may have something again; MonotonicTime::max(): not by time alone.
  [[nodiscard]] MonotonicTime due(bool alone_free) const;
  [[nodiscard]] Track::Finished finish(const Start& start, const Outcome& outcome,
                                       std::string_view event, Now now, Random& random);
  void abandon(const Start& start, Now now);

  // --- Asked for.
  // Goes on after `head`.
  void skip(Sequence head, Now now);
  // Ends it; what is in flight ends by itself. False: there is none that runs.
  bool cancel_replay(std::string_view id, Now now);

  // Debts whose events are gone below `floor`, before they were held, become dead letters.
  void expire(Sequence floor, Now now);

  // --- Keeping.
  // Something that a crash should not undo, or at least `passed` events of position.
  [[nodiscard]] bool dirty() const;
  [[nodiscard]] bool moved() const;
  [[nodiscard]] bool urgent() const;
  [[nodiscard]] bool has_notices() const { return !notices_.empty(); }
  // The first of them.
  [[nodiscard]] std::vector<Notice> take_notices(std::size_t most);
  void give_back(std::vector<Notice> notices);
  // Adds what has changed; then either kept() or lost() follows.
  void collect(Transaction& transaction, Now now);
  void kept();
  void lost();

  // --- Looking.
  [[nodiscard]] const Throttle& throttle() const { return throttle_; }
  [[nodiscard]] std::optional<WallTime> failing_since() const { return failing_since_; }
  [[nodiscard]] std::size_t replays_running() const { return replays_.size(); }

 private:
  [[nodiscard]] Track& track_of(std::string_view name);
  // What the endpoint bears at an instant.
  struct Open {
    bool to_new;
    bool to_retries;
  };
  [[nodiscard]] std::optional<Start> next_live(Now now, Open open, bool alone_free);
  [[nodiscard]] std::optional<Start> next_of_replays(Now now, Open open, bool alone_free);
  [[nodiscard]] unsigned replaying() const;
  [[nodiscard]] unsigned replays_bear() const;
  void note_success(Now now);
  void note_failure(const Outcome& outcome, Now now);
  void disable(std::string reason, Now now);
  void end_replays(Now now);
  [[nodiscard]] TrackRecord live_record() const;

  Subscription subscription_;
  Track::Limits limits_;
  Throttle throttle_;
  Track live_;
  std::map<std::string, Replay, std::less<>> replays_;
  bool new_first_ = false;  // retries and new events take turns

  std::optional<WallTime> failing_since_;
  MonotonicTime failing_for_since_{};  // the same, on the clock that nobody sets
  std::uint64_t failures_ = 0;         // attempts since then
  bool failing_told_ = false;
  bool health_dirty_ = false;

  std::vector<Notice> notices_;
  std::vector<SkipRecord> skips_;
  std::vector<Sequence> healed_;  // dead letters that a replay has delivered
  TrackRecord stored_;            // of the live track, as it is in the store
  // What is being kept, between collect() and kept() or lost().
  struct Committing {
    TrackRecord live;
    std::vector<std::string> replays;
    std::vector<Sequence> healed;
    std::vector<SkipRecord> skips;
  };
  std::unique_ptr<Committing> committing_;
};

}  // namespace bitvault::delivery
