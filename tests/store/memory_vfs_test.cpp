#include "tests/store/memory_vfs.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace bitvault::test {
namespace {

using Kind = VfsFault::Kind;
using Op = VfsCall::Op;
using Unsynced = MemoryVfs::Unsynced;

class Database {
 public:
  explicit Database(const MemoryVfs& vfs, const char* mode = "WAL") {
    sqlite3_open_v2("test.db", &database_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                    vfs.name().c_str());
    run("PRAGMA synchronous=EXTRA");
    run(std::string("PRAGMA journal_mode=") + mode);
    run("PRAGMA wal_autocheckpoint=0");
  }
  ~Database() { sqlite3_close(database_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  int run(const std::string& sql) {
    return sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) & 0xff;
  }
  // The first value, or -1 when there is none or it cannot be read.
  int value(const char* sql) {
    int found = -1;
    const auto take = [](void* out, int, char** values, char**) {
      *static_cast<int*>(out) = std::atoi(values[0]);
      return 0;
    };
    sqlite3_exec(database_, sql, take, &found, nullptr);
    return found;
  }
  int rows() { return value("SELECT count(*) FROM t"); }

 private:
  sqlite3* database_ = nullptr;
};

TEST(MemoryVfs, ServesSeveralConnections) {
  MemoryVfs vfs(1);
  for (const char* mode : {"WAL", "DELETE"}) {
    Database writer(vfs, mode);
    Database reader(vfs, mode);
    EXPECT_EQ(writer.run("CREATE TABLE t (x); INSERT INTO t VALUES (1)"), SQLITE_OK);
    EXPECT_EQ(reader.rows(), 1) << mode;
    EXPECT_EQ(writer.run("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)"), SQLITE_OK);
    EXPECT_EQ(reader.rows(), 1) << mode;
    EXPECT_EQ(reader.run("BEGIN IMMEDIATE"), SQLITE_BUSY) << mode;
    EXPECT_EQ(writer.run("COMMIT"), SQLITE_OK);
    EXPECT_EQ(reader.rows(), 2) << mode;
    EXPECT_EQ(reader.value("PRAGMA wal_checkpoint(TRUNCATE)"), 0);  // not busy
    EXPECT_EQ(writer.run("DROP TABLE t"), SQLITE_OK);
  }
}

TEST(MemoryVfs, KeepsWhatWasSyncedOverACrash) {
  for (const auto unsynced : {Unsynced::kLost, Unsynced::kHalf, Unsynced::kKept}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      MemoryVfs vfs(seed);
      Database before(vfs);
      before.run("CREATE TABLE t (x)");
      for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(before.run("INSERT INTO t VALUES (zeroblob(1000))"), SQLITE_OK);
        if (i == 10) {
          before.run("PRAGMA wal_checkpoint(PASSIVE)");
        }
      }
      vfs.crash(unsynced);
      Database after(vfs);
      EXPECT_EQ(after.rows(), 20);
      EXPECT_EQ(after.value("PRAGMA integrity_check"), 0);  // "ok"
    }
  }
}

TEST(MemoryVfs, LosesWhatWasNotSynced) {
  MemoryVfs vfs(1);
  Database before(vfs);
  before.run("CREATE TABLE t (x)");
  before.run("PRAGMA synchronous=OFF");
  before.run("INSERT INTO t VALUES (1)");
  vfs.crash(Unsynced::kKept);
  {
    Database survivor(vfs);
    EXPECT_EQ(survivor.rows(), 1);
    survivor.run("PRAGMA wal_checkpoint(PASSIVE)");  // nothing was written that would need a sync
    vfs.crash(Unsynced::kLost);
  }
  Database after(vfs);
  EXPECT_EQ(after.rows(), 1);  // the checkpoint synced it

  after.run("PRAGMA synchronous=OFF");
  after.run("INSERT INTO t VALUES (2)");
  vfs.crash(Unsynced::kLost);
  EXPECT_EQ(Database(vfs).rows(), 1);
}

TEST(MemoryVfs, FailsWhatWasOpenBeforeACrash) {
  MemoryVfs vfs(1);
  Database before(vfs);
  before.run("CREATE TABLE t (x)");
  vfs.crash(Unsynced::kKept);
  Database after(vfs);
  EXPECT_EQ(before.run("INSERT INTO t VALUES (1)"), SQLITE_IOERR);
  EXPECT_EQ(after.run("INSERT INTO t VALUES (1)"), SQLITE_OK);
  EXPECT_EQ(after.rows(), 1);
}

TEST(MemoryVfs, FailsWhenItIsTold) {
  struct Case {
    Op op;
    VfsFault fault;
    int expected;
  };
  const Case cases[] = {
      {Op::kWrite, {Kind::kBefore}, SQLITE_IOERR},
      {Op::kWrite, {Kind::kTorn}, SQLITE_IOERR},
      {Op::kWrite, {Kind::kBefore, true}, SQLITE_FULL},
      {Op::kSync, {Kind::kBefore}, SQLITE_IOERR},
      {Op::kSync, {Kind::kAfter}, SQLITE_IOERR},
      {Op::kSync, {Kind::kPowerOff}, SQLITE_IOERR},
  };
  for (const auto& [op, fault, expected] : cases) {
    bool done = false;
    MemoryVfs vfs(1);
    Database database(vfs);
    database.run("CREATE TABLE t (x)");
    vfs.decide_by([&](const VfsCall& call) {
      return call.op == op && !std::exchange(done, true) ? fault : VfsFault{};
    });
    const auto calls = vfs.calls();
    EXPECT_EQ(database.run("INSERT INTO t VALUES (1)"), expected);
    EXPECT_GT(vfs.calls(), calls);
    const bool dead = fault.kind == Kind::kPowerOff;
    EXPECT_EQ(database.run("INSERT INTO t VALUES (2)"), dead ? SQLITE_IOERR : SQLITE_OK);
    EXPECT_EQ(database.rows(), dead ? -1 : 1);
  }
}

TEST(MemoryVfs, AFailedSyncMayForget) {
  MemoryVfs vfs(1);
  Database database(vfs);
  database.run("CREATE TABLE t (x)");
  vfs.decide_by([](const VfsCall& call) {
    return VfsFault{call.op == Op::kSync ? Kind::kTorn : Kind::kNone};
  });
  EXPECT_EQ(database.run("INSERT INTO t VALUES (1)"), SQLITE_IOERR);
  vfs.decide_by({});
  vfs.crash(Unsynced::kKept);  // the process that looks next sees what no disk holds
  EXPECT_EQ(Database(vfs).rows(), 1);
}

TEST(MemoryVfs, IsTheSameForTheSameSeed) {
  const auto surviving = [](std::uint64_t seed) {
    MemoryVfs vfs(seed);
    Database before(vfs);
    before.run("CREATE TABLE t (x)");
    before.run("PRAGMA wal_checkpoint(TRUNCATE)");
    before.run("PRAGMA synchronous=OFF");
    for (int i = 0; i < 50; ++i) {
      before.run("INSERT INTO t VALUES (1)");
    }
    vfs.crash(Unsynced::kHalf);
    return Database(vfs).rows();
  };
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    EXPECT_EQ(surviving(seed), surviving(seed));
  }
}

}  // namespace
}  // namespace bitvault::test
