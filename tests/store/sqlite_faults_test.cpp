// Every single failure of the file system under a small workload, one universe each.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "store/sqlite/sqlite_store.h"
#include "tests/store/make_event.h"
#include "tests/store/memory_vfs.h"
#include "tests/store/single_thread.h"
#include "tests/store/test_world.h"

namespace bitvault::test {
namespace {

using Kind = VfsFault::Kind;
using Op = VfsCall::Op;
using Unsynced = MemoryVfs::Unsynced;

constexpr Collection kThings{"thing"};

// One transaction of the workload and what its caller was told.
struct Attempt {
  enum class Told : std::uint8_t { kCommitted, kNothingHappened, kUnknown };
  TenantName tenant;
  std::string name;  // its events are <name>-1 and <name>-2, its record <name>
  Told told;
};

// What was told over many universes.
struct Tally {
  int committed = 0;
  int nothing = 0;
  int unknown = 0;
};

class Universe {
 public:
  explicit Universe(std::uint64_t seed) : vfs_(seed), world_(seed) {}

  Status open() {
    auto opened =
        SqliteStore::open({.folder = "data",
                           .writer = thread_.executor(),
                           .readers = thread_.executor(),
                           .readers_max = 2,
                           .vfs = vfs_.name()},
                          world_, [this](const TenantName& tenant, const JournalHead& journal) {
                            note_head(tenant, journal.head);
                          });
    if (!opened) {
      return fail(opened.error());
    }
    store_ = std::move(*opened);
    return {};
  }
  void make_tenants() {
    for (const auto& tenant : tenants_) {
      ASSERT_TRUE(thread_.run(store_->put_tenant(tenant, {})));
    }
  }
  // After it the file system works again.
  void crash(Unsynced unsynced) {
    vfs_.decide_by({});
    vfs_.crash(unsynced);
    store_.reset();
    ASSERT_TRUE(open());
  }

  // Rounds of transactions that are committed together, one of each round refused.
  void work(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      std::vector<Attempt> attempts;
      for (const auto& tenant : tenants_) {
        attempts.push_back({tenant, "r" + std::to_string(++names_), Attempt::Told::kUnknown});
      }
      attempts.push_back({tenants_[0], "r" + std::to_string(++names_), Attempt::Told::kUnknown});
      commit(attempts, /*refused=*/attempts.size() - 1);
      std::ranges::move(attempts, std::back_inserter(attempts_));
      look();
      world_.manual_clock().advance(std::chrono::milliseconds(60));
    }
  }
  // Repeats what is unknown: it must then be there.
  void repeat_unknown() {
    for (auto& attempt : attempts_) {
      if (attempt.told == Attempt::Told::kUnknown) {
        auto committed = thread_.run(store_->commit(transaction(attempt)));
        ASSERT_TRUE(committed) << committed.error().detail;
        attempt.told = Attempt::Told::kCommitted;
      }
    }
  }

