// A Track is a subscription's way along its tenant's journal: the live one, or a replay's. It is
// the whole of what is decided about deliveries, and pure: it is told of events, instants and
// outcomes, and says what to attempt and what to keep in the store.
//
// The promises, for every sequence of calls and every crash between two commits:
// - What was offered is delivered, or has become a dead letter, or will be attempted again: at
//   least once. Success leaves no record, only a position that moves on.
// - An event's `previous` is the same on every attempt, also after a crash.
// - In order: no attempt of an event while an earlier one of its key is neither delivered nor a
//   dead letter.
// - Never two attempts of one event at once.
// - Bounded: at most `window` events between the position in the store and the newest one, and
//   `debts` retries. Beyond that has_room() is false, and the journal is the backlog.
// - An event whose attempt was alone in flight kStrikesMax times when the process died becomes a
//   dead letter, "poison". For that, what may have been in flight at a crash is marked in the store
//   before it is attempted again; nothing else is.
//
// Times in the store are wall times; in here all is monotonic, so a clock that is set moves nothing
// that is scheduled, and what is loaded is clamped to what the schedule can have meant.
//
// Not thread-safe.
#pragma once

#include <boost/container/deque.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/shared_bytes.h"
#include "delivery/policy.h"
#include "delivery/records.h"
#include "delivery/target.h"
#include "world/world.h"

namespace bitvault::delivery {

struct Now {
  WallTime wall;
  MonotonicTime monotonic;
};

inline constexpr unsigned kStrikesMax = 3;
// Of a dead letter whose event retention took before the journal held it.
inline constexpr std::string_view kExpiredReason = "expired";
// What a Retry-After can ask for at most.
inline constexpr Duration kRetryAfterMax = std::chrono::hours(1);

// An event that the subscription wants.
struct Match {
  Sequence sequence;
  std::uint64_t key = 0;  // a hash of its partition key, never 0
  WallTime recorded;
  SharedBytes event;
};

class Track {
 public:
  struct Limits {
    std::size_t window = 1'024;
    std::size_t window_bytes = 1024 * 1024;
    std::size_t debts = 10'000;
  };

  // As it was left in the store. `crashed`: the process that wrote it did not end in order.
  Track(std::string name, const TrackRecord& record, const std::vector<DebtRecord>& debts,
        const Policy& policy, Now now, bool crashed, Limits limits);

  // --- Reading.
  // Every event up to here was offered, or does not match.
  [[nodiscard]] Sequence scanned() const { return scanned_; }
  [[nodiscard]] bool has_room() const;
  // Room enough that reading on pays.
  [[nodiscard]] bool is_roomy() const;
  // The next match; only while there is room.
  void offer(Match match, const Policy& policy, Now now, Random& random);
  // Nothing matches between scanned() and `end`.
  void pass(Sequence end);
  // Goes on after `end`, whatever lies before; "what it matched before" begins anew. What has begun
  // is finished.
  void jump(Sequence end);
  // What lies up to `end` is gone: the next match is told that something is missing.
  void lose(Sequence end) {
    pass(end);
    matched_ = end;
  }
  // The filter has changed: "what it matched before" begins anew.
  void forget_matched() { matched_ = {}; }

  // --- Attempting.
  struct Start {
    Sequence sequence;
    Sequence previous;
    unsigned attempt = 1;
    SharedBytes event = {};   // empty: to be read from the store
    bool mark_first = false;  // commit what collect() says, before the attempt
    bool alone = false;       // and while no other such one is in flight
    bool bury = false;        // no attempt: to be finished as a dead letter, "poison"
  };
  [[nodiscard]] std::optional<Start> next_new(Now now);
  // `alone_free`: one that must be alone may start.
  [[nodiscard]] std::optional<Start> next_retry(Now now, bool alone_free);
  // When one of them will be there; MonotonicTime::max(): not by time alone.
  [[nodiscard]] MonotonicTime new_due() const;
  [[nodiscard]] MonotonicTime retry_due(bool alone_free) const;

  struct Finished {
    std::optional<WallTime> next;  // attempt
    bool dead_lettered = false;
    unsigned attempts = 0;  // made
  };
  // `event`: its bytes, to name it when it becomes a dead letter; empty when they are gone.
  [[nodiscard]] Finished finish(Sequence sequence, const Outcome& outcome, std::string_view event,
                                const Policy& policy, Now now, Random& random);
  // The attempt was cancelled before anything came of it: it will be made again.
  void abandon(Sequence sequence, Now now);

  // --- Asked for.
  // One more attempt now, whatever the schedule says and without using it up. True when it needs
  // nothing more: the event is a debt, or about to be attempted anyway.
  [[nodiscard]] bool redeliver(Sequence sequence, Now now);
  // A debt that begins now, outside of the order of its key.
  void owe(Sequence sequence, Sequence previous, Now now);

