// The Checkpointer copies the WAL into the database file off the path of commits: on a connection
// of its own, as a job among the reads. When it has caught up, the writer copies the little that is
// left, between two commits, and begins the WAL anew.
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
  // Copies when the WAL has grown by `every` bytes.
  Checkpointer(const std::string& file, const std::string& vfs, std::int64_t every,
               JobPoster readers);

  // From the writer, after a commit that left so much in the WAL: starts to copy when it is time.
  // True when nearly all is copied, once for each time that it has caught up.
  [[nodiscard]] bool has_caught_up(std::int64_t wal_bytes);

  // From anybody, now and then: starts to copy when nothing was committed since the last call. Of a
  // WAL that is copied whole, reads need not look for each page in it.
  void copy_at_rest();

 private:
  void run();

  const std::int64_t every_;
  Connection connection_;
  JobPoster readers_;
  std::mutex mutex_;
  std::int64_t copied_ = 0;  // bytes of the WAL; this and the following: guarded by mutex_
  std::int64_t wal_bytes_ = 0;
  bool at_rest_ = false;  // since the last copy_at_rest()
  std::int64_t next_at_ = 0;
  bool running_ = false;
  bool caught_up_ = false;
};

}  // namespace bitvault
