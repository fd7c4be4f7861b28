// SQLite's C interface as two owning types: a Connection and the Statements prepared on it.
//
// A failure of SQLite is thrown as SqliteFailure. It never leaves this folder: it ends one unit of
// work, the writer's batch or one read, and is caught where that unit is run.
//
// A Connection and its Statements are used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace bitvault {

class SqliteFailure final : public std::exception {
 public:
  SqliteFailure(int extended_code, std::string what)
      : extended_code_(extended_code), what_(std::move(what)) {}

  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
  // SQLite's extended result code.
  [[nodiscard]] int code() const { return extended_code_; }
  // Whether what was written is at fault rather than the storage: a constraint, a size.
  [[nodiscard]] bool of_the_statement() const;
  // Whether another connection was in the way.
  [[nodiscard]] bool is_busy() const;
  // kUnavailable, saying what is wrong with the storage.
  [[nodiscard]] Error error() const;

 private:
  int extended_code_;
  std::string what_;
};

class Connection {
 public:
  enum class Mode : std::uint8_t { kWrite, kRead };

  // Opens `file`, which must exist unless `create` is set. An empty `vfs` is SQLite's default.
  Connection(const std::string& file, const std::string& vfs, Mode mode, bool create = false);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs statements without parameters whose rows do not matter.
  void execute(const std::string& sql);
  // The first value of the first row.
  [[nodiscard]] std::int64_t integer(const std::string& sql);

  // Copies what it can without waiting for anybody, and returns how many bytes of the WAL are
  // copied by now. It does not fail: what was not copied, for whatever reason, stays in the WAL;
  // then it returns 0. When all is copied and nobody reads from the WAL, the next commit writes
  // over it from its beginning: a file that keeps its size is cheaper to sync than one that grows.
  std::int64_t checkpoint_passive();
  // Copies everything and empties the WAL; fails while a reader is in the way for too long.
  void checkpoint_truncate();
  // Copies everything, and waits for the readers, so that the next commit does write over the WAL
  // from its beginning.
  void checkpoint_restart();

  // Bytes of the WAL as of the last commit of this connection.
  [[nodiscard]] std::int64_t wal_bytes() const { return wal_pages_ * page_bytes_; }
  void watch_wal();

  // Whether a transaction is open.
  [[nodiscard]] bool in_transaction() const;

  [[nodiscard]] sqlite3* raw() const { return database_; }
  [[noreturn]] void raise(int code) const;

 private:
  void checkpoint_whole(int mode);
  [[nodiscard]] std::int64_t page_bytes();

  sqlite3* database_ = nullptr;
  std::int64_t wal_pages_ = 0;
  std::int64_t page_bytes_ = 0;  // known when it is needed first
};

// A prepared statement, kept as long as its connection.
class Statement {
 public:
  Statement(Connection& connection, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // One execution: rows are taken by next(), and the statement is free again when it goes.
  class Run {
   public:
    explicit Run(Statement& statement) : statement_(statement) {}
    ~Run() { statement_.reset(); }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    // Whether there is a row.
    [[nodiscard]] bool next() { return statement_.step(); }
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] bool is_null(int column) const;
    // The bytes of a text or blob, valid until next().
    [[nodiscard]] std::string_view bytes(int column) const;

   private:
    Statement& statement_;
  };

  // Binds the parameters in order. What they refer to must live as long as the Run.
  template <class... Parameters>
  [[nodiscard]] Run run(const Parameters&... parameters) {
    int index = 0;
    (bind(++index, parameters), ...);
    return Run(*this);
  }
  // Runs to the end and says how many rows changed.
  template <class... Parameters>
  std::int64_t execute(const Parameters&... parameters) {
    Run execution = run(parameters...);
    while (execution.next()) {
    }
    return changes();
  }

 private:
  void bind(int index, std::int64_t value);
  void bind(int index, std::string_view text);            // as TEXT
  void bind(int index, std::span<const std::byte> blob);  // as BLOB
  void bind(int index, const std::optional<std::uint64_t>& value);
  void bind(int index, const std::optional<std::string_view>& text);  // as TEXT
  bool step();
  void reset();
  [[nodiscard]] std::int64_t changes() const;

  Connection& connection_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace bitvault
