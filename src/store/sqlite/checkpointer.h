// The Checkpointer copies the WAL into the database file off the path of commits: on a connection
// of its own, as a job among the reads.
//
// Its connection stays open as long as the store, which also keeps the WAL's index alive while the
// writer opens its own connection anew.
#pragma once

#include <mutex>
#include <string>

#include "store/sqlite/connection.h"
#include "store/sqlite/jobs.h"

namespace bitvault {

class Checkpointer {
 public:
  // Throws SqliteFailure.
  Checkpointer(const std::string& file, const std::string& vfs, JobPoster readers);

  // From the writer, after a commit: starts a checkpoint when the WAL has grown enough.
  void wal_has(std::int64_t bytes);

 private:
  void run();

  Connection connection_;
  JobPoster readers_;
  std::mutex mutex_;
  std::int64_t started_at_ = 0;  // guarded by mutex_; bytes of the WAL at the last checkpoint
  bool running_ = false;         // guarded by mutex_
};

}  // namespace bitvault
