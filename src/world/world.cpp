#include "world/world.h"

#include <array>
#include <bit>
#include <boost/asio/this_coro.hpp>
#include <limits>

#include "base/check.h"

namespace bitvault {

std::uint64_t Random::below(std::uint64_t bound) {
  check(bound > 0, "a random number needs room");
  // Values past the last whole multiple of `bound` are drawn again, so that none is favoured.
  const std::uint64_t biased = (std::numeric_limits<std::uint64_t>::max() % bound + 1) % bound;
  while (true) {
    std::array<std::byte, 8> bytes;
    fill(bytes);
    const auto value = std::bit_cast<std::uint64_t>(bytes);
    if (value <= std::numeric_limits<std::uint64_t>::max() - biased) {
      return value % bound;
    }
  }
}

Task<bool> is_cancelled() {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  co_return state.cancelled() != boost::asio::cancellation_type::none;
}

}  // namespace bitvault
