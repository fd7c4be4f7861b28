// A node: a file or folder below a watched directory, as the watcher last committed it.
//
// A node keeps its id for as long as it is in the table. What ties it to the disk is its identity:
// the device, the inode and, since inodes are used again, the time of birth.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/crypto.h"

namespace bitvault::watch {

struct Identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t born_ns = 0;  // 0 where the file system does not say
  auto operator<=>(const Identity&) const = default;
};

enum class Kind : std::uint8_t { kFile, kFolder };

// "n_" and 24 hexadecimal digits.
class NodeId {
 public:
  static constexpr std::size_t kRandomBytes = 12;

  [[nodiscard]] static NodeId make(std::span<const std::byte, kRandomBytes> random);
  [[nodiscard]] static std::optional<NodeId> parse(std::string_view text);

  [[nodiscard]] std::string text() const;
  auto operator<=>(const NodeId&) const = default;

 private:
  NodeId() = default;
  std::array<std::byte, kRandomBytes> bytes_{};
};

// What a file holds, as far as it was looked at. Folders have none of it.
struct FileState {
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;    // since 1970
  std::optional<Digest> checksum;  // absent: too large, not readable or never at rest
  bool operator==(const FileState&) const = default;
};

// A node's place in a NodeTable. Used again after the node is erased.
enum class NodeRef : std::uint32_t {};
inline constexpr NodeRef kRoot{0};  // the watched directory itself
inline constexpr NodeRef kNoNode{0xffff'ffff};

struct Node {
  NodeId id;
  Kind kind;
  std::uint32_t version;
  Identity identity;
  FileState file;
  std::string name;          // raw bytes
  NodeRef parent = kNoNode;  // kNoNode for the root alone
  bool told = true;          // false: no event has told of it (told.h)
};

}  // namespace bitvault::watch

template <>
struct std::hash<bitvault::watch::Identity> {
  std::size_t operator()(const bitvault::watch::Identity& identity) const noexcept {
    constexpr std::size_t kMix = 0x9e37'79b9'7f4a'7c15;
    std::size_t value = identity.inode * kMix;
    value ^= (value >> 32) + identity.device;
    return (value * kMix) ^ static_cast<std::size_t>(identity.born_ns);
  }
};

template <>
struct std::hash<bitvault::watch::NodeRef> {
  std::size_t operator()(bitvault::watch::NodeRef ref) const noexcept {
    return std::hash<std::uint32_t>{}(static_cast<std::uint32_t>(ref));
  }
};
