#include "watch/node.h"

#include <algorithm>

#include "base/text.h"

namespace bitvault::watch {
namespace {

std::optional<unsigned> digit(char c) {
  if (c >= '0' && c <= '9') {
    return static_cast<unsigned>(c - '0');
  }
  if (c >= 'a' && c <= 'f') {
    return static_cast<unsigned>(c - 'a') + 10;
  }
  return std::nullopt;
}

}  // namespace

NodeId NodeId::make(std::span<const std::byte, kRandomBytes> random) {
  NodeId id;
  std::ranges::copy(random, id.bytes_.begin());
  return id;
}

std::optional<NodeId> NodeId::parse(std::string_view text) {
  if (!text.starts_with("n_") || text.size() != 2 + 2 * kRandomBytes) {
    return std::nullopt;
  }
  NodeId id;
  for (std::size_t i = 0; i < kRandomBytes; ++i) {
    const auto high = digit(text[2 + 2 * i]);
    const auto low = digit(text[3 + 2 * i]);
    if (!high || !low) {
      return std::nullopt;
    }
    id.bytes_[i] = static_cast<std::byte>(*high * 16 + *low);
  }
  return id;
}

std::string NodeId::text() const { return "n_" + hex(bytes_); }

}  // namespace bitvault::watch
