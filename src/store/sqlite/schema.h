// The tables of journal.db, and the steps by which older files become current ones.
//
// The version of a file stands in PRAGMA user_version: version n means that the first n steps were
// taken. Steps only go forward, each in a transaction of its own.
#pragma once

#include "base/error.h"
#include "store/sqlite/connection.h"

namespace bitvault {

inline constexpr std::int64_t kApplicationId = 0x42564556;  // "BVEV"

// Settings of a connection that writes. They make a commit durable when it returns.
void configure_writer(Connection& connection);
void configure_reader(Connection& connection);

// Brings the file to the current version. Error: kUnavailable for a file of a newer program or of
// another one. Throws SqliteFailure.
[[nodiscard]] Status migrate(Connection& connection);

// The version that migrate() leads to.
[[nodiscard]] std::int64_t current_version();

}  // namespace bitvault
