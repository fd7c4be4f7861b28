#include "store/block_summarizer.h"

#include <algorithm>
#include <deque>
#include <iterator>

namespace bitvault {

std::optional<BlockSummarizer::Next> BlockSummarizer::next_of(const Upkeep& upkeep) {
  const JournalHead& journal = upkeep.tenant.journal;
  // Of a block that is partly below the floor the bytes may be gone.
  const std::uint64_t retained = (journal.floor.value - 1 + kBlockEvents - 1) / kBlockEvents;
  const Next next{.tenant = upkeep.tenant.name,
                  .epoch = journal.epoch,
                  .block = std::max(upkeep.summarized, retained),
                  .end = journal.head.value / kBlockEvents};
  return upkeep.tenant.state == TenantState::kActive && next.block < next.end ? std::optional(next)
                                                                              : std::nullopt;
}

Task<BlockSummarizer::Outcome> BlockSummarizer::round() {
  Outcome outcome;
  const MonotonicTime end = world_.clock().monotonic() + kRoundMax;
  Result<std::vector<Next>> found = co_await unsummarized();
  if (!found) {
    outcome.trouble = std::move(found.error());
    co_return outcome;
  }
  std::deque<Next> turns(std::make_move_iterator(found->begin()),
                         std::make_move_iterator(found->end()));
  while (!turns.empty()) {
    const bool cancelled = co_await is_cancelled();
    const MonotonicTime start = world_.clock().monotonic();
    if (cancelled || start >= end) {
      outcome.more = !cancelled && !outcome.trouble;
      break;
    }
    Next next = std::move(turns.front());
    turns.pop_front();
    Status summarized = co_await summarize(next);
    if (summarized && ++next.block < next.end) {
      turns.push_back(std::move(next));
    } else if (!summarized && summarized.error().code == Code::kUnavailable) {
      // Anything else is a tenant that goes, or whose epoch or floor has changed.
      outcome.trouble = std::move(summarized.error());
    }
    co_await world_.sleep(world_.clock().monotonic() - start);
  }
  co_return outcome;
}

Task<Result<std::vector<BlockSummarizer::Next>>> BlockSummarizer::unsummarized() {
  std::vector<Next> found;
  std::string after;
  for (bool more = true; more;) {
    const Result<ListPage<Upkeep>> page = co_await store_.upkeep(after, kTenantsPerPage);
    if (!page) {
      co_return fail(page.error());
    }
    for (const Upkeep& upkeep : page->items) {
      after = upkeep.tenant.name.str();
      if (auto next = next_of(upkeep)) {
        found.push_back(std::move(*next));
      }
    }
    more = page->more && !page->items.empty();
  }
  co_return found;
}

Task<Status> BlockSummarizer::summarize(Next next) {
  BlockSummary summary;
  bool whole = true;
  Sequence after{next.block * kBlockEvents};
  const Sequence end = block_end(next.block);
  while (after < end) {
    const ReadLimit limit{.events = static_cast<std::size_t>(end.value - after.value)};
    const Result<Slice> slice = co_await store_.read(next.tenant, after, limit);
    if (!slice) {
      co_return fail(slice.error());
    }
    if (slice->events.empty() || slice->events.front().sequence != after.next() ||
        slice->journal.epoch != next.epoch) {
      co_return fail(Code::kConflict, "the journal is another one by now, or the floor rose");
    }
    for (const StoredEvent& event : slice->events) {
      whole = whole && !event.bytes.empty();
      if (whole) {
        summary.add(event.bytes);
      }
      after = event.sequence;
    }
  }
  auto text = whole ? std::optional(summary.encode()) : std::nullopt;
  Status put = co_await store_.put_summary(next.tenant, next.epoch, next.block, std::move(text));
  co_return put;
}

}  // namespace bitvault
