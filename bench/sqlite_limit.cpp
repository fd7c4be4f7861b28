// The limit for durable publishing: SQLite alone, committing the rows of the journal.
// sqlite_limit FOLDER SECONDS BATCH BYTES: prints events a second.
//
// The tables and indices are the store's own, made by the store; the rows have the same columns and
// sizes. What is left out is everything else: parsing, validating, encoding, hashing, HTTP.

#include <fmt/core.h>
#include <sqlite3.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "event/id.h"
#include "net/real_world.h"
#include "store/sqlite/sqlite_store.h"

namespace {

using namespace bitvault;
using Stopwatch = std::chrono::steady_clock;

[[noreturn]] void stop(const std::string& why) {
  fmt::print(stderr, "sqlite_limit: {}\n", why);
  std::exit(1);
}

Task<> make_tenant(Store& store) {
  const Result<TenantPut> put = co_await store.put_tenant(*TenantName::parse("bench"), {});
  if (!put) {
    stop(put.error().detail);
  }
}

void make_tables(const std::string& folder, RealWorld& world) {
  boost::asio::thread_pool pool(1);
  boost::asio::io_context context;
  auto store = SqliteStore::open(
      {.folder = folder, .writer = pool.get_executor(), .readers = pool.get_executor()}, world,
      [](const TenantName&, const JournalHead&) {});
  if (!store) {
    stop(store.error().detail);
  }
  boost::asio::co_spawn(context, make_tenant(**store), [](std::exception_ptr failure) {
    if (failure) {
      stop("the tenant cannot be made");
    }
  });
  context.run();
  store->reset();
  pool.join();
}

class Database {
 public:
  explicit Database(const std::string& file) {
    if (sqlite3_open(file.c_str(), &database_) != SQLITE_OK) {
      stop(sqlite3_errmsg(database_));
    }
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("PRAGMA cache_size=-65536");
  }
  ~Database() {
    for (sqlite3_stmt* statement : statements_) {
      sqlite3_finalize(statement);
    }
    sqlite3_close(database_);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr) != SQLITE_OK) {
      stop(sqlite3_errmsg(database_));
    }
    statements_.push_back(statement);
    return statement;
  }
  void step(sqlite3_stmt* statement) {
    const int code = sqlite3_step(statement);
    if (code != SQLITE_DONE && code != SQLITE_ROW) {
      stop(sqlite3_errmsg(database_));
    }
    sqlite3_reset(statement);
  }

 private:
  void run(const char* sql) {
    if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      stop(sqlite3_errmsg(database_));
    }
  }
  sqlite3* database_ = nullptr;
  std::vector<sqlite3_stmt*> statements_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    stop("usage: sqlite_limit FOLDER SECONDS BATCH BYTES");
  }
  const std::string folder = argv[1];
  const auto duration = std::chrono::duration<double>(std::atof(argv[2]));
  const int batch = std::atoi(argv[3]);
  const std::string bytes(static_cast<std::size_t>(std::atoi(argv[4])), 'x');
  const std::string leaf(32, 'l');
  RealWorld world;
  make_tables(folder, world);

  Database database(folder + "/journal.db");
  sqlite3_stmt* begin = database.prepare("BEGIN IMMEDIATE");
  sqlite3_stmt* commit = database.prepare("COMMIT");
  sqlite3_stmt* row = database.prepare(
      "INSERT INTO journal (tenant, sequence, recordedtime, leaf, bytes) VALUES (1, ?, ?, ?, ?)");
  sqlite3_stmt* id_row =
      database.prepare("INSERT INTO event_id (id, tenant, sequence) VALUES (?, 1, ?)");
  sqlite3_stmt* head = database.prepare("UPDATE tenant SET head=?, recordedtime=? WHERE number=1");
  std::int64_t sequence = 0;
  const auto started = Stopwatch::now();
  while (Stopwatch::now() - started < duration) {
    database.step(begin);
    for (int i = 0; i < batch; ++i) {
      ++sequence;
      std::array<std::byte, 10> random;
      world.random().fill(random);
      const std::string id = EventId::make(world.clock().wall(), random).str();
      sqlite3_bind_int64(row, 1, sequence);
      sqlite3_bind_int64(row, 2, sequence);
      sqlite3_bind_blob(row, 3, leaf.data(), static_cast<int>(leaf.size()), SQLITE_STATIC);
      sqlite3_bind_blob(row, 4, bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
      database.step(row);
      sqlite3_bind_text(id_row, 1, id.data(), static_cast<int>(id.size()), SQLITE_STATIC);
      sqlite3_bind_int64(id_row, 2, sequence);
      database.step(id_row);
    }
    sqlite3_bind_int64(head, 1, sequence);
    sqlite3_bind_int64(head, 2, sequence);
    database.step(head);
    database.step(commit);
  }
  const std::chrono::duration<double> elapsed = Stopwatch::now() - started;
  fmt::print("{:.0f}\n", static_cast<double>(sequence) / elapsed.count());
}
