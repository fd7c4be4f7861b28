// A Batch is one transaction of the database while it is built from independent requests.
//
// apply() first checks a request by look-ups alone and then writes: one that is refused leaves no
// trace, so the others need no savepoint. Requests see what earlier ones of the batch wrote.
// Nothing is visible outside until the writer has committed and publishes changes().
//
// SqliteFailure may be thrown at any point; the whole batch is then rolled back.
#pragma once

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/sqlite/connection.h"
#include "store/sqlite/directory.h"
#include "store/store.h"
#include "world/world.h"

namespace bitvault {

// The requests. Each one's Answer is what its caller waits for.
struct CommitTransaction {
  using Answer = Result<Committed>;
  Transaction transaction;
};
struct PutTenant {
  using Answer = Result<TenantPut>;
  TenantName name;
  TenantPatch patch;
};
struct DeleteTenant {
  using Answer = Status;
  TenantName name;
};
struct PurgeDeleted {
  using Answer = Result<bool>;
};
struct RaiseFloor {
  using Answer = Result<JournalHead>;
  TenantName name;
  Position floor;
};
struct Prune {
  using Answer = Result<Pruned>;
  TenantName name;
  WallTime ids_before;
};
struct PutSummary {
  using Answer = Status;
  TenantName name;
  Epoch epoch;
  std::uint64_t block;
  std::optional<std::string> summary;
};
struct BeginEpoch {
  using Answer = Result<JournalHead>;
  TenantName name;
  std::string label;
};
struct PutSetting {
  using Answer = Status;
  std::string name;
  std::string value;
};

// The statements by which batches are written.
struct WriteStatements {
  explicit WriteStatements(Connection& connection);

  Statement begin;
  Statement commit;
  Statement find_id;
  Statement event_bytes;
  Statement insert_event;
  Statement insert_id;
  Statement record;
  Statement put_record;
  Statement erase_record;
  Statement insert_tenant;
  Statement tenant_number;
  Statement update_tenant;
  Statement last_epoch;
  Statement insert_epoch;
  Statement put_setting;
  Statement put_hold;
  Statement erase_hold;
  Statement is_held;
  Statement old_rows;
  Statement insert_swept;
  Statement forget_id;
  Statement clear_id;
  Statement put_summary;
  Statement drop_summaries;
  Statement purgeable_events;
  Statement purge_event;
  Statement purge_id;
  Statement purgeable_records;
  Statement purge_holds;
  Statement purge_epochs;
  Statement purge_summaries;
  Statement purge_tenant;
};

// Every tenant of the file.
[[nodiscard]] std::map<TenantName, TenantEntry> load_tenants(Connection& connection);

class Batch {
 public:
  // Which ids are looked up before they are inserted. Ids that the server made are new; should one
  // not be, its insert fails, and the request is tried again with every id looked up.
  enum class LookUp : std::uint8_t { kGivenIds, kAllIds };

  Batch(WriteStatements& sql, const Directory& directory, World& world, LookUp look_up,
        std::size_t tenants_max);

  [[nodiscard]] Result<Committed> apply(CommitTransaction& request);
  [[nodiscard]] Result<TenantPut> apply(PutTenant& request);
  [[nodiscard]] Status apply(DeleteTenant& request);
  [[nodiscard]] Result<bool> apply(PurgeDeleted& request);
  [[nodiscard]] Result<JournalHead> apply(RaiseFloor& request);
  [[nodiscard]] Result<Pruned> apply(Prune& request);
  [[nodiscard]] Status apply(PutSummary& request);
  [[nodiscard]] Result<JournalHead> apply(BeginEpoch& request);
  [[nodiscard]] Status apply(PutSetting& request);

  // Writes what was gathered for the tenants: the last thing before the commit.
  void finish();

  [[nodiscard]] const Directory::Changes& changes() const { return changes_; }

 private:
  using Decisions = std::vector<Committed::Event>;
  struct OldRow;

  // The tenant as this batch sees it.
  [[nodiscard]] Result<TenantEntry> active(const TenantName& name) const;
  [[nodiscard]] std::optional<TenantEntry> find(const TenantName& name) const;
  [[nodiscard]] Status meets(std::int64_t tenant, const Transaction& transaction);
  [[nodiscard]] Status can_hold(const TenantEntry& entry, const Transaction& transaction);
  // Says of each event whether it is a duplicate; those to be appended have sequence 0.
  [[nodiscard]] Result<Decisions> decide(const TenantEntry& entry,
                                         const std::vector<EncodedEvent>& events);
  [[nodiscard]] bool is_same(const TenantEntry& entry, Sequence sequence,
                             const EncodedEvent& repeat);
  void append(TenantEntry& entry, std::vector<EncodedEvent>& events, Decisions& decisions);
  void write(std::int64_t tenant, const Transaction& transaction);
  void write_holds(const TenantEntry& entry, const Transaction& transaction);
  [[nodiscard]] bool is_held(std::int64_t tenant, Sequence sequence);
  [[nodiscard]] Epoch draw_epoch();
  // The entry's epoch, its `place`-th, begins behind its head.
  void record_epoch(const TenantEntry& entry, std::int64_t place, const std::string& label);
  [[nodiscard]] Result<TenantEntry> create(const PutTenant& request);
  [[nodiscard]] std::array<std::byte, 16> salt();
  // Rows with from <= sequence < to.
  [[nodiscard]] std::vector<OldRow> rows_of(std::int64_t tenant, Sequence from, Sequence to,
                                            std::size_t rows_max, std::size_t bytes_max);
  void sweep(TenantEntry& entry, Sequence to, WallTime ids_before, Pruned& pruned);
  void forget(TenantEntry& entry, WallTime ids_before, Pruned& pruned);
  void forget_id(TenantEntry& entry, const OldRow& row, Pruned& pruned);
  void drop_bytes(const TenantEntry& entry, const OldRow& row);
  [[nodiscard]] std::size_t purge_events(std::int64_t tenant, std::size_t rows_max);
  [[nodiscard]] std::size_t purge_records(std::int64_t tenant, std::size_t rows_max);

  WriteStatements& sql_;
  const Directory& directory_;
  World& world_;
  LookUp look_up_;
  std::size_t tenants_max_;
  WallTime now_;
  Directory::Changes changes_;
  std::array<std::byte, 1024> salts_;  // drawn in one go
  std::size_t salts_used_;
};

}  // namespace bitvault
