// What is particular to the embedded store: its files, limits, group commits and end.

#include "store/sqlite/sqlite_store.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/store/make_event.h"
#include "tests/store/memory_vfs.h"
#include "tests/store/single_thread.h"
#include "tests/store/temporary_folder.h"
#include "tests/store/test_world.h"

namespace bitvault::test {
namespace {

constexpr Collection kThings{"thing"};

using Answers = std::vector<std::optional<Result<Committed>>>;

// How many answers there are in the instant in which `commit` is answered.
Task<std::ptrdiff_t> answered_before(Task<Result<Committed>> commit, const Answers& answers) {
  const Result<Committed> committed = co_await std::move(commit);
  EXPECT_TRUE(committed);
  co_return std::ranges::count_if(answers, [](const auto& answer) { return answer.has_value(); });
}

class SqliteStoreTest : public testing::Test {
 protected:
  SqliteOptions options() {
    return {.folder = folder_.path() + "/data",
            .writer = thread_.executor(),
            .readers = thread_.executor(),
            .vfs = ""};
  }
  std::string file() const { return folder_.path() + "/data/journal.db"; }

  void open() { open(options()); }
  void open(SqliteOptions with) {
    store_.reset();
    auto opened =
        SqliteStore::open(std::move(with), world_, [](const TenantName&, const JournalHead&) {});
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = std::move(*opened);
  }
  void open_with_tenant() {
    open();
    ASSERT_TRUE(run(store_->put_tenant(acme_, {})));
  }
  std::string refusal(SqliteOptions with) {
    const auto opened =
        SqliteStore::open(std::move(with), world_, [](const TenantName&, const JournalHead&) {});
    return opened ? "" : opened.error().detail;
  }
  // Changes the file while no store has it open.
  std::int64_t by_hand(const std::string& sql) {
    store_.reset();
    Connection connection(file(), "", Connection::Mode::kWrite);
    return connection.integer(sql);
  }

  template <class T>
  T run(Task<T> task) {
    return thread_.run(std::move(task));
  }
  Transaction events(std::vector<std::string> ids, std::string_view note = "") {
    Transaction transaction(acme_);
    for (const auto& id : ids) {
      transaction.append(given_event(acme_, id, note));
    }
    return transaction;
  }

