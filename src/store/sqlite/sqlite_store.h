// The embedded Store: SQLite in WAL mode, one file `journal.db` in the data folder.
//
// All blocking work runs as jobs on the two executors given: commits on `writer`, gathered into
// groups; reads and checkpoints on `readers`. The store has no thread of its own.
//
// A head is published, to readers and to the HeadListener, only after the COMMIT and its fsync; the
// callers resume after that. A second process on the same data folder is refused.
#pragma once

#include <memory>
#include <string>

#include "store/sqlite/reader_pool.h"
#include "store/sqlite/writer.h"
#include "store/store.h"

namespace bitvault {

class DataFolder;

struct SqliteOptions {
  std::string folder;           // made when it is missing
  Executor writer;              // runs one job at a time
  Executor readers;             // outlives the store, as does `writer`
  std::size_t readers_max = 4;  // connections, so reads at a time
  std::size_t reads_waiting_max = 8'192;
  WriterLimits commits{};
  // A registered sqlite3_vfs for tests. With one, nothing is touched in the file system: the folder
  // is only the beginning of the files' names.
  std::string vfs{};
};

class SqliteStore final : public Store {
 public:
  // Opens or makes the data folder. `world` outlives the store.
  // Error: kUnavailable, for an operator: in use by another process, of a newer version, or what
  // the storage said.
  [[nodiscard]] static Result<std::unique_ptr<SqliteStore>> open(SqliteOptions options,
                                                                 World& world,
                                                                 HeadListener listener);
  // No call is in flight. Waits for a job that runs; those still queued find the gate closed.
  ~SqliteStore() override;

  [[nodiscard]] Task<Result<Committed>> commit(Transaction transaction) override;

  [[nodiscard]] Task<Result<JournalHead>> head(TenantName tenant) override;
  [[nodiscard]] Task<Result<Slice>> read(TenantName tenant, Sequence after,
                                         ReadLimit limit) override;
  [[nodiscard]] Task<Result<FoundEvent>> find(TenantName tenant, EventId id) override;
  [[nodiscard]] Task<Result<Position>> position_at(TenantName tenant, WallTime time) override;
  [[nodiscard]] Task<Result<FoundEvent>> held(TenantName tenant, Sequence sequence) override;

  [[nodiscard]] Task<Result<ListPage<Upkeep>>> upkeep(std::string after,
                                                      std::size_t limit) override;
  [[nodiscard]] Task<Result<JournalHead>> raise_floor(TenantName tenant, Position floor) override;
  [[nodiscard]] Task<Result<Pruned>> prune(TenantName tenant, WallTime ids_before) override;

  [[nodiscard]] Task<Result<Sequence>> skip(TenantName tenant, Sequence after,
                                            BlockQuery query) override;
  [[nodiscard]] Task<Status> put_summary(TenantName tenant, Epoch epoch, std::uint64_t block,
                                         std::optional<std::string> summary) override;
  [[nodiscard]] Task<Result<std::vector<EpochBegin>>> epochs(TenantName tenant) override;
  [[nodiscard]] Task<Result<JournalHead>> begin_epoch(TenantName tenant,
                                                      std::string label) override;

  [[nodiscard]] Task<Result<std::optional<std::string>>> get(TenantName tenant,
                                                             Collection collection,
                                                             std::string key) override;
  [[nodiscard]] Task<Result<ListPage<Record>>> scan(TenantName tenant, Collection collection,
                                                    std::string prefix, std::string after,
                                                    std::size_t limit) override;

  [[nodiscard]] Task<Result<TenantPut>> put_tenant(TenantName name, TenantPatch patch) override;
  [[nodiscard]] Task<Result<Tenant>> tenant(TenantName name) override;
  [[nodiscard]] Task<Result<ListPage<Tenant>>> tenants(std::string after,
                                                       std::size_t limit) override;
  [[nodiscard]] Task<Status> delete_tenant(TenantName name) override;
  [[nodiscard]] Task<Result<bool>> purge_deleted() override;

  [[nodiscard]] Task<Result<std::optional<std::string>>> setting(std::string name) override;
  [[nodiscard]] Task<Status> put_setting(std::string name, std::string value) override;

  [[nodiscard]] Status health() const override;

  // Now and then: readies the file for reading while nothing is committed.
  void copy_at_rest() { checkpointer_.copy_at_rest(); }

 private:
  SqliteStore(std::unique_ptr<DataFolder> folder, SqliteOptions options, World& world,
              HeadListener listener);

  // Runs `work` on the rows of a tenant, which is there before and after.
  template <class Work>
  [[nodiscard]] auto read_of(TenantName tenant, Work work)
      -> Task<std::invoke_result_t<Work, Reads&, const Located&>>;

  // What a read found, by the floor as it is now.
  [[nodiscard]] Result<FoundEvent> judged(const TenantName& tenant, std::optional<FoundEvent> found,
                                          bool held) const;

  // In this order: the connections close before the folder is given up.
  std::unique_ptr<DataFolder> folder_;  // null with a vfs of a test's
  std::shared_ptr<JobGate> gate_;
  Directory directory_;
  Checkpointer checkpointer_;
  ReaderPool readers_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace bitvault
