// ADDRESS:PORT, as options name where to listen.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace bitvault::cli {

struct ListenAddress {
  std::string address;     // an IP address
  std::uint16_t port = 0;  // 0: any free one
};

// "127.0.0.1:8080", "localhost:8080", "[::1]:8080". Error: kInvalid.
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace bitvault::cli
