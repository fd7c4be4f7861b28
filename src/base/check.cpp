#include "base/check.h"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>

namespace bitvault {

void check_failed(std::string_view what, const std::source_location& where) {
  fmt::print(stderr, "bitvault-events: broken invariant: {} ({}:{})\n", what, where.file_name(),
             where.line());
  std::abort();
}

}  // namespace bitvault
