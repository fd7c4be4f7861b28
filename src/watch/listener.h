// Hears how a watcher gets on. Called on the watcher's strand; must not block.
#pragma once

#include <cstdint>
#include <string>

namespace bitvault::watch {

struct WatchProgress {
  std::uint64_t entries_seen = 0;  // looked at since the start
  std::uint64_t events_committed = 0;
  std::uint64_t nodes = 0;  // in the table now
  bool comparing = false;   // more is known to be looked at; otherwise it waits for changes
};

struct WatchNotice {
  enum class Kind : std::uint8_t {
    kRootLost,          // the directory is not there: nothing is told until it is back
    kRootBack,          // it is
    kChangesLost,       // the system dropped changes: everything is compared
    kPartlyBlind,       // not every folder can be watched: everything is compared periodically
    kFolderUnreadable,  // what it holds is taken as unchanged
    kNotTold,           // a node whose path no event has room for
    kCannotLook,        // no file descriptors or no memory: it looks again later
    kStoreRefuses,      // commits are being tried again
  };
  Kind kind;
  std::string text;
};

class WatchListener {
 public:
  virtual ~WatchListener() = default;
  // At most a few times a second.
  virtual void progress(const WatchProgress& progress) = 0;
  virtual void notice(const WatchNotice& notice) = 0;
};

}  // namespace bitvault::watch
