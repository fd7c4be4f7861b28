// A file system for SQLite that lives in memory and knows what a loss of power would leave.
//
// Of each file it keeps what was synced and every write since. crash() takes the rest away: all of
// it, or a random half of the sectors (drawn from the seed), in the way of a disk that had begun to
// write. A new name is durable with its file's first sync; a deletion without a synced folder may
// be undone. What was open before a crash only fails from then on.
//
// A fault is decided call by call. Connections of one process share the files, with their locks and
// the WAL's index. No threads, no clock: the same calls and the same seed give the same content.
// Thread-safe. It outlives every connection that uses it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace bitvault::test {

struct VfsCall {
  enum class Op : std::uint8_t { kOpen, kRead, kWrite, kTruncate, kSync, kDelete };
  Op op;
  std::uint64_t number;  // of all calls so far, this one included
  std::string_view file;
};

struct VfsFault {
  enum class Kind : std::uint8_t {
    kNone,
    kBefore,    // fails and does nothing
    kTorn,      // a write does its first half and fails; a sync fails and forgets what was to be
                // written, as Linux does, so that no later sync makes it durable; else as kBefore
    kAfter,     // does it and fails nevertheless
    kPowerOff,  // nothing works any more, from before this call until crash()
  };
  Kind kind = Kind::kNone;
  bool disk_full = false;  // a write fails with SQLITE_FULL rather than SQLITE_IOERR
};

class MemoryVfs {
 public:
  enum class Unsynced : std::uint8_t { kLost, kHalf, kKept };
  // Called for each call, while the file system stands still: it must not use it.
  using Decide = std::function<VfsFault(const VfsCall&)>;

  explicit MemoryVfs(std::uint64_t seed);
  ~MemoryVfs();
  MemoryVfs(const MemoryVfs&) = delete;
  MemoryVfs& operator=(const MemoryVfs&) = delete;

  // What SqliteOptions::vfs takes; no two have the same.
  [[nodiscard]] const std::string& name() const;

  // From now on; an empty one takes all faults away.
  void decide_by(Decide decide);
  [[nodiscard]] std::uint64_t calls() const;

  // The power fails and comes back. With kKept only the process dies: what it wrote can be read,
  // and what was not synced can still be lost by a later crash.
  void crash(Unsynced unsynced);

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitvault::test
