// A Tree is a directory of some file system, as the watcher looks at it.
//
// Paths are raw bytes below the directory, "" for the directory itself. Only files and folders
// exist: symbolic links, sockets, pipes and devices are neither shown nor followed. Every call may
// block, and is made on the pool for blocking work, one at a time.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "watch/node.h"

namespace bitvault::watch {

// One entry of a folder.
struct Seen {
  std::string name;
  Kind kind = Kind::kFile;
  Identity identity;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::uint32_t links = 1;  // names of this file, wherever they are
};

struct Listing {
  Identity identity;  // of the folder itself
  std::vector<Seen> entries;
};

enum class LookError : std::uint8_t {
  kGone,           // there is no folder with this path
  kUnreadable,     // there may be one: nothing follows from this
  kNoDescriptors,  // there are no means to look now: too many files are open
  kNoMemory,       // likewise
};

[[nodiscard]] constexpr bool is_lack(LookError error) {
  return error == LookError::kNoDescriptors || error == LookError::kNoMemory;
}

// What came of reading a file.
struct Content {
  enum class State : std::uint8_t {
    kKnown,     // `file` is what it holds; without checksum if it is too large or may not be read
    kChanging,  // it was written to while it was read
    kGone,      // there is no such file
  };
  State state = State::kGone;
  Identity identity;
  FileState file;
  std::int64_t touched_ns = 0;  // when the file system last changed anything about it, since 1970
  std::optional<LookError> lack = {};  // why nobody can say now; nothing else is set
};

class Tree {
 public:
  virtual ~Tree() = default;

  // The identity of the directory itself.
  [[nodiscard]] virtual std::expected<Identity, LookError> root() = 0;
  [[nodiscard]] virtual std::expected<Listing, LookError> list(const std::string& path) = 0;
  // Reads a file of at most `bytes_max` bytes; a larger one has no checksum.
  [[nodiscard]] virtual Content read(const std::string& path, std::uint64_t bytes_max) = 0;
};

}  // namespace bitvault::watch
