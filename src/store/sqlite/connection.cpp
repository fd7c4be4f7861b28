#include "store/sqlite/connection.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <bit>
#include <cerrno>

namespace bitvault {
namespace {

constexpr int kBusyTimeoutMillis = 1'000;

}  // namespace

bool SqliteFailure::of_the_statement() const {
  switch (extended_code_ & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
      return true;
    default:
      return false;
  }
}

bool SqliteFailure::is_busy() const { return (extended_code_ & 0xff) == SQLITE_BUSY; }

Error SqliteFailure::error() const {
  if ((extended_code_ & 0xff) == SQLITE_FULL) {
    return {Code::kUnavailable, "the disk is full", {}};
  }
  return {Code::kUnavailable,
          fmt::format("the storage failed: {} (SQLite code {})", what_, extended_code_),
          {}};
}

Connection::Connection(const std::string& file, const std::string& vfs, Mode mode, bool create) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (create ? SQLITE_OPEN_CREATE : 0);
  const int code =
      sqlite3_open_v2(file.c_str(), &database_, flags, vfs.empty() ? nullptr : vfs.c_str());
  try {
    if (code != SQLITE_OK) {
      raise(code);
    }
    sqlite3_busy_timeout(database_, kBusyTimeoutMillis);
    if (mode == Mode::kRead) {
      execute("PRAGMA query_only=ON");
    }
  } catch (...) {
    sqlite3_close(database_);
    throw;
  }
}

Connection::~Connection() { sqlite3_close(database_); }

void Connection::execute(const std::string& sql) {
  if (const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
      code != SQLITE_OK) {
    raise(code);
  }
}

std::int64_t Connection::integer(const std::string& sql) {
  Statement statement(*this, sql);
  Statement::Run row = statement.run();
  return row.next() ? row.integer(0) : 0;
}

std::int64_t Connection::checkpoint_passive() {
  int copied = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, &copied);
  return code == SQLITE_OK && copied > 0 ? copied * page_bytes() : 0;
}

std::int64_t Connection::page_bytes() {
  if (page_bytes_ == 0) {
    page_bytes_ = integer("PRAGMA page_size");
  }
  return page_bytes_;
}

void Connection::checkpoint_truncate() { checkpoint_whole(SQLITE_CHECKPOINT_TRUNCATE); }

void Connection::checkpoint_restart() { checkpoint_whole(SQLITE_CHECKPOINT_RESTART); }

void Connection::checkpoint_whole(int mode) {
  const int code = sqlite3_wal_checkpoint_v2(database_, nullptr, mode, nullptr, nullptr);
  if (code != SQLITE_OK) {
    raise(code);
  }
  wal_pages_ = 0;
}

void Connection::watch_wal() {
  static_cast<void>(page_bytes());
  const auto note = [](void* self, sqlite3*, const char*, int pages) {
    static_cast<Connection*>(self)->wal_pages_ = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(database_, note, this);
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }

void Connection::raise(int code) const {
  // A file that cannot grow fails in several ways; what the user has to know is one.
  const bool full = (code & 0xff) == SQLITE_IOERR && database_ != nullptr &&
                    sqlite3_system_errno(database_) == ENOSPC;
  throw SqliteFailure(full ? SQLITE_FULL : code,
                      database_ != nullptr ? sqlite3_errmsg(database_) : sqlite3_errstr(code));
}

Statement::Statement(Connection& connection, std::string_view sql) : connection_(connection) {
  const int code = sqlite3_prepare_v3(connection.raw(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (code != SQLITE_OK) {
    connection.raise(code);
  }
}

Statement::~Statement() { sqlite3_finalize(statement_); }

std::int64_t Statement::Run::integer(int column) const {
  return sqlite3_column_int64(statement_.statement_, column);
}

bool Statement::Run::is_null(int column) const {
  return sqlite3_column_type(statement_.statement_, column) == SQLITE_NULL;
}

std::string_view Statement::Run::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.statement_, column);
  const int size = sqlite3_column_bytes(statement_.statement_, column);
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

void Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
}

void Statement::bind(int index, std::string_view text) {
  const char* data = text.data() != nullptr ? text.data() : "";  // null would bind NULL
  sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind(int index, std::span<const std::byte> blob) {
  if (blob.empty()) {  // a null pointer would bind NULL
    sqlite3_bind_zeroblob(statement_, index, 0);
    return;
  }
  sqlite3_bind_blob64(statement_, index, blob.data(), blob.size(), SQLITE_STATIC);
}

void Statement::bind(int index, const std::optional<std::uint64_t>& value) {
  if (value) {
    sqlite3_bind_int64(statement_, index, std::bit_cast<std::int64_t>(*value));
  } else {
    sqlite3_bind_null(statement_, index);
  }
}

void Statement::bind(int index, const std::optional<std::string_view>& text) {
  if (text) {
    bind(index, *text);
  } else {
    sqlite3_bind_null(statement_, index);
  }
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code != SQLITE_DONE) {
    connection_.raise(code);
  }
  return false;
}

void Statement::reset() { sqlite3_reset(statement_); }

std::int64_t Statement::changes() const { return sqlite3_changes64(connection_.raw()); }

}  // namespace bitvault
