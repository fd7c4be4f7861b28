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

// The version that this program writes.
[[nodiscard]] std::int64_t current_version();

// Brings the file to that version, or to an earlier one. Error: kUnavailable for a file of a newer
// program or of another one. Throws SqliteFailure.
[[nodiscard]] Status migrate(Connection& connection, std::int64_t to = current_version());

}  // namespace bitvault
