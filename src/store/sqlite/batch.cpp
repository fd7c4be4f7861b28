#include "store/sqlite/batch.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/text.h"
#include "store/sqlite/columns.h"

namespace bitvault {
namespace {

constexpr std::size_t kPurgeRowsMax = 5'000;
constexpr std::size_t kPurgeBytesMax = 16 * 1024 * 1024;
constexpr std::size_t kIdConflictsShown = 20;
constexpr std::size_t kSettingBytesMax = 64 * 1024;

std::optional<std::uint64_t> optional_integer(const Statement::Run& row, int column) {
  if (row.is_null(column)) {
    return std::nullopt;
  }
  return std::bit_cast<std::uint64_t>(row.integer(column));
}

TenantEntry read_tenant(const Statement::Run& row) {
  const auto name = TenantName::parse(row.bytes(1));
  const auto epoch = Epoch::parse(row.bytes(2));
  if (!name || !epoch) {
    throw SqliteFailure(SQLITE_CORRUPT, "the tenants of journal.db are damaged");
  }
  return {.number = row.integer(0),
          .tenant = {.name = *name,
                     .state = static_cast<TenantState>(row.integer(3)),
                     .settings = {.display_name = std::string(row.bytes(4)),
                                  .retention_age_seconds = optional_integer(row, 5),
                                  .retention_events = optional_integer(row, 6),
                                  .rate_limit_per_second = optional_integer(row, 7),
                                  .operational_events = row.integer(8) != 0},
                     .created = wall_time(row, 9),
                     .journal = {*epoch, sequence(row, 10), sequence(row, 11)}},
          .last_recorded = wall_time(row, 12),
          .swept = sequence(row, 13),
          .forgotten = sequence(row, 14),
          .summarized = static_cast<std::uint64_t>(row.integer(15))};
}

}  // namespace

WriteStatements::WriteStatements(Connection& c)
    : begin(c, "BEGIN IMMEDIATE"),
      commit(c, "COMMIT"),
      find_id(c, "SELECT sequence FROM event_id WHERE id=? AND tenant=?"),
      event_bytes(c, "SELECT bytes FROM journal WHERE tenant=? AND sequence=?"),
      insert_event(c,
                   "INSERT INTO journal (tenant, sequence, recordedtime, leaf, bytes)"
                   " VALUES (?,?,?,?,?)"),
      insert_id(c, "INSERT INTO event_id (id, tenant, sequence) VALUES (?,?,?)"),
      record(c, "SELECT value FROM record WHERE tenant=? AND collection=? AND key=?"),
      put_record(c,
                 "INSERT INTO record (tenant, collection, key, value) VALUES (?,?,?,?)"
                 " ON CONFLICT DO UPDATE SET value=excluded.value"),
      erase_record(c, "DELETE FROM record WHERE tenant=? AND collection=? AND key=?"),
      insert_tenant(c,
                    "INSERT INTO tenant (name, epoch, state, display_name, operational_events,"
                    " created, head, floor, recordedtime) VALUES (?,?,?,?,?,?,?,?,?)"),
      tenant_number(c, "SELECT number FROM tenant WHERE name=?"),
      update_tenant(c,
                    "UPDATE tenant SET epoch=?, state=?, display_name=?, retention_age_seconds=?,"
                    " retention_events=?, rate_limit_per_second=?, operational_events=?,"
                    " head=?, floor=?, recordedtime=?, swept=?, forgotten=?, summarized=?"
                    " WHERE number=?"),
      last_epoch(c, "SELECT place, label FROM epoch WHERE tenant=? ORDER BY place DESC LIMIT 1"),
      insert_epoch(c,
                   "INSERT INTO epoch (tenant, place, name, first, label, began)"
                   " VALUES (?,?,?,?,?,?)"),
      put_setting(c,
                  "INSERT INTO setting (name, value) VALUES (?,?)"
                  " ON CONFLICT DO UPDATE SET value=excluded.value"),
      put_hold(c,
               "INSERT INTO hold (tenant, sequence, holder) VALUES (?,?,?) ON CONFLICT DO NOTHING"),
      erase_hold(c, "DELETE FROM hold WHERE tenant=? AND sequence=? AND holder=?"),
      is_held(c, "SELECT 1 FROM hold WHERE tenant=? AND sequence=? LIMIT 1"),
      old_rows(c,
               "SELECT rowid, sequence, recordedtime, leaf, bytes, id FROM journal"
               " WHERE tenant=? AND sequence>=? AND sequence<? ORDER BY sequence LIMIT ?"),
      insert_swept(c,
                   "INSERT INTO journal (rowid, tenant, sequence, recordedtime, leaf, id)"
                   " VALUES (?,?,?,?,?,?)"),
      forget_id(c, "DELETE FROM event_id WHERE id=? AND tenant=? AND sequence=?"),
      clear_id(c, "UPDATE journal SET id=NULL WHERE rowid=?"),
      put_summary(c,
                  "INSERT INTO block_summary (tenant, block, summary) VALUES (?,?,?)"
                  " ON CONFLICT DO NOTHING"),
      drop_summaries(c, "DELETE FROM block_summary WHERE tenant=? AND block<?"),
      purgeable_events(c,
                       "SELECT rowid, id, bytes FROM journal WHERE tenant=?"
                       " ORDER BY sequence LIMIT ?"),
      purge_event(c, "DELETE FROM journal WHERE rowid=?"),
      purge_id(c, "DELETE FROM event_id WHERE id=? AND tenant=?"),
      purgeable_records(c, "SELECT collection, key, value FROM record WHERE tenant=? LIMIT ?"),
      purge_holds(c,
                  "DELETE FROM hold WHERE (tenant, sequence, holder) IN"
                  " (SELECT tenant, sequence, holder FROM hold WHERE tenant=? LIMIT ?)"),
      purge_epochs(c, "DELETE FROM epoch WHERE tenant=?"),
      purge_summaries(c,
                      "DELETE FROM block_summary WHERE (tenant, block) IN"
                      " (SELECT tenant, block FROM block_summary WHERE tenant=? LIMIT ?)"),
      purge_tenant(c, "DELETE FROM tenant WHERE number=?") {}

std::map<TenantName, TenantEntry> load_tenants(Connection& connection) {
  Statement select(connection,
                   "SELECT number, name, epoch, state, display_name, retention_age_seconds,"
                   " retention_events, rate_limit_per_second, operational_events, created, head,"
                   " floor, recordedtime, swept, forgotten, summarized FROM tenant");
  std::map<TenantName, TenantEntry> tenants;
  Statement::Run row = select.run();
  while (row.next()) {
    auto entry = read_tenant(row);
    const TenantName name = entry.tenant.name;
    tenants.emplace(name, std::move(entry));
  }
  return tenants;
}

Batch::Batch(WriteStatements& sql, const Directory& directory, World& world, LookUp look_up,
             std::size_t tenants_max)
    : sql_(sql),
      directory_(directory),
      world_(world),
      look_up_(look_up),
      tenants_max_(tenants_max),
      now_(world.clock().wall()),
      salts_used_(salts_.size()) {}

Result<Committed> Batch::apply(CommitTransaction& request) {
  Transaction& transaction = request.transaction;
  auto entry = active(transaction.tenant());
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  if (auto status = meets(entry->number, transaction); !status) {
    return fail(std::move(status.error()));
  }
  if (auto status = can_hold(*entry, transaction); !status) {
    return fail(std::move(status.error()));
  }
  auto decisions = decide(*entry, transaction.events());
  if (!decisions) {
    return fail(std::move(decisions.error()));
  }
  const Sequence before = entry->tenant.journal.head;
  append(*entry, transaction.events(), *decisions);
  write(entry->number, transaction);
  write_holds(*entry, transaction);
  Committed committed{entry->tenant.journal.epoch, std::move(*decisions),
                      entry->tenant.journal.head};
  if (committed.head != before) {
    changes_.insert_or_assign(transaction.tenant(), std::move(*entry));
  }
  return committed;
}

Result<TenantPut> Batch::apply(PutTenant& request) {
  auto known = find(request.name);
  const bool created = !known;
  auto entry = created ? create(request) : active(request.name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  auto settings = patched(entry->tenant.settings, request.patch);
  check(settings.has_value(), "a patch is judged before it is queued");
  entry->tenant.settings = std::move(*settings);
  TenantPut put{entry->tenant, created};
  changes_.insert_or_assign(request.name, std::move(*entry));
  return put;
}

Status Batch::apply(DeleteTenant& request) {
  auto entry = active(request.name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  entry->tenant.state = TenantState::kDeleting;
  changes_.insert_or_assign(request.name, std::move(*entry));
  return {};
}

Result<bool> Batch::apply(PurgeDeleted& /*request*/) {
  // Only a tenant whose deletion is published: a read that ran into the purge finds that out.
  const auto name = directory_.first_deleting();
  if (!name) {
    return false;
  }
  const auto entry = find(*name);
  if (!entry) {
    return true;  // an earlier request of this batch purged it
  }
  std::size_t rows = purge_events(entry->number, kPurgeRowsMax);
  if (rows == 0) {
    rows = purge_records(entry->number, kPurgeRowsMax);
  }
  if (rows == 0) {
    const auto rows_max = static_cast<std::int64_t>(kPurgeRowsMax);
    rows = static_cast<std::size_t>(sql_.purge_holds.execute(entry->number, rows_max) +
                                    sql_.purge_summaries.execute(entry->number, rows_max));
  }
  if (rows == 0) {
    sql_.purge_epochs.execute(entry->number);
    sql_.purge_tenant.execute(entry->number);
    changes_.insert_or_assign(*name, std::nullopt);
  }
  return true;
}

Result<JournalHead> Batch::apply(BeginEpoch& request) {
  auto entry = active(request.name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  std::int64_t place = 0;
  {
    auto row = sql_.last_epoch.run(entry->number);
    check(row.next(), "a tenant has an epoch");
    if (!request.label.empty() && row.bytes(1) == request.label) {
      return entry->tenant.journal;
    }
    place = row.integer(0);
  }
  entry->tenant.journal.epoch = draw_epoch();
  record_epoch(*entry, place + 1, request.label);
  const JournalHead journal = entry->tenant.journal;
  changes_.insert_or_assign(request.name, std::move(*entry));
  return journal;
}

Status Batch::apply(PutSummary& request) {
  auto entry = active(request.name);
  if (!entry) {
    return fail(std::move(entry.error()));
  }
  const JournalHead& journal = entry->tenant.journal;
  if (journal.epoch != request.epoch) {
    return fail(Code::kConflict, "the tenant has begun another epoch");
  }
  if (request.block >= journal.head.value / kBlockEvents) {
    return fail(Code::kInvalid, "the block is not whole yet");
  }
  if (request.block < entry->summarized) {
    return {};
  }
  if (request.summary) {
    sql_.put_summary.execute(entry->number, static_cast<std::int64_t>(request.block),
                             as_bytes(*request.summary));
  }
  entry->summarized = request.block + 1;
  changes_.insert_or_assign(request.name, std::move(*entry));
  return {};
}

Status Batch::apply(PutSetting& request) {
  if (request.name.empty() || request.name.size() + request.value.size() > kSettingBytesMax) {
    return fail(Code::kInvalid,
                fmt::format("a setting has a name and at most {} bytes", kSettingBytesMax));
  }
  sql_.put_setting.execute(std::string_view(request.name), as_bytes(request.value));
  return {};
}

void Batch::finish() {
  for (const auto& [name, entry] : changes_) {
    if (!entry) {
      continue;
    }
    const Tenant& tenant = entry->tenant;
    const TenantSettings& settings = tenant.settings;
    sql_.update_tenant.execute(
        tenant.journal.epoch.str(), static_cast<std::int64_t>(tenant.state),
        std::string_view(settings.display_name), settings.retention_age_seconds,
        settings.retention_events, settings.rate_limit_per_second,
        std::int64_t{settings.operational_events}, integer(tenant.journal.head),
        integer(tenant.journal.floor), integer(entry->last_recorded), integer(entry->swept),
        integer(entry->forgotten), static_cast<std::int64_t>(entry->summarized), entry->number);
  }
}

std::optional<TenantEntry> Batch::find(const TenantName& name) const {
  const auto changed = changes_.find(name);
  return changed != changes_.end() ? changed->second : directory_.find(name);
}

Result<TenantEntry> Batch::active(const TenantName& name) const {
  auto entry = find(name);
  if (!entry) {
    return no_such_tenant();
  }
  if (entry->tenant.state == TenantState::kDeleting) {
    return tenant_is_deleting();
  }
  return std::move(*entry);
}

Status Batch::meets(std::int64_t tenant, const Transaction& transaction) {
  for (const auto& expectation : transaction.expectations()) {
    auto row = sql_.record.run(tenant, expectation.collection.str(), as_bytes(expectation.key));
    const bool exists = row.next();
    const bool met = expectation.value ? exists && row.bytes(0) == *expectation.value : !exists;
    if (!met) {
      return fail(Code::kConflict, "it was changed meanwhile: read it again and repeat the change");
    }
  }
  return {};
}

Result<Batch::Decisions> Batch::decide(const TenantEntry& entry,
                                       const std::vector<EncodedEvent>& events) {
  Decisions decisions(events.size());
  Error conflict{Code::kIdConflict, "", {}};
  for (std::size_t i = 0; i < events.size(); ++i) {
    const EncodedEvent& event = events[i];
    if (!event.given.id && look_up_ == LookUp::kGivenIds) {
      continue;
    }
    auto row = sql_.find_id.run(std::string_view(event.id.str()), entry.number);
    if (!row.next()) {
      continue;
    }
    decisions[i] = {sequence(row, 0), true};
    if (!is_same(entry, decisions[i].sequence, event) &&
        conflict.violations.size() < kIdConflictsShown) {
      conflict.violations.push_back(
          {i, "id",
           fmt::format("the journal holds an event {} with other members", event.id.str())});
    }
  }
  if (!conflict.violations.empty()) {
    conflict.detail = conflict.violations.front().message;
    return fail(std::move(conflict));
  }
  return decisions;
}

bool Batch::is_same(const TenantEntry& entry, Sequence sequence, const EncodedEvent& repeat) {
  if (sequence < entry.tenant.journal.floor) {
    return true;  // whether its bytes are gone by now or not
  }
  auto row = sql_.event_bytes.run(entry.number, integer(sequence));
  const bool present = row.next() && !row.is_null(0);
  return !present || same_members(row.bytes(0), repeat);
}

void Batch::append(TenantEntry& entry, std::vector<EncodedEvent>& events, Decisions& decisions) {
  JournalHead& journal = entry.tenant.journal;
  const WallTime recorded = std::max(now_, entry.last_recorded);
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (decisions[i].duplicate) {
      continue;
    }
    EncodedEvent& event = events[i];
    const Sequence next = journal.head.next();
    stamp(event, {journal.epoch, next, recorded, salt()});
    const Digest leaf = leaf_hash(event.bytes);
    sql_.insert_event.execute(entry.number, integer(next), integer(recorded), std::span(leaf),
                              as_bytes(event.bytes));
    sql_.insert_id.execute(std::string_view(event.id.str()), entry.number, integer(next));
    decisions[i].sequence = next;
    journal.head = next;
    entry.last_recorded = recorded;
  }
}

void Batch::write(std::int64_t tenant, const Transaction& transaction) {
  for (const auto& write : transaction.writes()) {
    if (write.value) {
      sql_.put_record.execute(tenant, write.collection.str(), as_bytes(write.key),
                              as_bytes(*write.value));
    } else {
      sql_.erase_record.execute(tenant, write.collection.str(), as_bytes(write.key));
    }
  }
}

Result<TenantEntry> Batch::create(const PutTenant& request) {
  if (directory_.size() + changes_.size() >= tenants_max_) {
    return fail(Code::kUnavailable,
                fmt::format("the store takes no more than {} tenants", tenants_max_));
  }
  const Epoch epoch = draw_epoch();
  const Sequence head{0};
  const Sequence floor{1};
  sql_.insert_tenant.execute(std::string_view(request.name.str()), epoch.str(),
                             static_cast<std::int64_t>(TenantState::kActive), std::string_view(),
                             std::int64_t{0}, integer(now_), integer(head), integer(floor),
                             std::int64_t{0});
  auto row = sql_.tenant_number.run(std::string_view(request.name.str()));
  check(row.next(), "a tenant that was inserted is there");
  TenantEntry entry{.number = row.integer(0),
                    .tenant = {.name = request.name,
                               .state = TenantState::kActive,
                               .settings = {},
                               .created = now_,
                               .journal = {epoch, head, floor}},
                    .last_recorded = WallTime{}};
  record_epoch(entry, 1, "");
  return entry;
}

Epoch Batch::draw_epoch() {
  std::array<std::byte, 12> random;
  world_.random().fill(random);
  return Epoch::make(random);
}

void Batch::record_epoch(const TenantEntry& entry, std::int64_t place, const std::string& label) {
  const JournalHead& journal = entry.tenant.journal;
  sql_.insert_epoch.execute(entry.number, place, journal.epoch.str(), integer(journal.head.next()),
                            std::string_view(label), integer(now_));
}

std::array<std::byte, 16> Batch::salt() {
  std::array<std::byte, 16> salt;
  if (salts_used_ + salt.size() > salts_.size()) {
    world_.random().fill(salts_);
    salts_used_ = 0;
  }
  std::copy_n(salts_.begin() + static_cast<std::ptrdiff_t>(salts_used_), salt.size(), salt.begin());
  salts_used_ += salt.size();
  return salt;
}

std::size_t Batch::purge_events(std::int64_t tenant, std::size_t rows_max) {
  std::vector<std::pair<std::int64_t, std::string>> rows;  // and the id, when it is remembered
  {
    auto row = sql_.purgeable_events.run(tenant, static_cast<std::int64_t>(rows_max));
    for (std::size_t bytes = 0; bytes < kPurgeBytesMax && row.next();) {
      const std::string_view event = row.bytes(2);
      bytes += event.size();
      rows.emplace_back(row.integer(0), row.is_null(2) ? row.bytes(1) : read_head(event).id);
    }
  }
  for (const auto& [rowid, id] : rows) {
    sql_.purge_id.execute(std::string_view(id), tenant);
    sql_.purge_event.execute(rowid);
  }
  return rows.size();
}

std::size_t Batch::purge_records(std::int64_t tenant, std::size_t rows_max) {
  std::vector<std::pair<std::string, std::string>> rows;
  {
    auto row = sql_.purgeable_records.run(tenant, static_cast<std::int64_t>(rows_max));
    for (std::size_t bytes = 0; bytes < kPurgeBytesMax && row.next();) {
      bytes += row.bytes(2).size();
      rows.emplace_back(row.bytes(0), row.bytes(1));
    }
  }
  for (const auto& [collection, key] : rows) {
    sql_.erase_record.execute(tenant, std::string_view(collection), as_bytes(key));
  }
  return rows.size();
}

}  // namespace bitvault
