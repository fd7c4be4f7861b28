// How our values stand in the columns of journal.db.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "base/crypto.h"
#include "base/sequence.h"
#include "base/text.h"
#include "base/time.h"
#include "store/sqlite/connection.h"

namespace bitvault {

[[nodiscard]] inline std::int64_t integer(Sequence sequence) {
  return static_cast<std::int64_t>(sequence.value);
}

[[nodiscard]] inline std::int64_t integer(WallTime time) { return time.time_since_epoch().count(); }

[[nodiscard]] inline Sequence sequence(const Statement::Run& row, int column) {
  return {static_cast<std::uint64_t>(row.integer(column))};
}

[[nodiscard]] inline WallTime wall_time(const Statement::Run& row, int column) {
  return WallTime{Duration{row.integer(column)}};
}

[[nodiscard]] inline Digest digest(const Statement::Run& row, int column) {
  const std::string_view bytes = row.bytes(column);
  Digest digest{};
  check(bytes.size() == digest.size(), "a leaf has 32 bytes");
  std::ranges::copy(as_bytes(bytes), digest.begin());
  return digest;
}

}  // namespace bitvault
