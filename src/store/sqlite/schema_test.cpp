#include "store/sqlite/schema.h"

#include <gtest/gtest.h>

#include <string>

namespace bitvault {
namespace {

// Each connection to ":memory:" is a database of its own.
Connection empty_database() { return {":memory:", "", Connection::Mode::kWrite, true}; }

TEST(Schema, IsMadeOnceAndKeptThen) {
  Connection database = empty_database();
  ASSERT_TRUE(migrate(database));
  EXPECT_EQ(database.integer("PRAGMA user_version"), current_version());
  EXPECT_EQ(database.integer("PRAGMA application_id"), kApplicationId);
  database.execute("INSERT INTO setting VALUES ('name', x'00')");
  ASSERT_TRUE(migrate(database));
  EXPECT_EQ(database.integer("SELECT count(*) FROM setting"), 1);
}

TEST(Schema, RefusesAFileOfANewerProgram) {
  Connection database = empty_database();
  ASSERT_TRUE(migrate(database));
  database.execute("PRAGMA user_version=" + std::to_string(current_version() + 1));
  const auto status = migrate(database);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().detail.find("run the newer program"), std::string::npos);
}

TEST(Schema, RefusesAFileOfAnotherProgram) {
  Connection database = empty_database();
  database.execute("CREATE TABLE theirs (x)");
  const auto status = migrate(database);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().detail.find("was not made by"), std::string::npos);
}

TEST(Schema, TakesAFileOfTheFirstVersionOn) {
  Connection database = empty_database();
  ASSERT_TRUE(migrate(database, 1));
  database.execute(
      "INSERT INTO tenant VALUES (7, 'acme', 'abcdefgh2345', 0, '', NULL, 5, NULL, 0, 99, 3, 1, "
      "50)");
  ASSERT_TRUE(migrate(database));
  EXPECT_EQ(database.integer("PRAGMA user_version"), current_version());
  EXPECT_EQ(database.integer("SELECT swept + forgotten FROM tenant WHERE number = 7"), 2);
  EXPECT_EQ(database.integer("SELECT summarized FROM tenant WHERE number = 7"), 0);
  EXPECT_EQ(
      database.integer("SELECT count(*) FROM epoch WHERE tenant = 7 AND place = 1 AND first = 1"
                       " AND name = 'abcdefgh2345' AND began = 99"),
      1);
}

TEST(Schema, FindsEventsAndIdsWithoutScanning) {
  Connection database = empty_database();
  ASSERT_TRUE(migrate(database));
  for (const std::string query :
       {"SELECT bytes FROM journal WHERE tenant=1 AND sequence>5 AND sequence<9 ORDER BY sequence",
        "SELECT bytes FROM journal WHERE tenant=1 AND sequence>=5 AND sequence<9 ORDER BY sequence",
        "SELECT sequence FROM event_id WHERE id='a' AND tenant=1",
        "SELECT 1 FROM hold WHERE tenant=1 AND sequence=2",
        "SELECT summary FROM block_summary WHERE tenant=1 AND block>=2 ORDER BY block",
        "SELECT value FROM record WHERE tenant=1 AND collection='c' AND key>x'00' ORDER BY key"}) {
    Statement plan(database, "EXPLAIN QUERY PLAN " + query);
    auto row = plan.run();
    ASSERT_TRUE(row.next());
    EXPECT_TRUE(row.bytes(3).starts_with("SEARCH")) << row.bytes(3);
    EXPECT_FALSE(row.next()) << row.bytes(3);
  }
}

}  // namespace
}  // namespace bitvault