  // Owes nothing any more but what is in flight.
  void forgive_debts();
  // Debts below `floor` that the journal does not hold become dead letters, "expired".
  void expire(Sequence floor, Now now);
  // The order was changed: none or by key.
  void reorder(const Policy& policy, Now now);

  // --- Keeping.
  // Everything settled up to here.
  [[nodiscard]] Sequence position() const;
  [[nodiscard]] TrackRecord record() const;  // without what is of the subscription
  [[nodiscard]] bool dirty() const;          // something other than the position has changed
  // Whether a commit is overdue: half of the window is not in the store yet.
  [[nodiscard]] bool urgent() const;
  // Adds debts and dead letters that have changed; then either kept() or lost() follows.
  void collect(Transaction& transaction, std::string_view subscription, Now now);
  void kept();
  void lost();

  // --- Looking.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::size_t debts() const { return debts_.size(); }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  // Nothing waits, is in flight or owed.
  [[nodiscard]] bool idle() const { return items_.empty() && debts_.empty(); }
  [[nodiscard]] std::optional<DebtRecord> debt(Sequence sequence) const;
  // When the oldest event that it has read and not settled was recorded, or a debt was matched.
  [[nodiscard]] std::optional<WallTime> oldest() const;

 private:
  struct Item {
    enum class State : std::uint8_t { kWaiting, kInFlight, kSettled };
    Sequence sequence;
    Sequence previous;
    std::uint64_t key;
    SharedBytes event;
    MonotonicTime not_before;
    WallTime matched_at;
    State state = State::kWaiting;
  };
  struct Debt {
    enum class State : std::uint8_t { kScheduled, kBehind, kInFlight };
    DebtRecord record;
    MonotonicTime due;
    State state = State::kScheduled;
    bool suspect = false;                   // may have been in flight at a crash
    bool held = false;                      // the journal holds it, for certain
    std::optional<MonotonicTime> resume{};  // asked for: when it was due before
  };
  // Unlike the standard library's, an empty one takes no memory: most tracks are idle.
  template <class T>
  using Deque = boost::container::deque<T>;
  using Line = Deque<Sequence>;  // unsettled events of one key, in order

  void load(const std::vector<DebtRecord>& debts, const Policy& policy, Now now, bool crashed);
  [[nodiscard]] Item* find_item(Sequence sequence);
  Debt& become_debt(Item& item, Now now);
  void settle(Item& item);
  void settle_front();
  // The event is out of the way: the next of its key may go.
  void leave_line(std::uint64_t key, Sequence sequence, Now now);
  // The first of its line is a debt, so all behind it are: what is loaded keeps its order.
  void owe_line(std::uint64_t key, Now now);
  void schedule(Debt& debt, MonotonicTime due, Now now);
  void unschedule(const Debt& debt);
  [[nodiscard]] std::set<std::pair<MonotonicTime, Sequence>>& due_of(const Debt& debt);
  void fail_debt(Debt& debt, const Outcome& outcome, std::string_view event, const Policy& policy,
                 Now now, Random& random, Finished& finished);
  void bury(const Debt& debt, const Outcome& outcome, std::string_view event, Now now);
  void drop_debt(Sequence sequence, Now now);
  void owe_slow_ones(Now now);

  std::string name_;
  Limits limits_;
  bool ordered_;
  Sequence scanned_;
  Sequence matched_;
  std::set<Sequence> settled_;  // above the position that was loaded
  std::size_t suspects_ = 0;    // how many of the next offers may have been in flight at a crash
  Deque<Item> items_;           // by sequence; the first is not settled
  std::size_t item_bytes_ = 0;
  Line ready_;  // items that wait for nothing but their time
  std::map<Sequence, Debt> debts_;
  std::set<std::pair<MonotonicTime, Sequence>> due_;
  std::set<std::pair<MonotonicTime, Sequence>> accused_due_;  // must be attempted alone
  std::unordered_map<std::uint64_t, Line> lines_;             // only while ordered
  std::size_t in_flight_ = 0;

  std::set<Sequence> dirty_;      // debts that have changed, or are gone
  std::vector<DeadLetter> dead_;  // new
  std::size_t unkept_ = 0;        // offered since the position in the store
  bool settled_some_ = false;     // since then
  // What is being kept, between collect() and kept() or lost().
  struct Committing {
    std::set<Sequence> debts;
    std::vector<DeadLetter> dead;
    std::size_t unkept = 0;
  };
  std::unique_ptr<Committing> committing_;
};

}  // namespace bitvault::delivery
