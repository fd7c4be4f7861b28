// A ChangeSource says which folders are worth another look. It may say too much, and it may lose
// what it had to say as long as it admits it: what happened is found by comparing.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "world/world.h"

namespace bitvault::watch {

// Belongs to a folder on the disk, not to its path: it goes with the folder when that is moved.
enum class WatchId : std::int32_t {};

enum class WatchError : std::uint8_t {
  kGone,    // there is no folder with this path
  kLimit,   // the system allows no more watches
  kFailed,  // anything else; changes in the folder will not be noticed
};

struct Changes {
  std::vector<WatchId> folders = {};
  bool everything = false;  // something was lost: every folder is worth another look
  bool ended = false;       // nothing will come any more
};

class ChangeSource {
 public:
  virtual ~ChangeSource() = default;

  // Watches the folder with this path below the watched directory ("" is the directory itself). A
  // folder that is watched already keeps its WatchId. Blocks shortly; from any thread.
  [[nodiscard]] virtual std::expected<WatchId, WatchError> watch(const std::string& path) = 0;
  virtual void unwatch(WatchId id) = 0;

  // Waits for changes. A cancelled caller resumes at once with none. One caller at a time.
  [[nodiscard]] virtual Task<Changes> next() = 0;
};

}  // namespace bitvault::watch
