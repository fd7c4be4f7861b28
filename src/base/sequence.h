// The tenant's number: an event's place in its tenant's journal.
//
// Sequences start at 1 and have no gaps. A Sequence of 0 means "before the first event": as a
// position it says that nothing was read yet. A position n says that 1..n were read, so it is also
// the size of the Merkle tree over those events.
#pragma once

#include <compare>
#include <cstdint>

namespace bitvault {

struct Sequence {
  std::uint64_t value = 0;

  constexpr auto operator<=>(const Sequence&) const = default;
  [[nodiscard]] constexpr Sequence next() const { return {value + 1}; }
  [[nodiscard]] constexpr Sequence plus(std::uint64_t count) const { return {value + count}; }
};

}  // namespace bitvault
