// The change feed: a tenant's events in order, from any cursor on.
//
// A page holds the events after the cursor that match the filter, and a cursor behind everything it
// has looked at, matching or not. Reading page after page gives every matching event exactly once,
// in order. A wait ends early only for a match, within the limits below.
//
// The memory of all pages together is bounded: a read takes its part before it reads, and a page
// keeps it until the page goes. Who finds none waits in line, tenants taking turns; a wait for
// events has no part.
//
// Thread-safe; each read runs on its caller's executor.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "bus/head_bus.h"
#include "event/cursor.h"
#include "pattern/selection.h"
#include "store/store.h"
#include "world/fair_budget.h"
#include "world/world.h"

namespace bitvault {

struct FeedLimits {
  std::size_t page_bytes_max = 4 * 1024 * 1024;
  std::size_t scan_events_max = 50'000;  // looked at for one page of a filtered read
  Duration scan_time_max = std::chrono::milliseconds(100);
  FairBudgetLimits memory = {.total = 256 * 1024 * 1024, .share = 64 * 1024 * 1024};  // bytes
  Duration memory_wait_max = std::chrono::seconds(5);
};

struct FeedQuery {
  TenantName tenant;
  std::optional<std::string> cursor;  // absent: from the oldest retained event
  std::size_t limit = 100;
  Duration wait{0};
  Selection filter;
};

struct FeedPage {
  std::vector<StoredEvent> events;
  std::vector<Sequence> erased;        // positions in the range of this page whose event was erased
  std::optional<Position> position;    // what next_cursor holds
  std::optional<JournalHead> journal;  // as it was for the reading
  std::string next_cursor;
  bool has_more = false;      // the journal goes on behind next_cursor
  std::size_t looked_at = 0;  // events that were read for it, matching or not
  FairBudget::Part memory = {};
};

// The cursor cannot be continued from. Nothing was read.
struct CursorReset {
  enum class Reason { kExpired, kEpochChanged, kAheadOfJournal };
  Reason reason;
  std::string earliest_cursor;
  std::string latest_cursor;
};

// The reason's public name (API.md, Change feed).
[[nodiscard]] std::string_view reason_name(CursorReset::Reason reason);

class Feed {
 public:
  Feed(World& world, Store& store, HeadBus& bus, const CursorCodec& cursors, FeedLimits limits = {})
      : world_(world),
        store_(store),
        bus_(bus),
        cursors_(cursors),
        limits_(limits),
        memory_(limits.memory) {}

  // Errors: kCursorInvalid, kUnavailable when there was no memory for a page within
  // memory_wait_max, and what the store says. When the caller is cancelled, a wait ends with
  // what there is.
  [[nodiscard]] Task<Result<std::variant<FeedPage, CursorReset>>> read(FeedQuery query);

  // What a cursor holds, where it can be continued from now. Error: kCursorInvalid.
  [[nodiscard]] Task<Result<std::variant<Position, CursorReset>>> open(TenantName tenant,
                                                                       std::string cursor);

  // The cursor before everything retained, behind everything, or before the first event recorded at
  // or after a time.
  [[nodiscard]] Task<Result<std::string>> earliest(TenantName tenant);
  [[nodiscard]] Task<Result<std::string>> latest(TenantName tenant);
  [[nodiscard]] Task<Result<std::string>> at(TenantName tenant, WallTime time);

  // Bytes that pages have now.
  [[nodiscard]] std::size_t memory_taken() const { return memory_.taken(); }

 private:
  // Where a read stands between its steps.
  struct Scan {
    Position position;
    JournalHead journal;
    FeedPage page;
    std::size_t page_bytes = 0;
    std::size_t looked_at = 0;
    bool full = false;
    std::optional<Matcher> matcher = {};  // when not everything is wanted
  };

  [[nodiscard]] std::optional<CursorReset> judge(const TenantName& tenant, const Position& from,
                                                 const JournalHead& journal) const;
  [[nodiscard]] Task<Status> take_memory(const FeedQuery& query, Scan& scan);
  [[nodiscard]] Task<Result<std::optional<CursorReset>>> scan(const FeedQuery& query, Scan& scan);
  void take(const FeedQuery& query, Slice slice, Scan& scan) const;

  World& world_;
  Store& store_;
  HeadBus& bus_;
  const CursorCodec& cursors_;
  const FeedLimits limits_;
  FairBudget memory_;
};

}  // namespace bitvault