  // Whether the store holds what its callers were told, and all that any reader ever saw.
  void verify() {
    std::set<std::string> held;
    for (const auto& tenant : tenants_) {
      const auto head = thread_.run(store_->head(tenant));
      ASSERT_TRUE(head);
      EXPECT_GE(head->head, seen_heads_[tenant]);
      const auto slice = thread_.run(store_->read(tenant, {0}, {.events = 10'000}));
      ASSERT_TRUE(slice) << slice.error().detail;
      ASSERT_EQ(slice->events.size(), head->head.value);
      Sequence last;
      for (const auto& event : slice->events) {
        EXPECT_EQ(event.sequence, last.next());
        last = event.sequence;
        const std::string id(read_head(event.bytes).id);
        EXPECT_TRUE(held.insert(tenant.str() + "/" + id).second) << id << " is there twice";
        const auto seen = seen_bytes_.find({tenant, event.sequence});
        EXPECT_TRUE(seen == seen_bytes_.end() || seen->second == event.bytes);
      }
    }
    for (const auto& attempt : attempts_) {
      const bool first = held.contains(attempt.tenant.str() + "/" + attempt.name + "-1");
      const bool second = held.contains(attempt.tenant.str() + "/" + attempt.name + "-2");
      const auto record = thread_.run(store_->get(attempt.tenant, kThings, attempt.name));
      ASSERT_TRUE(record);
      EXPECT_EQ(first, second) << attempt.name;
      EXPECT_EQ(first, record->has_value()) << attempt.name;
      if (attempt.told != Attempt::Told::kUnknown) {
        EXPECT_EQ(first, attempt.told == Attempt::Told::kCommitted) << attempt.name;
      }
    }
  }

  void count_into(Tally& tally) const {
    for (const auto& attempt : attempts_) {
      tally.committed += attempt.told == Attempt::Told::kCommitted ? 1 : 0;
      tally.nothing += attempt.told == Attempt::Told::kNothingHappened ? 1 : 0;
      tally.unknown += attempt.told == Attempt::Told::kUnknown ? 1 : 0;
    }
  }

  // Reads everything, as a reader would at any time, and remembers it. Storage may fail it.
  void look() {
    for (const auto& tenant : tenants_) {
      const auto slice = thread_.run(store_->read(tenant, {0}, {.events = 10'000}));
      if (!slice) {
        EXPECT_EQ(slice.error().code, Code::kUnavailable);
        continue;
      }
      note_head(tenant, slice->journal.head);
      for (const auto& event : slice->events) {
        const auto [seen, fresh] = seen_bytes_.try_emplace({tenant, event.sequence}, event.bytes);
        EXPECT_EQ(seen->second, event.bytes);
      }
    }
  }

  MemoryVfs& vfs() { return vfs_; }
  TestWorld& world() { return world_; }
  SingleThread& thread() { return thread_; }
  SqliteStore& store() { return *store_; }

 private:
  Transaction transaction(const Attempt& attempt) const {
    Transaction transaction(attempt.tenant);
    transaction.append(given_event(attempt.tenant, attempt.name + "-1"));
    transaction.append(given_event(attempt.tenant, attempt.name + "-2"));
    transaction.put(kThings, attempt.name, "v");
    return transaction;
  }
  void commit(std::vector<Attempt>& attempts, std::size_t refused) {
    std::vector<std::optional<Result<Committed>>> answers(attempts.size());
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      auto wanted = transaction(attempts[i]);
      if (i == refused) {
        wanted.expect(kThings, attempts[i].name, "what is not there");
      }
      thread_.start(store_->commit(std::move(wanted)), answers[i]);
    }
    thread_.run_all();
    for (std::size_t i = 0; i < attempts.size(); ++i) {
      ASSERT_TRUE(answers[i]) << "every call is answered";
      attempts[i].told = told(*answers[i]);
    }
  }
  static Attempt::Told told(const Result<Committed>& answer) {
    if (answer) {
      return Attempt::Told::kCommitted;
    }
    const Code code = answer.error().code;
    EXPECT_TRUE(code == Code::kUnavailable || code == Code::kOutcomeUnknown ||
                code == Code::kConflict)
        << answer.error().detail;
    return code == Code::kOutcomeUnknown ? Attempt::Told::kUnknown
                                         : Attempt::Told::kNothingHappened;
  }
  void note_head(const TenantName& tenant, Sequence head) {
    seen_heads_[tenant] = std::max(seen_heads_[tenant], head);
  }

  const std::vector<TenantName> tenants_ = {tenant_name("acme"), tenant_name("beta")};
  SingleThread thread_;
  MemoryVfs vfs_;
  TestWorld world_;
  std::vector<Attempt> attempts_;
  int names_ = 0;
  std::map<TenantName, Sequence> seen_heads_;
  std::map<std::pair<TenantName, Sequence>, std::string> seen_bytes_;
  std::unique_ptr<SqliteStore> store_;
};

constexpr int kRounds = 4;

// Decides on one call, the n-th from now.
MemoryVfs::Decide nth(const MemoryVfs& vfs, std::uint64_t n, VfsFault fault) {
  return [at = vfs.calls() + n, fault](const VfsCall& call) {
    return call.number == at ? fault : VfsFault{};
  };
}

std::uint64_t calls_of_workload() {
  Universe universe(1);
  EXPECT_TRUE(universe.open());
  universe.make_tenants();
  const auto before = universe.vfs().calls();
  universe.work(kRounds);
  return universe.vfs().calls() - before;
}

std::string describe(std::uint64_t n, const VfsFault& fault, Unsynced unsynced) {
  return "call " + std::to_string(n) + ", fault " + std::to_string(static_cast<int>(fault.kind)) +
         (fault.disk_full ? " (full)" : "") + ", unsynced " +
         std::to_string(static_cast<int>(unsynced));
}

constexpr VfsFault kFaults[] = {{Kind::kBefore},       {Kind::kTorn},       {Kind::kAfter},
                                {Kind::kBefore, true}, {Kind::kTorn, true}, {Kind::kPowerOff}};
constexpr Unsynced kUnsynced[] = {Unsynced::kLost, Unsynced::kHalf, Unsynced::kKept};

class SqliteFaults : public testing::TestWithParam<VfsFault> {};

TEST_P(SqliteFaults, TellTheTruthWhicheverCallFails) {
  const auto calls = calls_of_workload();
  ASSERT_GT(calls, 50);
  Tally tally;
  for (std::uint64_t n = 1; n <= calls; ++n) {
    for (const Unsynced unsynced : kUnsynced) {
      SCOPED_TRACE(describe(n, GetParam(), unsynced));
      Universe universe(n);
      ASSERT_TRUE(universe.open());
      universe.make_tenants();
      universe.vfs().decide_by(nth(universe.vfs(), n, GetParam()));
      universe.work(kRounds);
      universe.count_into(tally);
      if (GetParam().kind != Kind::kPowerOff) {
        universe.vfs().decide_by({});
        universe.verify();
      }
      universe.crash(unsynced);
      universe.verify();
      universe.repeat_unknown();
      universe.work(1);
      universe.crash(Unsynced::kLost);
      universe.verify();
      ASSERT_FALSE(HasFailure());
    }
  }
  EXPECT_GT(tally.committed, 0);
  EXPECT_GT(tally.nothing, 0);
  EXPECT_EQ(tally.unknown > 0, GetParam().kind == Kind::kPowerOff) << tally.unknown;
}

// From the n-th call on every write and sync fails, for the rest of the workload.
TEST_P(SqliteFaults, ComesBackByItselfWhenTheStorageDoes) {
  const auto calls = calls_of_workload();
  Tally tally;
  for (std::uint64_t n = 1; n <= calls; ++n) {
    SCOPED_TRACE(describe(n, GetParam(), Unsynced::kLost));
    if (GetParam().kind == Kind::kPowerOff) {
      return;
    }
    Universe universe(n);
    ASSERT_TRUE(universe.open());
    universe.make_tenants();
    const auto from = universe.vfs().calls() + n;
    universe.vfs().decide_by([&](const VfsCall& call) {
      const bool writes = call.op == Op::kWrite || call.op == Op::kSync;
      return call.number >= from && writes ? GetParam() : VfsFault{};
    });
    universe.work(kRounds);
    universe.count_into(tally);
    universe.vfs().decide_by({});
    universe.world().manual_clock().advance(std::chrono::seconds(1));
    universe.repeat_unknown();
    universe.work(1);
    EXPECT_TRUE(universe.store().health());
    universe.verify();
    universe.crash(Unsynced::kLost);
    universe.verify();
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(tally.unknown, 0);
}

// Another process finds a WAL that was never copied, and fails while it opens.
TEST_P(SqliteFaults, OpensOrRefusesToAndLosesNothing) {
  for (const Unsynced unsynced : kUnsynced) {
    for (std::uint64_t n = 1;; ++n) {
      SCOPED_TRACE(describe(n, GetParam(), unsynced));
      Universe universe(n);
      ASSERT_TRUE(universe.open());
      universe.make_tenants();
      universe.work(kRounds);
      universe.vfs().crash(unsynced);
      const auto before = universe.vfs().calls();
      universe.vfs().decide_by(nth(universe.vfs(), n, GetParam()));
      const auto opened = universe.open();
      if (opened) {
        universe.look();
      } else {
        EXPECT_EQ(opened.error().code, Code::kUnavailable);
      }
      const bool reached = universe.vfs().calls() >= before + n;
      universe.crash(Unsynced::kLost);
      universe.verify();
      ASSERT_FALSE(HasFailure());
      if (!reached) {
        ASSERT_GT(n, 20);
        break;
      }
    }
  }
}

TEST_P(SqliteFaults, CanBeMadeAgainAfterItsFirstStartFailed) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(describe(n, GetParam(), Unsynced::kHalf));
    Universe universe(n);
    universe.vfs().decide_by(nth(universe.vfs(), n, GetParam()));
    const auto opened = universe.open();
    EXPECT_TRUE(opened || opened.error().code == Code::kUnavailable);
    const bool reached = universe.vfs().calls() >= n;
    universe.crash(Unsynced::kHalf);
    universe.make_tenants();
    universe.work(1);
    universe.crash(Unsynced::kLost);
    universe.verify();
    ASSERT_FALSE(HasFailure());
    if (!reached) {
      ASSERT_GT(n, 20);
      break;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SqliteFaults, testing::ValuesIn(kFaults));

// The store's health while the disk is full, and what goes on.
TEST(SqliteFull, RefusesWritesAndServesReads) {
  Universe universe(1);
  ASSERT_TRUE(universe.open());
  universe.make_tenants();
  universe.work(2);
  EXPECT_TRUE(universe.store().health());
  universe.vfs().decide_by([](const VfsCall& call) {
    return VfsFault{call.op == Op::kWrite ? Kind::kBefore : Kind::kNone, true};
  });
  universe.work(1);
  universe.look();
  const auto refused =
      universe.thread().run(universe.store().put_setting("name", std::string(10'000, 'v')));
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(refused.error().detail, "the disk is full");
  EXPECT_EQ(universe.store().health().error().detail, "the disk is full");

  // Without a request it is health() that finds out.
  universe.vfs().decide_by({});
  universe.world().manual_clock().advance(Writer::kRecoverEvery);
  EXPECT_FALSE(universe.store().health());
  universe.thread().run_all();
  EXPECT_TRUE(universe.store().health());
  universe.repeat_unknown();
  universe.verify();
}

// The data of a process that was killed is shown only after it is on disk for good. The second case
// is a sync that failed and forgot: no later sync of that file would write it.
TEST(SqliteReopen, ShowsNothingThatOnlyTheCacheHolds) {
  for (const Kind sync : {Kind::kPowerOff, Kind::kTorn}) {
    Universe universe(1);
    ASSERT_TRUE(universe.open());
    universe.make_tenants();
    universe.work(1);
    bool killed = false;
    universe.vfs().decide_by([&](const VfsCall& call) {
      const bool now = call.op == Op::kSync && !killed;
      const Kind kind = now ? sync : killed ? Kind::kPowerOff : Kind::kNone;
      killed = killed || now;
      return VfsFault{kind};
    });
    universe.work(1);
    universe.crash(Unsynced::kKept);
    const auto held = universe.thread().run(universe.store().head(tenant_name("acme")));
    EXPECT_EQ(held->head.value, 4) << "what was written can be read";
    universe.look();
    universe.crash(Unsynced::kLost);
    universe.verify();
  }
}

}  // namespace
}  // namespace bitvault::test
