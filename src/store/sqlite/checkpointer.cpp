#include "store/sqlite/checkpointer.h"

#include <algorithm>

#include "store/sqlite/schema.h"

namespace bitvault {
namespace {

constexpr std::int64_t kCheckpointEvery = 8 * 1024 * 1024;

}  // namespace

Checkpointer::Checkpointer(const std::string& file, const std::string& vfs, JobPoster readers)
    : connection_(file, vfs, Connection::Mode::kWrite), readers_(std::move(readers)) {
  configure_writer(connection_);
}

void Checkpointer::wal_has(std::int64_t bytes) {
  {
    const std::scoped_lock lock(mutex_);
    started_at_ = std::min(started_at_, bytes);  // less than before: the WAL started over
    if (running_ || bytes - started_at_ < kCheckpointEvery) {
      return;
    }
    running_ = true;
    started_at_ = bytes;
  }
  readers_.post([this] { run(); });
}

void Checkpointer::run() {
  // Should the storage go on failing, the writer meets the same failure when the WAL reaches its
  // bound, and health() tells.
  connection_.checkpoint_passive();
  const std::scoped_lock lock(mutex_);
  running_ = false;
}

}  // namespace bitvault