  const TenantName acme_ = tenant_name("acme");
  const TenantName other_ = tenant_name("other");
  TemporaryFolder folder_;
  SingleThread thread_;
  TestWorld world_;
  MemoryVfs vfs_{1};
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(SqliteStoreTest, RefusesAFolderThatIsInUse) {
  open();
  EXPECT_TRUE(refusal(options()).ends_with("/data is in use by another bitvault-events (pid " +
                                           std::to_string(::getpid()) + ")"));
  store_.reset();
  EXPECT_EQ(refusal(options()), "");
}

TEST_F(SqliteStoreTest, RefusesAFileOfANewerVersion) {
  open();
  by_hand("PRAGMA user_version=1000");
  EXPECT_NE(refusal(options()).find("schema version 1000"), std::string::npos);
}

TEST_F(SqliteStoreTest, RefusesWhatIsNoDatabase) {
  open();
  store_.reset();
  std::filesystem::resize_file(file(), 10);
  EXPECT_NE(refusal(options()), "");
}

TEST_F(SqliteStoreTest, SharesOneSyncAmongAllThatWait) {
  auto in_memory = options();
  in_memory.vfs = vfs_.name();
  open(in_memory);
  ASSERT_TRUE(run(store_->put_tenant(acme_, {})));
  int syncs = 0;
  vfs_.decide_by([&](const VfsCall& call) {
    syncs += call.op == VfsCall::Op::kSync ? 1 : 0;
    return VfsFault{};
  });
  std::vector<std::optional<Result<Committed>>> answers(100);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    thread_.start(store_->commit(events({std::to_string(i)})), answers[i]);
  }
  thread_.run_all();
  for (const auto& answer : answers) {
    EXPECT_TRUE(answer && answer->has_value());
  }
  EXPECT_EQ(syncs, 1);
  vfs_.decide_by({});
}

TEST_F(SqliteStoreTest, RefusesCommitsPastTheQueue) {
  auto narrow = options();
  narrow.commits.queue_requests_max = 2;
  open(narrow);
  ASSERT_TRUE(run(store_->put_tenant(acme_, {})));
  std::vector<std::optional<Result<Committed>>> answers(3);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    thread_.start(store_->commit(events({std::to_string(i)})), answers[i]);
  }
  thread_.run_all();
  EXPECT_TRUE(answers[0]->has_value());
  EXPECT_TRUE(answers[1]->has_value());
  EXPECT_EQ(answers[2]->error().code, Code::kUnavailable);
  EXPECT_NE(answers[2]->error().detail.find("busy"), std::string::npos);
  EXPECT_TRUE(run(store_->commit(events({"2"}))));
}

TEST_F(SqliteStoreTest, RefusesBytesPastTheQueue) {
  auto narrow = options();
  narrow.commits.queue_bytes_max = 1'500;
  open(narrow);
  ASSERT_TRUE(run(store_->put_tenant(acme_, {})));
  std::vector<std::optional<Result<Committed>>> answers(2);
  thread_.start(store_->commit(events({"a"}, std::string(2'000, 'x'))), answers[0]);
  thread_.start(store_->commit(events({"b"})), answers[1]);
  thread_.run_all();
  EXPECT_TRUE(answers[0]->has_value()) << "one always finds its way in";
  EXPECT_EQ(answers[1]->error().code, Code::kUnavailable);
  EXPECT_TRUE(run(store_->commit(events({"b"}))));
}

TEST_F(SqliteStoreTest, LetsTenantsTakeTurns) {
  auto narrow = options();
  narrow.commits.batch_requests_max = 1;
  open(narrow);
  ASSERT_TRUE(run(store_->put_tenant(acme_, {})));
  ASSERT_TRUE(run(store_->put_tenant(other_, {})));
  Answers flood(20);
  for (std::size_t i = 0; i < flood.size(); ++i) {
    thread_.start(store_->commit(events({std::to_string(i)})), flood[i]);
  }
  Transaction single(other_);
  single.append(given_event(other_, "single", ""));
  EXPECT_LE(run(answered_before(store_->commit(std::move(single)), flood)), 2) << "of 20";
  for (std::size_t i = 0; i < flood.size(); ++i) {
    ASSERT_TRUE(flood[i] && flood[i]->has_value());
    EXPECT_EQ((*flood[i])->events.front().sequence, Sequence{i + 1}) << "in the order they came";
  }
}

TEST_F(SqliteStoreTest, LeavesRoomForOtherTenants) {
  auto narrow = options();
  narrow.commits.tenant_requests_max = 2;
  narrow.commits.tenant_bytes_max = 4'000;
  open(narrow);
  ASSERT_TRUE(run(store_->put_tenant(acme_, {})));
  ASSERT_TRUE(run(store_->put_tenant(other_, {})));
  Answers answers(5);
  const auto start = [&](std::size_t i, const TenantName& tenant, std::size_t bytes) {
    Transaction transaction(tenant);
    transaction.append(given_event(tenant, std::to_string(i), std::string(bytes, 'x')));
    thread_.start(store_->commit(std::move(transaction)), answers[i]);
  };
  start(0, acme_, 10);
  start(1, acme_, 10);
  start(2, acme_, 10);      // the third request
  start(3, other_, 5'000);  // one is let in, however large
  start(4, other_, 10);     // too many bytes
  thread_.run_all();
  for (const std::size_t i : {0u, 1u, 3u}) {
    EXPECT_TRUE(answers[i]->has_value()) << i;
  }
  for (const std::size_t i : {2u, 4u}) {
    ASSERT_FALSE(answers[i]->has_value()) << i;
    EXPECT_EQ(answers[i]->error().code, Code::kUnavailable) << i;
  }
}

TEST_F(SqliteStoreTest, LetsReadsWaitAndRefusesTheRest) {
  auto narrow = options();
  narrow.readers_max = 1;
  narrow.reads_waiting_max = 1;
  open(narrow);
  ASSERT_TRUE(run(store_->put_tenant(acme_, {})));
  std::vector<std::optional<Result<std::optional<std::string>>>> answers(3);
  for (auto& answer : answers) {
    thread_.start(store_->get(acme_, kThings, "k"), answer);
  }
  thread_.run_all();
  EXPECT_TRUE(answers[0]->has_value());
  EXPECT_TRUE(answers[1]->has_value());
  EXPECT_EQ(answers[2]->error().code, Code::kUnavailable);
  EXPECT_TRUE(run(store_->get(acme_, kThings, "k")));
}

TEST_F(SqliteStoreTest, RefusesTenantsPastTheLimit) {
  auto narrow = options();
  narrow.commits.tenants_max = 1;
  open(narrow);
  EXPECT_TRUE(run(store_->put_tenant(acme_, {})));
  EXPECT_TRUE(run(store_->put_tenant(acme_, {})));
  EXPECT_EQ(run(store_->put_tenant(tenant_name("beta"), {})).error().code, Code::kUnavailable);
}

TEST_F(SqliteStoreTest, DropsWhatWaitsWhenItGoes) {
  open_with_tenant();
  SingleThread jobs;
  auto elsewhere = options();
  elsewhere.writer = jobs.executor();
  elsewhere.readers = jobs.executor();
  open(elsewhere);
  std::optional<Result<Committed>> commit;
  std::optional<Result<std::optional<std::string>>> get;
  thread_.start(store_->commit(events({"a"})), commit);
  thread_.start(store_->get(acme_, kThings, "k"), get);
  thread_.run_ready();
  store_.reset();
  jobs.run_all();  // the jobs of both find the gate closed
  thread_.run_all();
  EXPECT_FALSE(commit);
  EXPECT_FALSE(get);
}

TEST_F(SqliteStoreTest, KeepsTheWalShort) {
  auto short_wal = options();
  short_wal.commits.wal_bytes_max = 1024 * 1024;
  open(short_wal);
  ASSERT_TRUE(run(store_->put_tenant(acme_, {})));
  for (int i = 0; i < 40; ++i) {
    Transaction transaction(acme_);
    transaction.put(kThings, "k" + std::to_string(i), std::string(100'000, 'v'));
    ASSERT_TRUE(run(store_->commit(std::move(transaction))));
    EXPECT_LT(std::filesystem::file_size(file() + "-wal"), 1024 * 1024 + 200'000);
  }
  EXPECT_GT(std::filesystem::file_size(file()), 3 * 1024 * 1024);
}

TEST_F(SqliteStoreTest, CopiesTheWalWhileItGoesOn) {
  auto often = options();
  often.commits.checkpoint_bytes = 8 * 1024 * 1024;
  open(often);
  ASSERT_TRUE(run(store_->put_tenant(acme_, {})));
  for (int i = 0; i < 40; ++i) {
    Transaction transaction(acme_);
    transaction.put(kThings, "k", std::string(kRecordValueBytesMax, 'v'));
    ASSERT_TRUE(run(store_->commit(std::move(transaction))));
  }
  EXPECT_LT(std::filesystem::file_size(file() + "-wal"), 12 * 1024 * 1024);
}

TEST_F(SqliteStoreTest, CopiesTheWalWhileItRests) {
  open_with_tenant();
  ASSERT_TRUE(run(store_->commit(events({"one"}, std::string(60'000, 'x')))));
  const auto size = [this] { return std::filesystem::file_size(file()); };
  const auto before = size();
  store_->copy_at_rest();
  thread_.run_all();
  EXPECT_EQ(size(), before) << "something was committed just now";
  store_->copy_at_rest();
  thread_.run_all();
  EXPECT_GT(size(), before + 50'000);
  ASSERT_TRUE(run(store_->commit(events({"two"}, std::string(60'000, 'x')))));
  EXPECT_EQ(run(store_->read(acme_, {0}, {})).value().events.size(), 2u);
}

TEST_F(SqliteStoreTest, ReadsATenantsRowsWhereverTheyStand) {
  open_with_tenant();
  const TenantName other = tenant_name("other");
  ASSERT_TRUE(run(store_->put_tenant(other, {})));
  std::vector<std::string> ids;
  const auto commit = [&](const TenantName& tenant, int count) {
    Transaction transaction(tenant);
    for (int i = 0; i < count; ++i) {
      const std::string id = tenant.str() + std::to_string(ids.size());
      transaction.append(given_event(tenant, id, ""));
      ids.push_back(tenant == acme_ ? id : "");
    }
    ASSERT_TRUE(run(store_->commit(std::move(transaction))));
  };
  for (const int count : {5, 1, 3}) {  // together, apart, together
    commit(acme_, count);
    commit(other, count);
    commit(acme_, 1);
  }
  std::erase(ids, "");
  for (std::size_t after = 0; after <= ids.size(); ++after) {
    for (std::size_t limit = 1; limit <= ids.size() + 1; ++limit) {
      const auto slice = run(store_->read(acme_, {after}, {.events = limit})).value();
      ASSERT_EQ(slice.events.size(), std::min(limit, ids.size() - after));
      for (std::size_t i = 0; i < slice.events.size(); ++i) {
        EXPECT_EQ(slice.events[i].sequence.value, after + i + 1);
        EXPECT_EQ(read_head(slice.events[i].bytes).id, ids[after + i]);
      }
    }
  }
}

TEST_F(SqliteStoreTest, TellsPrunedFromErased) {
  open_with_tenant();
  ASSERT_TRUE(run(store_->commit(events({"a", "b", "c", "d"}))));
  const auto leaf = run(store_->find(acme_, event_id("a")))->leaf;
  by_hand("UPDATE tenant SET floor=3");
  by_hand("UPDATE journal SET bytes=NULL, id='a' WHERE sequence=1");
  by_hand("UPDATE journal SET bytes=NULL, id='c' WHERE sequence=3");
  open();
  using State = FoundEvent::State;
  const auto find = [&](std::string_view id) {
    return run(store_->find(acme_, event_id(id))).value();
  };
  EXPECT_EQ(find("a").state, State::kPruned);
  EXPECT_EQ(find("a").leaf, leaf);
  EXPECT_EQ(find("a").sequence.value, 1);
  EXPECT_EQ(find("b").state, State::kPruned) << "below the floor, though its bytes are still there";
  EXPECT_TRUE(find("b").bytes.empty());
  EXPECT_EQ(find("c").state, State::kErased);
  EXPECT_EQ(find("d").state, State::kPresent);

  const auto slice = run(store_->read(acme_, {0}, {})).value();
  EXPECT_EQ(slice.journal.floor.value, 3);
  ASSERT_EQ(slice.events.size(), 2);
  EXPECT_EQ(slice.events[0].sequence.value, 3);
  EXPECT_TRUE(slice.events[0].bytes.empty());
  EXPECT_EQ(slice.events[1].sequence.value, 4);

  const auto repeat = run(store_->commit(events({"a", "c"}, "other members")));
  ASSERT_TRUE(repeat);
  EXPECT_TRUE(repeat->events[0].duplicate);
  EXPECT_TRUE(repeat->events[1].duplicate);
  EXPECT_EQ(repeat->head.value, 4);

  EXPECT_EQ(run(store_->position_at(acme_, WallTime{}))->sequence.value, 2) << "floor - 1";
}

TEST_F(SqliteStoreTest, PurgesEveryRowAndNumbersATenantAnew) {
  open_with_tenant();
  auto transaction = events({"a", "b"});
  transaction.put(kThings, "k", "v");
  ASSERT_TRUE(run(store_->commit(std::move(transaction))));
  by_hand("UPDATE journal SET bytes=NULL, id='a' WHERE sequence=1");
  open();
  ASSERT_TRUE(run(store_->delete_tenant(acme_)));
  while (run(store_->purge_deleted()).value()) {
  }
  for (const std::string table : {"tenant", "journal", "event_id", "record"}) {
    EXPECT_EQ(by_hand("SELECT count(*) FROM " + table), 0) << table;
  }
  open_with_tenant();
  EXPECT_EQ(by_hand("SELECT number FROM tenant"), 2);
}

}  // namespace
}  // namespace bitvault::test
