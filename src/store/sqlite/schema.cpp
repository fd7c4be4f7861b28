#include "store/sqlite/schema.h"

#include <fmt/format.h>

#include <array>

namespace bitvault {
namespace {

// A step is never changed once it was released: a file may have taken it.
//
// - journal: one row an event, for ever; `bytes` goes (null) when the event is pruned or erased,
//   `leaf` stays. A tenant's history lives under its number, which is new with every epoch and
//   never used twice, and the bytes themselves hold the epoch: so a row needs no column for it.
//   `id` is set only when the bytes go before the id may be forgotten: until then it is in them.
// - event_id: the ids that are remembered. Made ids grow with time, so that rows are appended.
// - record: the control state of the features.
// - tenant: `head` and `recordedtime` are of the last event, `floor` is the first one retained.
// - setting: small values of the installation.
// - recovery: how often the writer was opened; see Writer::recover().
//
// Since step 2:
// - tenant: below `swept` the bytes are gone but for what is held, below `forgotten` the ids are;
//   of the blocks of events (event/block_summary.h) the first `summarized` were looked at.
// - hold: who holds which event.
// - epoch: the tenant's epochs in their order, the last is the current one. Each begins with the
//   sequence `first`; `label` is what its beginner called it.
// - block_summary: derived from the bytes of a block's events, so a row may be missing at any time.
//   Whoever takes an event's bytes before its time deletes its block's row with them.
constexpr std::array<const char*, 2> kSteps = {
    R"sql(
CREATE TABLE tenant (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  epoch TEXT NOT NULL,
  state INTEGER NOT NULL,
  display_name TEXT NOT NULL,
  retention_age_seconds INTEGER,
  retention_events INTEGER,
  rate_limit_per_second INTEGER,
  operational_events INTEGER NOT NULL,
  created INTEGER NOT NULL,
  head INTEGER NOT NULL,
  floor INTEGER NOT NULL,
  recordedtime INTEGER NOT NULL
) STRICT;

CREATE TABLE journal (
  tenant INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  recordedtime INTEGER NOT NULL,
  leaf BLOB NOT NULL,
  bytes BLOB,
  id TEXT
) STRICT;
CREATE UNIQUE INDEX journal_position ON journal (tenant, sequence);

CREATE TABLE event_id (
  id TEXT NOT NULL,
  tenant INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (id, tenant)
) STRICT, WITHOUT ROWID;

CREATE TABLE record (
  tenant INTEGER NOT NULL,
  collection TEXT NOT NULL,
  key BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (tenant, collection, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  count INTEGER NOT NULL
) STRICT;
INSERT INTO recovery VALUES (1, 0);
)sql",
    R"sql(
ALTER TABLE tenant ADD COLUMN swept INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tenant ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tenant ADD COLUMN summarized INTEGER NOT NULL DEFAULT 0;

CREATE TABLE hold (
  tenant INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  holder TEXT NOT NULL,
  PRIMARY KEY (tenant, sequence, holder)
) STRICT, WITHOUT ROWID;

CREATE TABLE epoch (
  tenant INTEGER NOT NULL,
  place INTEGER NOT NULL,
  name TEXT NOT NULL,
  first INTEGER NOT NULL,
  label TEXT NOT NULL,
  began INTEGER NOT NULL,
  PRIMARY KEY (tenant, place)
) STRICT, WITHOUT ROWID;
INSERT INTO epoch SELECT number, 1, epoch, 1, '', created FROM tenant;

CREATE TABLE block_summary (
  tenant INTEGER NOT NULL,
  block INTEGER NOT NULL,
  summary BLOB NOT NULL,
  PRIMARY KEY (tenant, block)
) STRICT, WITHOUT ROWID;
)sql",
};

constexpr int kPageBytes = 8 * 1024;  // of a new file; an older one keeps its 4 KiB
constexpr int kWriterCacheKib = 64 * 1024;
constexpr int kReaderCacheKib = 8 * 1024;
constexpr std::int64_t kJournalSizeLimit = 192 * 1024 * 1024;  // of a WAL that starts over

}  // namespace

// synchronous=EXTRA: in WAL mode that is FULL, every commit is synced. It matters only for the one
// commit before that, which turns a new file to WAL: its rollback journal is gone for good
// afterwards. Were it to come back after a loss of power, it would undo the file under its WAL.
void configure_writer(Connection& connection) {
  connection.execute(
      fmt::format("PRAGMA page_size={};"
                  "PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                  "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-{};"
                  "PRAGMA journal_size_limit={}",
                  kPageBytes, kWriterCacheKib, kJournalSizeLimit));
}

// No memory mapping: it reads a page of 500 events 17 % faster (0.48 against 0.58 ms), but makes a
// failing disk a signal that ends the process instead of an error that ends one read.
void configure_reader(Connection& connection) {
  connection.execute(
      fmt::format("PRAGMA temp_store=MEMORY; PRAGMA cache_size=-{}", kReaderCacheKib));
}

std::int64_t current_version() { return static_cast<std::int64_t>(kSteps.size()); }

Status migrate(Connection& connection, std::int64_t to) {
  const std::int64_t version = connection.integer("PRAGMA user_version");
  const std::int64_t application = connection.integer("PRAGMA application_id");
  const bool empty = connection.integer("SELECT count(*) FROM sqlite_schema") == 0;
  if (!empty && application != kApplicationId) {
    return fail(Code::kUnavailable,
                "journal.db in the data folder was not made by bitvault-events");
  }
  if (version > current_version()) {
    return fail(Code::kUnavailable,
                fmt::format("the data folder has schema version {}, this program knows versions up "
                            "to {}: run the newer program",
                            version, current_version()));
  }
  for (std::int64_t step = version; step < to; ++step) {
    connection.execute(
        fmt::format("BEGIN IMMEDIATE; {} PRAGMA application_id={}; PRAGMA user_version={}; COMMIT",
                    kSteps[static_cast<std::size_t>(step)], kApplicationId, step + 1));
  }
  return {};
}

}  // namespace bitvault
