#include "feed/feed.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

namespace bitvault {
namespace {

// The time-out of a wait, shortened by up to a tenth so that many readers do not come back at once.
Duration with_jitter(Duration wait, Random& random) {
  return wait - wait * static_cast<Duration::rep>(random.below(1'000)) / 10'000;
}

Position oldest(const JournalHead& journal) {
  return {journal.epoch, Sequence{journal.floor.value - 1}};
}

}  // namespace

std::string_view reason_name(CursorReset::Reason reason) {
  switch (reason) {
    case CursorReset::Reason::kExpired:
      return "expired";
    case CursorReset::Reason::kEpochChanged:
      return "epoch_changed";
    case CursorReset::Reason::kAheadOfJournal:
      return "ahead_of_journal";
  }
  return "";
}

std::optional<CursorReset> Feed::judge(const TenantName& tenant, const Position& from,
                                       const JournalHead& journal) const {
  const auto reset = [&](CursorReset::Reason reason) {
    return CursorReset{reason, cursors_.seal(tenant, oldest(journal)),
                       cursors_.seal(tenant, {journal.epoch, journal.head})};
  };
  if (from.epoch != journal.epoch) {
    return reset(CursorReset::Reason::kEpochChanged);
  }
  if (from.sequence > journal.head) {
    return reset(CursorReset::Reason::kAheadOfJournal);
  }
  if (from.sequence.next() < journal.floor) {
    return reset(CursorReset::Reason::kExpired);
  }
  return std::nullopt;
}

void Feed::take(const FeedQuery& query, Slice slice, Scan& scan) const {
  scan.journal = slice.journal;
  for (StoredEvent& event : slice.events) {
    const bool matches =
        !event.bytes.empty() && (!scan.matcher || query.filter.matches(*scan.matcher, event.bytes));
    if (matches && !scan.page.events.empty() &&
        scan.page_bytes + event.bytes.size() > limits_.page_bytes_max) {
      scan.full = true;
      return;
    }
    scan.position.sequence = event.sequence;
    ++scan.looked_at;
    ++scan.page.looked_at;
    if (event.bytes.empty()) {
      scan.page.erased.push_back(event.sequence);
    }
    if (matches) {
      scan.page_bytes += event.bytes.size();
      if (scan.matcher) {  // the others that were read with it go
        event.bytes = SharedBytes(std::string(event.bytes));
      }
      scan.page.events.push_back(std::move(event));
      if (scan.page.events.size() == query.limit) {
        scan.full = true;
        return;
      }
    }
  }
}

// A page is in memory as it was read and as it is answered.
Task<Status> Feed::take_memory(const FeedQuery& query, Scan& scan) {
  const std::size_t most = std::min(limits_.page_bytes_max, query.limit * kEventBytesMax);
  std::optional<FairBudget::Part> part =
      co_await memory_.take(world_, query.tenant.str(), 2 * most, limits_.memory_wait_max);
  if (!part) {
    co_return fail(Code::kUnavailable,
                   "too many large pages are being read; try again shortly, or with a lower limit");
  }
  scan.page.memory = std::move(*part);
  co_return Status{};
}

// Looks at events until the page is full, the journal ends, or the scan has cost enough.
Task<Result<std::optional<CursorReset>>> Feed::scan(const FeedQuery& query, Scan& scan) {
  const MonotonicTime deadline = world_.clock().monotonic() + limits_.scan_time_max;
  scan.looked_at = 0;
  while (true) {
    const Result<JournalHead> head = co_await store_.head(query.tenant);
    if (head && head->head > scan.position.sequence && scan.page.memory.amount() == 0) {
      Status taken = co_await take_memory(query, scan);
      if (!taken) {
        co_return fail(std::move(taken.error()));
      }
    }
    std::size_t step = query.limit - scan.page.events.size();
    if (!query.filter.matches_all()) {
      // Over the blocks that have nothing for this filter, and then to the end of the next one.
      Result<Sequence> reached =
          co_await store_.skip(query.tenant, scan.position.sequence, query.filter.block_query());
      if (!reached) {
        co_return fail(std::move(reached.error()));
      }
      scan.position.sequence = *reached;
      const std::uint64_t left = kBlockEvents - reached->value % kBlockEvents;
      step = std::min<std::size_t>(left, limits_.scan_events_max);
    }
    Result<Slice> slice =
        co_await store_.read(query.tenant, scan.position.sequence, {step, limits_.page_bytes_max});
    if (!slice) {
      co_return fail(std::move(slice.error()));
    }
    if (auto reset = judge(query.tenant, scan.position, slice->journal)) {
      if (query.cursor || scan.looked_at > 0) {
        co_return reset;
      }
      // Who gave no cursor begins with the oldest event, also when that has just become another.
      scan.position = oldest(slice->journal);
      continue;
    }
    const bool nothing_read = slice->events.empty();
    take(query, std::move(*slice), scan);
    const bool at_head = nothing_read || scan.position.sequence >= scan.journal.head;
    if (scan.full || at_head || scan.looked_at >= limits_.scan_events_max ||
        world_.clock().monotonic() >= deadline) {
      co_return std::nullopt;
    }
  }
}

Task<Result<std::variant<FeedPage, CursorReset>>> Feed::read(FeedQuery query) {
  Result<JournalHead> head = co_await store_.head(query.tenant);
  if (!head) {
    co_return fail(std::move(head.error()));
  }
  Scan state{.position = oldest(*head), .journal = *head, .page = {}};
  if (!query.filter.matches_all()) {
    state.matcher.emplace();
  }
  if (query.cursor) {
    const Result<Position> opened = cursors_.open(query.tenant, *query.cursor);
    if (!opened) {
      co_return fail(opened.error());
    }
    state.position = *opened;
  }

  // Listening begins before the first look, so a commit in between is not missed.
  const Executor executor = co_await boost::asio::this_coro::executor;
  std::optional<Signal> grown;
  std::optional<HeadBus::Listening> listening;
  if (query.wait > Duration{0}) {
    grown.emplace(executor);
    listening.emplace(bus_, query.tenant, *grown);
  }
  const MonotonicTime deadline =
      world_.clock().monotonic() + with_jitter(query.wait, world_.random());
  while (true) {
    Result<std::optional<CursorReset>> reset = co_await scan(query, state);
    if (!reset) {
      co_return fail(std::move(reset.error()));
    }
    if (*reset) {
      co_return std::move(**reset);
    }
    state.page.has_more = state.position.sequence < state.journal.head;
    const Duration patience = deadline - world_.clock().monotonic();
    const bool cancelled = co_await is_cancelled();
    if (!state.page.events.empty() || state.page.has_more || !grown || cancelled ||
        patience <= Duration{0}) {
      break;
    }
    state.page.memory.shrink_to(0);
    const bool notified = co_await grown->wait(world_, patience);
    static_cast<void>(notified);
  }
  state.page.position = state.position;
  state.page.journal = state.journal;
  state.page.next_cursor = cursors_.seal(query.tenant, state.position);
  co_return std::move(state.page);
}

Task<Result<std::variant<Position, CursorReset>>> Feed::open(TenantName tenant,
                                                             std::string cursor) {
  Result<JournalHead> head = co_await store_.head(tenant);
  if (!head) {
    co_return fail(std::move(head.error()));
  }
  Result<Position> opened = cursors_.open(tenant, cursor);
  if (!opened) {
    co_return fail(std::move(opened.error()));
  }
  if (std::optional<CursorReset> reset = judge(tenant, *opened, *head)) {
    co_return *std::move(reset);
  }
  co_return *std::move(opened);
}

Task<Result<std::string>> Feed::earliest(TenantName tenant) {
  Result<JournalHead> head = co_await store_.head(tenant);
  if (!head) {
    co_return fail(std::move(head.error()));
  }
  co_return cursors_.seal(tenant, oldest(*head));
}

Task<Result<std::string>> Feed::latest(TenantName tenant) {
  Result<JournalHead> head = co_await store_.head(tenant);
  if (!head) {
    co_return fail(std::move(head.error()));
  }
  co_return cursors_.seal(tenant, {head->epoch, head->head});
}

Task<Result<std::string>> Feed::at(TenantName tenant, WallTime time) {
  Result<Position> position = co_await store_.position_at(tenant, time);
  if (!position) {
    co_return fail(std::move(position.error()));
  }
  co_return cursors_.seal(tenant, *position);
}

}  // namespace bitvault
