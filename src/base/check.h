// check() guards what the program itself must never break. It stays on in release and ends the
// process: nothing a client can cause may reach it.
#pragma once

#include <source_location>
#include <string_view>

namespace bitvault {

[[noreturn]] void check_failed(std::string_view what, const std::source_location& where);

inline void check(bool holds, std::string_view what,
                  const std::source_location& where = std::source_location::current()) {
  if (!holds) [[unlikely]] {
    check_failed(what, where);
  }
}

}  // namespace bitvault
