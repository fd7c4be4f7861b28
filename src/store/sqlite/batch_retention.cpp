// The part of Batch by which events leave a journal: the floor, what is deleted below it, and what
// is held.
//
// A row that loses its bytes is deleted and inserted anew under its rowid: SQLite joins pages that
// deletions have emptied, and frees them, but not those in which an update has left holes.

#include <algorithm>

#include "store/sqlite/batch.h"
#include "store/sqlite/columns.h"

namespace bitvault {
namespace {

// About 4 ms of the writer's time: docs/performance.md.
constexpr std::size_t kPruneRowsMax = 128;
constexpr std::size_t kPruneBytesMax = 512 * 1024;

}  // namespace

// A row below the floor.
struct Batch::OldRow {
  std::int64_t rowid = 0;
  Sequence sequence;
  WallTime recorded;
  Digest leaf;
  std::optional<std::string> id;  // as far as the row or its bytes tell
  std::size_t bytes = 0;          // 0: they are gone
};

std::vector<Batch::OldRow> Batch::rows_of(std::int64_t tenant, Sequence from, Sequence to,
                                          std::size_t rows_max, std::size_t bytes_max) {
  std::vector<OldRow> rows;
  std::size_t bytes = 0;
  auto row =
      sql_.old_rows.run(tenant, integer(from), integer(to), static_cast<std::int64_t>(rows_max));
  while (bytes < bytes_max && row.next()) {
    OldRow old{.rowid = row.integer(0),
               .sequence = sequence(row, 1),
               .recorded = wall_time(row, 2),
               .leaf = digest(row, 3),
               .id = std::nullopt,
               .bytes = row.bytes(4).size()};
    if (old.bytes > 0) {
      old.id = read_head(row.bytes(4)).id;
    } else if (!row.is_null(5)) {
      old.id = row.bytes(5);
    }
    bytes += old.bytes;
    rows.push_back(std::move(old));
  }
  return rows;
}

Result<JournalHead> Batch::apply(RaiseFloor& request) {
  auto entry = active(request.name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  JournalHead& journal = entry->tenant.journal;
  if (journal.epoch != request.floor.epoch) {
    return fail(Code::kConflict, "the tenant has begun another epoch");
  }
  const Sequence floor = std::min(request.floor.sequence, journal.head.next());
  const JournalHead now{journal.epoch, journal.head, std::max(journal.floor, floor)};
  if (now != journal) {
    journal = now;
    changes_.insert_or_assign(request.name, std::move(*entry));
  }
  return now;
}

Result<Pruned> Batch::apply(Prune& request) {
  auto entry = active(request.name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  // Only below a floor that is published: a read that ran into the deletion finds that out.
  const auto published = directory_.find(request.name);
  if (!published || published->number != entry->number) {
    return Pruned{};
  }
  Pruned pruned;
  forget(*entry, request.ids_before, pruned);
  if (!pruned.more) {
    sweep(*entry, published->tenant.journal.floor, request.ids_before, pruned);
  }
  changes_.insert_or_assign(request.name, std::move(*entry));
  return pruned;
}

// Ids of events that were swept before.
void Batch::forget(TenantEntry& entry, WallTime ids_before, Pruned& pruned) {
  const auto rows =
      rows_of(entry.number, entry.forgotten, entry.swept, kPruneRowsMax, kPruneBytesMax);
  for (const OldRow& row : rows) {
    if (row.recorded >= ids_before) {
      return;
    }
    forget_id(entry, row, pruned);
    if (row.bytes == 0 && row.id) {
      sql_.clear_id.execute(row.rowid);
    }
  }
  pruned.more = !rows.empty() && entry.forgotten < entry.swept;
}

void Batch::sweep(TenantEntry& entry, Sequence to, WallTime ids_before, Pruned& pruned) {
  const auto rows = rows_of(entry.number, entry.swept, to, kPruneRowsMax, kPruneBytesMax);
  for (const OldRow& row : rows) {
    const bool forgets = entry.forgotten == row.sequence && row.recorded < ids_before;
    if (forgets) {
      forget_id(entry, row, pruned);
    }
    if (row.bytes > 0 && !is_held(entry.number, row.sequence)) {
      drop_bytes(entry, row);
      ++pruned.events;
    } else if (row.bytes == 0 && row.id && forgets) {
      sql_.clear_id.execute(row.rowid);
    }
    entry.swept = row.sequence.next();
  }
  sql_.drop_summaries.execute(entry.number, static_cast<std::int64_t>(block_of(entry.swept)));
  pruned.more = !rows.empty() && entry.swept < to;
}

// Of the first event whose id is not forgotten yet.
void Batch::forget_id(TenantEntry& entry, const OldRow& row, Pruned& pruned) {
  if (row.id) {
    sql_.forget_id.execute(std::string_view(*row.id), entry.number, integer(row.sequence));
    ++pruned.ids;
  }
  entry.forgotten = row.sequence.next();
}

void Batch::drop_bytes(const TenantEntry& entry, const OldRow& row) {
  const bool remembered = row.id && row.sequence >= entry.forgotten;
  const auto id = remembered ? std::optional<std::string_view>(*row.id) : std::nullopt;
  sql_.purge_event.execute(row.rowid);
  sql_.insert_swept.execute(row.rowid, entry.number, integer(row.sequence), integer(row.recorded),
                            std::span(row.leaf), id);
}

Status Batch::can_hold(const TenantEntry& entry, const Transaction& transaction) {
  const JournalHead& journal = entry.tenant.journal;
  for (const Transaction::Hold& hold : transaction.holds()) {
    if (!hold.taken) {
      continue;
    }
    if (hold.sequence == Sequence{} || hold.sequence > journal.head) {
      return fail(Code::kNotFound, "there is no event to hold at this sequence");
    }
    auto row = sql_.event_bytes.run(entry.number, integer(hold.sequence));
    if (!row.next() || row.is_null(0)) {
      const bool pruned = hold.sequence < journal.floor;
      return fail(pruned ? Code::kEventPruned : Code::kEventErased,
                  "the event's bytes are gone: nobody can hold them any more");
    }
  }
  return {};
}

void Batch::write_holds(const TenantEntry& entry, const Transaction& transaction) {
  for (const Transaction::Hold& hold : transaction.holds()) {
    Statement& write = hold.taken ? sql_.put_hold : sql_.erase_hold;
    write.execute(entry.number, integer(hold.sequence), std::string_view(hold.holder));
  }
  // What was swept while it was held goes with its last holder.
  for (const Transaction::Hold& hold : transaction.holds()) {
    if (hold.taken || hold.sequence >= entry.swept || is_held(entry.number, hold.sequence)) {
      continue;
    }
    const auto rows = rows_of(entry.number, hold.sequence, hold.sequence.next(), 1, kPruneBytesMax);
    if (!rows.empty() && rows.front().bytes > 0) {
      drop_bytes(entry, rows.front());
    }
  }
}

bool Batch::is_held(std::int64_t tenant, Sequence sequence) {
  return sql_.is_held.run(tenant, integer(sequence)).next();
}

}  // namespace bitvault
