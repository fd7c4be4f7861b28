// What can be seen of a store from outside, and who looks at it.
//
// Clients and the server's head listener tell the Observers of all that they did and saw; those
// pass it on to the checkers. A Checker only observes: it knows what was asked and what came back,
// keeps what it needs, and reports what must not be. At the end it is shown the whole journals.
#pragma once

#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "feed/feed.h"
#include "retention/policy.h"
#include "store/store.h"

namespace bitvault::sim {

inline constexpr Collection kRecords{"sim"};
inline constexpr const char* kCounterKey = "counter";

// An answer, or none: the connection was lost or nobody answered in time.
template <class T>
using Reply = std::optional<Result<T>>;

// Whether the call may have been done, as far as the caller can know.
template <class T>
[[nodiscard]] bool may_be_done(const Reply<T>& reply) {
  return !reply || *reply || reply->error().code == Code::kOutcomeUnknown;
}

// A transaction as a client made it: the same for each time that it is tried. It also puts a record
// under record_key(), so that it can be seen whether records and events are committed together.
struct Submission {
  std::uint64_t number = 0;
  TenantName tenant;
  std::vector<EncodedEvent> events;

  [[nodiscard]] std::string record_key() const { return fmt::format("transaction-{:08}", number); }
};

struct Reading {
  TenantName tenant;
  Sequence after;
  ReadLimit limit;
  Sequence at_least;  // a head that somebody had seen before this read began
  Sequence floor;     // likewise the floor
  const Slice& slice;
};

using FeedAnswer = std::variant<FeedPage, CursorReset>;

// A page of the feed, from a cursor that stood at `from`.
struct Paging {
  TenantName tenant;
  Position from;
  std::size_t limit = 0;
  std::string subject_prefix;  // empty: every event
  Sequence at_least;           // as for a Reading
  Position to;                 // where next_cursor stands
  const FeedPage& page;
};

struct Finding {
  TenantName tenant;
  EventId id;
  const Result<FoundEvent>& found;
};

// A tenant when all is over.
struct Ending {
  TenantName tenant;
  JournalHead journal;
  std::vector<std::string> events;  // sequence 1 first; empty: below the floor
  std::map<std::string, std::string> records;
};

class Violations {
 public:
  template <class... Args>
  void add(std::string_view checker, fmt::format_string<Args...> format, Args&&... args) {
    ++count_;
    if (texts_.size() < 20) {
      texts_.push_back(
          fmt::format("{}: {}", checker, fmt::format(format, std::forward<Args>(args)...)));
    }
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::size_t count_ = 0;
  std::vector<std::string> texts_;
};

class Checker {
 public:
  explicit Checker(Violations& violations) : violations_(violations) {}
  virtual ~Checker() = default;
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  virtual void submitting(const Submission& /*submission*/) {}  // before each try
  virtual void answered(const Submission& /*submission*/, const Reply<Committed>& /*reply*/) {}
  virtual void announced(const TenantName& /*tenant*/, const JournalHead& /*head*/) {}
  virtual void read(const Reading& /*reading*/) {}
  virtual void paged(const Paging& /*paging*/) {}
  // A cursor of the feed was refused; it may go on from `earliest`.
  virtual void reset(const TenantName& /*tenant*/, const Position& /*from*/,
                     CursorReset::Reason /*reason*/, const Position& /*earliest*/) {}
  virtual void found(const Finding& /*finding*/) {}
  // An event that this client holds was read by its place.
  virtual void held(const TenantName& /*tenant*/, Sequence /*sequence*/,
                    const Result<FoundEvent>& /*found*/) {}
  // A counter was raised to `value`.
  virtual void counted(const TenantName& /*tenant*/, std::uint64_t /*value*/,
                       const Reply<Committed>& /*reply*/) {}
  virtual void ended(const Ending& /*ending*/) {}

 protected:
  Violations& violations_;
};

void add_reading_checkers(std::vector<std::unique_ptr<Checker>>& checkers, Violations& violations,
                          const RetentionPolicy& retention);
void add_commit_checkers(std::vector<std::unique_ptr<Checker>>& checkers, Violations& violations);

class Observers {
 public:
  Observers(Violations& violations, const RetentionPolicy& retention) {
    add_reading_checkers(checkers_, violations, retention);
    add_commit_checkers(checkers_, violations);
  }

  template <class... Parameters, class... Args>
  void tell(void (Checker::*what)(Parameters...), const Args&... args) {
    for (const auto& checker : checkers_) {
      ((*checker).*what)(args...);
    }
  }

  // The highest head of a tenant that anybody has seen so far.
  [[nodiscard]] Sequence seen(const TenantName& tenant) const {
    const auto found = seen_.find(tenant);
    return found == seen_.end() ? Sequence{} : found->second;
  }
  void see(const TenantName& tenant, Sequence head) {
    Sequence& seen = seen_[tenant];
    seen = std::max(seen, head);
  }
  // The highest floor.
  [[nodiscard]] Sequence floor(const TenantName& tenant) const {
    const auto found = floors_.find(tenant);
    return found == floors_.end() ? Sequence{1} : found->second;
  }
  void see_floor(const TenantName& tenant, Sequence floor) {
    Sequence& seen = floors_.try_emplace(tenant, Sequence{1}).first->second;
    seen = std::max(seen, floor);
  }

 private:
  std::vector<std::unique_ptr<Checker>> checkers_;
  std::map<TenantName, Sequence> seen_;
  std::map<TenantName, Sequence> floors_;
};

}  // namespace bitvault::sim
