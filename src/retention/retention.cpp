#include "retention/retention.h"

#include <algorithm>
#include <deque>
#include <iterator>

namespace bitvault {
namespace {

// A tenant may be deleted, or begin another epoch, at any time: that is nobody's trouble.
void note(Error error, Retention::Outcome& outcome) {
  const bool gone = error.code == Code::kNotFound || error.code == Code::kTenantDeleting ||
                    error.code == Code::kConflict;
  if (!gone && !outcome.trouble) {
    outcome.trouble = std::move(error);
  }
}

}  // namespace

Task<Retention::Outcome> Retention::round() {
  Outcome outcome;
  std::vector<TenantName> tenants = co_await raise_floors(outcome);
  co_await prune(std::move(tenants), outcome);
  co_return outcome;
}

Task<std::vector<TenantName>> Retention::raise_floors(Outcome& outcome) {
  std::vector<TenantName> to_prune;
  std::string after;
  bool more = true;
  while (more) {
    Result<ListPage<Upkeep>> page = co_await store_.upkeep(after, kTenantsPerPage);
    if (!page) {
      note(std::move(page.error()), outcome);
      break;
    }
    for (const Upkeep& upkeep : page->items) {
      const bool cancelled = co_await is_cancelled();
      if (cancelled) {
        co_return std::vector<TenantName>{};
      }
      after = upkeep.tenant.name.str();
      Due what = due(upkeep, policy_of(upkeep.tenant.settings, defaults_), world_.clock().wall());
      if (what.floor || what.expired_before) {
        Result<JournalHead> journal = co_await raise_floor(upkeep, what);
        if (journal) {
          what.prune = what.prune || journal->floor > upkeep.tenant.journal.floor;
        } else {
          note(std::move(journal.error()), outcome);
        }
      }
      if (what.prune) {
        to_prune.push_back(upkeep.tenant.name);
      }
    }
    more = page->more && !page->items.empty();
  }
  co_return to_prune;
}

Task<Result<JournalHead>> Retention::raise_floor(const Upkeep& upkeep, Due what) {
  const TenantName& tenant = upkeep.tenant.name;
  const JournalHead& before = upkeep.tenant.journal;
  Position floor{before.epoch, what.floor.value_or(before.floor)};
  if (what.expired_before) {
    const Result<Position> expired = co_await store_.position_at(tenant, *what.expired_before);
    if (!expired) {
      co_return fail(expired.error());
    }
    floor.sequence = std::max(floor.sequence, expired->sequence.next());
  }
  Result<JournalHead> journal = co_await store_.raise_floor(tenant, floor);
  if (journal && journal->floor > before.floor) {
    events_expired_ += journal->floor.value - before.floor.value;
  }
  co_return journal;
}

Task<> Retention::prune(std::vector<TenantName> tenants, Outcome& outcome) {
  const MonotonicTime end = world_.clock().monotonic() + kRoundMax;
  std::deque<TenantName> turns(std::make_move_iterator(tenants.begin()),
                               std::make_move_iterator(tenants.end()));
  while (!turns.empty()) {
    const bool cancelled = co_await is_cancelled();
    const MonotonicTime start = world_.clock().monotonic();
    if (cancelled || start >= end) {
      outcome.more = !cancelled && !outcome.trouble;
      co_return;
    }
    TenantName tenant = std::move(turns.front());
    turns.pop_front();
    Result<Pruned> pruned = co_await store_.prune(tenant, ids_before(world_.clock().wall()));
    if (!pruned) {
      note(std::move(pruned.error()), outcome);
      continue;
    }
    events_pruned_ += pruned->events;
    if (pruned->more) {
      turns.push_back(std::move(tenant));
    }
    co_await world_.sleep(world_.clock().monotonic() - start);
  }
}

}  // namespace bitvault
