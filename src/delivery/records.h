// What the delivery engine keeps in the store, as values: one text form each, and the key under
// which each lies. All of it belongs to the tenant of its subscription.
//
// Written by the engine: tracks, debts, dead letters, skips. Written by others and taken away by
// the engine: requests. A new subscription, and a replay, begin with a track that others write.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/sequence.h"
#include "base/time.h"
#include "store/transaction.h"

namespace bitvault::delivery {

inline constexpr Collection kTracks{"delivery.track"};      // <subscription>/<track>
inline constexpr Collection kDebts{"delivery.debt"};        // <subscription>/<track>/<sequence>
inline constexpr Collection kDeadLetters{"delivery.dead"};  // <subscription>/<sequence>
inline constexpr Collection kSkips{"delivery.skip"};  // <subscription>/<first sequence>/<reason>
inline constexpr Collection kRequests{"delivery.request"};  // <subscription>/<id>

// The track that follows the journal; every other one is a replay and has its id.
inline constexpr std::string_view kLive = "live";

// How far a track has come. `position`: whatever is at or below it was delivered, did not match, or
// has a record of its own (a debt, a dead letter, a skip).
struct TrackRecord {
  Sequence position;
  Sequence matched;                   // the last one at or below `position` that matched; 0: none
  std::uint64_t filter_revision = 0;  // of the filter by which `matched` did
  std::vector<Sequence> done = {};    // what is settled above `position`, ascending
  // Of the live track: since when nothing but failure was seen.
  std::optional<WallTime> failing_since = {};
  std::uint64_t failures = 0;  // attempts since then
  bool failing_told = false;   // its owner was told

  bool operator==(const TrackRecord&) const = default;
};

// A replay: what of the past is delivered again, and how far that is.
struct ReplayRecord {
  enum class State : std::uint8_t { kRunning, kDone, kCancelled };
  TrackRecord track;  // begins before the range
  Sequence until;     // the last sequence of the range
  bool only_failed = false;
  State state = State::kRunning;
  Sequence since;  // the first sequence of the range
  WallTime created;
  std::optional<WallTime> ended = {};
  std::uint64_t matched = 0;
  std::uint64_t delivered = 0;
  std::uint64_t dead_lettered = 0;

  bool operator==(const ReplayRecord&) const = default;
};

// An event that was not delivered yet and will be tried again; the journal holds it for that.
struct DebtRecord {
  // Whether its attempt may have been in flight when the process died. kAlone: it was the only one
  // that may have killed it.
  enum class Mark : std::uint8_t { kNone, kAmongOthers, kAlone };
  Sequence sequence;
  Sequence previous;
  std::uint64_t key = 0;  // of its partition key, when the order is kept
  unsigned attempts = 0;  // made so far
  WallTime due;           // when the next is
  WallTime first;         // when the event was matched
  unsigned strikes = 0;   // how often its attempt, alone, ended with the process
  bool accused = false;   // it was in flight among others at such an end
  Mark mark = Mark::kNone;
  std::string reason = {};  // of the last failure

  bool operator==(const DebtRecord&) const = default;
};

struct DeadLetter {
  Sequence sequence;
  Sequence previous;
  std::string event_id;
  std::string event_type;
  std::string reason;  // why it ended: "exhausted", "poison", "erased" or what the target said
  unsigned attempts = 0;
  WallTime first;
  WallTime at;
  // The last attempt's.
  unsigned status = 0;
  std::string failure;
  std::string detail;
  std::string answer;
  std::uint64_t bytes = 0;  // of the event

  bool operator==(const DeadLetter&) const = default;
};

// Events that were not and will not be tried: what was skipped, never silently. Of dead letters
// that have expired, what lies between the first and the last of them that do so together.
struct SkipRecord {
  Sequence from;
  Sequence to;
  std::string reason;  // "retention", "asked", "dead_letter_expired"
  WallTime at;

  bool operator==(const SkipRecord&) const = default;
};

struct Request {
  enum class Kind : std::uint8_t {
    kRedeliver,      // the event at `sequences`, whatever became of it
    kRedeliverDead,  // dead letters
    kDiscardDead,    //
    kSkip,           // what came until now: go on at the head
    kCancelReplay,
  };
  Kind kind;
  std::optional<std::vector<Sequence>> sequences = {};  // of dead letters: absent is all of them
  std::string replay = {};

  bool operator==(const Request&) const = default;
};

[[nodiscard]] std::string to_record(const TrackRecord& record);
[[nodiscard]] std::string to_record(const ReplayRecord& record);
[[nodiscard]] std::string to_record(const DebtRecord& record);
[[nodiscard]] std::string to_record(const DeadLetter& record);
[[nodiscard]] std::string to_record(const SkipRecord& record);
[[nodiscard]] std::string to_record(const Request& record);

// Error: kInternal for what to_record() did not make.
template <class T>
[[nodiscard]] Result<T> from_record(std::string_view value) = delete;
template <>
Result<TrackRecord> from_record(std::string_view value);
template <>
Result<ReplayRecord> from_record(std::string_view value);
template <>
Result<DebtRecord> from_record(std::string_view value);
template <>
Result<DeadLetter> from_record(std::string_view value);
template <>
Result<SkipRecord> from_record(std::string_view value);
template <>
Result<Request> from_record(std::string_view value);

[[nodiscard]] std::string track_key(std::string_view subscription, std::string_view track);
[[nodiscard]] std::string sequence_key(std::string_view subscription, Sequence sequence);
[[nodiscard]] std::string skip_key(std::string_view subscription, const SkipRecord& skip);
[[nodiscard]] std::string debt_key(std::string_view subscription, std::string_view track,
                                   Sequence sequence);
// The records of one subscription, or of one of its tracks, have this prefix.
[[nodiscard]] std::string prefix_of(std::string_view subscription);
[[nodiscard]] std::string prefix_of(std::string_view subscription, std::string_view track);
// What stands before the first '/' of a key, and after the last one.
[[nodiscard]] std::string_view subscription_of(std::string_view key);
[[nodiscard]] std::string_view last_part_of(std::string_view key);

// Who holds a debt's or a dead letter's event (Transaction::hold).
[[nodiscard]] std::string debt_holder(std::string_view subscription, std::string_view track);
[[nodiscard]] std::string dead_letter_holder(std::string_view subscription);

// Adds what begins a subscription: it gets what comes after `position`.
void begin(Transaction& transaction, std::string_view subscription, Sequence position);
void begin_replay(Transaction& transaction, std::string_view subscription, std::string_view id,
                  const ReplayRecord& replay);
// Adds a request; `id` is unique among the subscription's, and requests are taken in its order.
void add_request(Transaction& transaction, std::string_view subscription, std::string_view id,
                 const Request& request);

}  // namespace bitvault::delivery
