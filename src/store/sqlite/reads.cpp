#include "store/sqlite/reads.h"

#include <sqlite3.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/text.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/schema.h"

namespace bitvault {
namespace {

// Of summaries in one read: those of some millions of events.
constexpr std::size_t kSkipBytesMax = 4 * 1024 * 1024;

constexpr std::size_t kReservedEventsMax = 1'024;

// What LIMIT takes.
std::int64_t count(std::size_t limit) {
  constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::int64_t>(std::min(limit, kMost));
}

Connection& configured(Connection& connection) {
  configure_reader(connection);
  return connection;
}

}  // namespace

Reads::Reads(const std::string& file, const std::string& vfs)
    : connection_(file, vfs, Connection::Mode::kRead),
      begin_(configured(connection_), "BEGIN"),
      end_(connection_, "COMMIT"),
      events_(connection_,
              "SELECT sequence, bytes FROM journal"
              " WHERE tenant=? AND sequence>? AND sequence<=? ORDER BY sequence LIMIT ?"),
      row_(connection_, "SELECT rowid FROM journal WHERE tenant=? AND sequence=?"),
      rows_(connection_,
            "SELECT sequence, bytes FROM journal"
            " WHERE rowid>=? AND rowid<=? AND +tenant=? ORDER BY rowid"),
      find_(connection_,
            "SELECT journal.sequence, leaf, bytes FROM event_id"
            " JOIN journal ON journal.tenant=event_id.tenant"
            " AND journal.sequence=event_id.sequence"
            " WHERE event_id.id=? AND event_id.tenant=?"),
      at_(connection_, "SELECT sequence, leaf, bytes FROM journal WHERE tenant=? AND sequence=?"),
      recorded_(connection_, "SELECT recordedtime FROM journal WHERE tenant=? AND sequence=?"),
      record_(connection_, "SELECT value FROM record WHERE tenant=? AND collection=? AND key=?"),
      scan_from_(connection_,
                 "SELECT key, value FROM record"
                 " WHERE tenant=? AND collection=? AND key>=? ORDER BY key LIMIT ?"),
      scan_after_(connection_,
                  "SELECT key, value FROM record"
                  " WHERE tenant=? AND collection=? AND key>? ORDER BY key LIMIT ?"),
      summaries_(connection_,
                 "SELECT block, summary FROM block_summary"
                 " WHERE tenant=? AND block>=? ORDER BY block"),
      epochs_(connection_,
              "SELECT name, first, label, began FROM epoch WHERE tenant=? ORDER BY place"),
      setting_(connection_, "SELECT value FROM setting WHERE name=?") {}

std::vector<StoredEvent> Reads::events(const Located& from, Sequence after,
                                       const ReadLimit& limit) {
  const Sequence start{std::max(after.value, from.journal.floor.value - 1)};
  if (start >= from.journal.head || limit.events == 0) {
    return {};
  }
  const std::uint64_t wanted =
      std::min<std::uint64_t>(limit.events, from.journal.head.value - start.value);
  begin_.execute();  // the rows are found and read in one state of the file
  const auto first = row_of(from.number, start.next());
  const auto last = row_of(from.number, {start.value + wanted});
  // As many rows as there are numbers of rows: nobody else's lie between them.
  const bool dense = first && last && static_cast<std::uint64_t>(*last - *first) == wanted - 1;
  std::vector<StoredEvent> events =
      dense ? collect(rows_.run(*first, *last, from.number), wanted, limit.bytes)
            : collect(events_.run(from.number, integer(start), integer(from.journal.head),
                                  count(limit.events)),
                      wanted, limit.bytes);
  end_.execute();
  return events;
}

std::optional<std::int64_t> Reads::row_of(std::int64_t tenant, Sequence sequence) {
  auto row = row_.run(tenant, integer(sequence));
  return row.next() ? std::optional(row.integer(0)) : std::nullopt;
}

std::vector<StoredEvent> Reads::collect(Statement::Run rows, std::size_t wanted,
                                        std::size_t bytes_max) {
  std::vector<StoredEvent> events;
  events.reserve(std::min(wanted, kReservedEventsMax));
  SharedBytesMaker memory;
  std::size_t bytes = 0;
  while (rows.next()) {
    const std::string_view event = rows.bytes(1);
    bytes += event.size();
    if (bytes > bytes_max && !events.empty()) {
      break;
    }
    events.push_back({sequence(rows, 0), memory.copy(event)});
  }
  return events;
}

std::optional<FoundEvent> Reads::found(Statement::Run row, Sequence head) {
  if (!row.next() || sequence(row, 0) > head) {
    return std::nullopt;
  }
  return FoundEvent{
      .sequence = sequence(row, 0), .leaf = digest(row, 1), .bytes = std::string(row.bytes(2))};
}

std::optional<FoundEvent> Reads::find(const Located& in, const EventId& id) {
  return found(find_.run(std::string_view(id.str()), in.number), in.journal.head);
}

std::optional<FoundEvent> Reads::at(const Located& in, Sequence place) {
  return found(at_.run(in.number, integer(place)), in.journal.head);
}

Position Reads::position_at(const Located& in, WallTime time) {
  begin_.execute();
  // Everything up to `before` was recorded before the time, everything from `end` on was not. Often
  // that is all there is: who asks what has expired mostly hears that nothing has.
  Sequence before{in.journal.floor.value - 1};
  const bool none = before < in.journal.head && !is_before(in.number, in.journal.floor, time);
  Sequence end = none ? in.journal.floor : in.journal.head.next();
  while (before.next() < end) {
    const Sequence middle{before.value + (end.value - before.value) / 2};
    (is_before(in.number, middle, time) ? before : end) = middle;
  }
  end_.execute();
  return {in.journal.epoch, before};
}

bool Reads::is_before(std::int64_t tenant, Sequence sequence, WallTime time) {
  const auto recorded = recorded_at(tenant, sequence);
  return recorded && *recorded < time;
}

std::optional<WallTime> Reads::recorded_at(std::int64_t tenant, Sequence sequence) {
  auto row = recorded_.run(tenant, integer(sequence));
  return row.next() ? std::optional(wall_time(row, 0)) : std::nullopt;
}

ListPage<Upkeep> Reads::upkeep(const ListPage<TenantEntry>& of) {
  ListPage<Upkeep> page{.items = {}, .more = of.more};
  for (const TenantEntry& entry : of.items) {
    const JournalHead& journal = entry.tenant.journal;
    Upkeep upkeep{.tenant = entry.tenant,
                  .swept = entry.swept,
                  .forgotten = entry.forgotten,
                  .summarized = entry.summarized,
                  .oldest = std::nullopt,
                  .oldest_id = std::nullopt};
    if (journal.floor <= journal.head) {
      upkeep.oldest = recorded_at(entry.number, journal.floor);
    }
    if (entry.forgotten < journal.floor) {
      upkeep.oldest_id = recorded_at(entry.number, entry.forgotten);
    }
    page.items.push_back(std::move(upkeep));
  }
  return page;
}

std::optional<std::string> Reads::record(std::int64_t tenant, Collection collection,
                                         const std::string& key) {
  auto row = record_.run(tenant, collection.str(), as_bytes(key));
  return row.next() ? std::optional(std::string(row.bytes(0))) : std::nullopt;
}

ListPage<Record> Reads::scan(std::int64_t tenant, Collection collection, const std::string& prefix,
                             const std::string& after, std::size_t limit) {
  const bool past_prefix = after >= prefix && !after.empty();
  Statement& scan = past_prefix ? scan_after_ : scan_from_;
  ListPage<Record> page;
  std::size_t bytes = 0;
  auto row =
      scan.run(tenant, collection.str(), as_bytes(past_prefix ? after : prefix), count(limit) + 1);
  while (row.next() && row.bytes(0).starts_with(prefix)) {
    const std::string_view value = row.bytes(1);
    bytes += value.size();
    if (page.items.size() == limit || (bytes > kScanBytesMax && !page.items.empty())) {
      page.more = true;
      break;
    }
    page.items.push_back({std::string(row.bytes(0)), std::string(value)});
  }
  return page;
}

Sequence Reads::skip(const Located& in, Sequence after, const BlockQuery& query) {
  std::uint64_t block = block_of(after.next());
  Sequence reached = after;
  std::size_t bytes = 0;
  auto row = summaries_.run(in.number, static_cast<std::int64_t>(block));
  while (bytes < kSkipBytesMax && row.next()) {
    const std::string_view summary = row.bytes(1);
    if (static_cast<std::uint64_t>(row.integer(0)) != block || may_match(summary, query)) {
      break;
    }
    bytes += summary.size();
    reached = block_end(block);
    ++block;
  }
  return reached;
}

std::vector<EpochBegin> Reads::epochs(std::int64_t tenant) {
  std::vector<EpochBegin> epochs;
  auto row = epochs_.run(tenant);
  while (row.next()) {
    const auto epoch = Epoch::parse(row.bytes(0));
    if (!epoch) {
      throw SqliteFailure(SQLITE_CORRUPT, "the epochs of journal.db are damaged");
    }
    epochs.push_back({*epoch, sequence(row, 1), std::string(row.bytes(2)), wall_time(row, 3)});
  }
  return epochs;
}

std::optional<std::string> Reads::setting(const std::string& name) {
  auto row = setting_.run(std::string_view(name));
  return row.next() ? std::optional(std::string(row.bytes(0))) : std::nullopt;
}

}  // namespace bitvault
