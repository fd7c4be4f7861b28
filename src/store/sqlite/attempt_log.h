// The AttemptLog in the data folder: entries wait in a bounded queue and are written together, as
// jobs on an executor of their own, beside the journal's.
//
// An attempt takes about 100 bytes of disk. A day's file goes when the day is `kept` ago. A killed
// process loses what was not written yet; after a loss of power the files are whole, and may lack
// the last seconds. Where the disk fails, entries are lost and counted: nothing waits for them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/attempt_log.h"
#include "store/sqlite/attempt_files.h"
#include "store/sqlite/jobs.h"
#include "world/signal.h"
#include "world/world.h"

namespace bitvault {

struct SqliteAttemptLogOptions {
  std::string folder;  // exists
  Executor work;       // for what blocks; any number of threads
  std::chrono::days kept{30};
  std::size_t waiting_max = 20'000;  // entries
};

class SqliteAttemptLog final : public AttemptLog {
 public:
  // `executor` is where run() will be.
  SqliteAttemptLog(SqliteAttemptLogOptions options, World& world, const Executor& executor);
  ~SqliteAttemptLog() override;  // writes what waits; run() has ended

  // Writes what was appended, and lets old days go, until cancelled: spawn it on the executor.
  [[nodiscard]] Task<> run();

  void append(AttemptEntry entry) override;
  // Sees all that was appended before.
  [[nodiscard]] Task<Result<AttemptPage>> read(AttemptQuery query) override;
  void forget(const TenantName& tenant, std::optional<std::string> subscription) override;

  // Entries that were not written: there was no room, or the disk failed.
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t waiting() const;

 private:
  static constexpr Duration kExpiryPeriod = std::chrono::hours(1);

  struct Waiting {
    std::vector<AttemptEntry> entries;
    std::vector<std::pair<TenantName, std::optional<std::string>>> forgotten;
  };

  template <class Work>
  [[nodiscard]] Task<std::invoke_result_t<Work>> on_work(Work work);
  void flush();

  const SqliteAttemptLogOptions options_;
  World& world_;
  const std::shared_ptr<JobGate> gate_;
  const JobPoster jobs_;
  Signal appended_;
  mutable std::mutex mutex_;
  Waiting waiting_;  // guarded by mutex_
  std::mutex writing_;
  AttemptFiles files_;  // to be written under writing_
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace bitvault
