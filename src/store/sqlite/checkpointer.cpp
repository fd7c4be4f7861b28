#include "store/sqlite/checkpointer.h"

#include <algorithm>
#include <utility>

#include "store/sqlite/schema.h"

namespace bitvault {
namespace {

// While it copies, the WAL grows: the second time there is little to do.
constexpr int kRoundsMax = 2;
// Of `every`: so much may be left for the writer.
constexpr std::int64_t kLittle = 32;

}  // namespace

Checkpointer::Checkpointer(const std::string& file, const std::string& vfs, std::int64_t every,
                           JobPoster readers)
    : every_(every),
      connection_(file, vfs, Connection::Mode::kWrite),
      readers_(std::move(readers)),
      next_at_(every) {
  configure_writer(connection_);
}

bool Checkpointer::has_caught_up(std::int64_t wal_bytes) {
  {
    const std::scoped_lock lock(mutex_);
    wal_bytes_ = wal_bytes;
    at_rest_ = false;
    if (wal_bytes < copied_) {  // the WAL began anew
      copied_ = 0;
      next_at_ = every_;
      caught_up_ = false;
    }
    if (running_) {
      return false;
    }
    if (std::exchange(caught_up_, false) && wal_bytes - copied_ <= every_ / kLittle) {
      return true;
    }
    if (wal_bytes < next_at_) {
      return false;
    }
    running_ = true;
    next_at_ = wal_bytes + every_;
  }
  readers_.post([this] { run(); });
  return false;
}

void Checkpointer::copy_at_rest() {
  {
    const std::scoped_lock lock(mutex_);
    if (!std::exchange(at_rest_, true) || running_ || wal_bytes_ <= copied_) {
      return;
    }
    running_ = true;
  }
  readers_.post([this] { run(); });
}

void Checkpointer::run() {
  // Should the storage go on failing, the writer meets the same failure when the WAL reaches its
  // bound, and health() tells.
  std::int64_t copied = 0;
  for (int round = 0; round < kRoundsMax; ++round) {
    copied = std::max(copied, connection_.checkpoint_passive());
  }
  const std::scoped_lock lock(mutex_);
  copied_ = copied;
  caught_up_ = copied > 0;
  running_ = false;
}

}  // namespace bitvault
