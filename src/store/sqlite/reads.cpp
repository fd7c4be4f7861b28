#include "store/sqlite/reads.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/text.h"
#include "store/sqlite/schema.h"

namespace bitvault {
namespace {

std::int64_t integer(Sequence sequence) { return static_cast<std::int64_t>(sequence.value); }

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
      find_(connection_,
            "SELECT journal.sequence, leaf, bytes FROM event_id"
            " JOIN journal ON journal.tenant=event_id.tenant"
            " AND journal.sequence=event_id.sequence"
            " WHERE event_id.id=? AND event_id.tenant=?"),
      recorded_(connection_, "SELECT recordedtime FROM journal WHERE tenant=? AND sequence=?"),
      record_(connection_, "SELECT value FROM record WHERE tenant=? AND collection=? AND key=?"),
      scan_from_(connection_,
                 "SELECT key, value FROM record"
                 " WHERE tenant=? AND collection=? AND key>=? ORDER BY key LIMIT ?"),
      scan_after_(connection_,
                  "SELECT key, value FROM record"
                  " WHERE tenant=? AND collection=? AND key>? ORDER BY key LIMIT ?"),
      setting_(connection_, "SELECT value FROM setting WHERE name=?") {}

std::vector<StoredEvent> Reads::events(const Located& from, Sequence after,
                                       const ReadLimit& limit) {
  const Sequence start{std::max(after.value, from.journal.floor.value - 1)};
  std::vector<StoredEvent> events;
  std::size_t bytes = 0;
  auto row =
      events_.run(from.number, integer(start), integer(from.journal.head), count(limit.events));
  while (row.next()) {
    const std::string_view event = row.bytes(1);
    bytes += event.size();
    if (bytes > limit.bytes && !events.empty()) {
      break;
    }
    events.push_back({{static_cast<std::uint64_t>(row.integer(0))}, std::string(event)});
  }
  return events;
}

Result<FoundEvent> Reads::find(const Located& in, const EventId& id) {
  auto row = find_.run(std::string_view(id.str()), in.number);
  if (!row.next() || row.integer(0) > integer(in.journal.head)) {
    return fail(Code::kNotFound, "there is no event with this id");
  }
  FoundEvent found{
      .sequence = {static_cast<std::uint64_t>(row.integer(0))}, .leaf = {}, .bytes = {}};
  const std::string_view leaf = row.bytes(1);
  check(leaf.size() == found.leaf.size(), "a leaf has 32 bytes");
  std::ranges::copy(as_bytes(leaf), found.leaf.begin());
  if (found.sequence < in.journal.floor) {
    found.state = FoundEvent::State::kPruned;
  } else if (row.is_null(2)) {
    found.state = FoundEvent::State::kErased;
  } else {
    found.bytes = row.bytes(2);
  }
  return found;
}

Position Reads::position_at(const Located& in, WallTime time) {
  begin_.execute();
  // Everything up to `before` was recorded before the time, everything from `end` on was not.
  Sequence before{in.journal.floor.value - 1};
  Sequence end = in.journal.head.next();
  while (before.next() < end) {
    const Sequence middle{before.value + (end.value - before.value) / 2};
    (is_before(in.number, middle, time) ? before : end) = middle;
  }
  end_.execute();
  return {in.journal.epoch, before};
}

bool Reads::is_before(std::int64_t tenant, Sequence sequence, WallTime time) {
  auto row = recorded_.run(tenant, integer(sequence));
  return row.next() && row.integer(0) < time.time_since_epoch().count();
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

std::optional<std::string> Reads::setting(const std::string& name) {
  auto row = setting_.run(std::string_view(name));
  return row.next() ? std::optional(std::string(row.bytes(0))) : std::nullopt;
}

}  // namespace bitvault
