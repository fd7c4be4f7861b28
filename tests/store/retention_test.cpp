// Retention over the real store: rounds, fairness, space on disk, and every failure of the disk.

#include "retention/retention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "base/check.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/store/faulty_store.h"
#include "tests/store/make_event.h"
#include "tests/store/memory_vfs.h"
#include "tests/store/single_thread.h"
#include "tests/store/temporary_folder.h"
#include "tests/store/test_world.h"

namespace bitvault::test {
namespace {

using State = FoundEvent::State;
using Call = FaultyStore::Call;

constexpr RetentionPolicy kForEver{};

RetentionPolicy by_count(std::uint64_t events) {
  return {.max_age_seconds = std::nullopt, .max_events = events};
}

// A store on one thread, in a folder or on a disk in memory.
class OneStore {
 public:
  explicit OneStore(std::string folder) : folder_(std::move(folder)) { EXPECT_TRUE(open()); }
  explicit OneStore(MemoryVfs& vfs) : folder_("data"), vfs_(vfs.name()) { EXPECT_TRUE(open()); }

  Status open() {
    store_.reset();
    auto opened = SqliteStore::open({.folder = folder_,
                                     .writer = thread_.executor(),
                                     .readers = thread_.executor(),
                                     .readers_max = 2,
                                     .vfs = vfs_},
                                    world_, [](const TenantName&, const JournalHead&) {});
    if (!opened) {
      return fail(opened.error());
    }
    store_ = std::move(*opened);
    return {};
  }
  void close() { store_.reset(); }

  void make(std::string_view tenant, const TenantPatch& patch = {}) {
    ASSERT_TRUE(run(store().put_tenant(tenant_name(tenant), patch)));
  }
  Result<Committed> publish(std::string_view tenant, std::size_t count,
                            std::string_view note = "") {
    Transaction transaction(tenant_name(tenant));
    for (std::size_t i = 0; i < count; ++i) {
      transaction.append(made_event(tenant_name(tenant), world_, note));
    }
    return run(store().commit(std::move(transaction)));
  }
  JournalHead head(std::string_view tenant) {
    return run(store().head(tenant_name(tenant))).value();
  }

  template <class T>
  T run(Task<T> task) {
    return thread_.run(std::move(task));
  }
  SqliteStore& store() { return *store_; }
  TestWorld& world() { return world_; }
  SingleThread& thread() { return thread_; }

 private:
  const std::string folder_;
  const std::string vfs_;
  SingleThread thread_;
  TestWorld world_;
  std::unique_ptr<SqliteStore> store_;
};

class RetentionRounds : public testing::Test {
 protected:
  // Rounds until nothing is left.
  void settle(Retention& retention) {
    for (int i = 0; i < 100; ++i) {
      const auto outcome = one_.run(retention.round());
      ASSERT_FALSE(outcome.trouble) << outcome.trouble->detail;
      if (!outcome.more) {
        return;
      }
    }
    FAIL() << "it does not come to an end";
  }
  void settle(const RetentionPolicy& policy) {
    Retention retention(one_.world(), one_.store(), policy);
    settle(retention);
  }
  Upkeep upkeep(const std::string& tenant) {
    const auto items = one_.run(one_.store().upkeep("", 100)).value().items;
    const auto found = std::ranges::find(
        items, tenant, [](const Upkeep& upkeep) { return upkeep.tenant.name.str(); });
    check(found != items.end(), "a test's tenant is there");
    return *found;
  }

  TemporaryFolder folder_;
  OneStore one_{folder_.path() + "/data"};
};

TEST_F(RetentionRounds, KeepEverythingUnlessTold) {
  one_.make("acme");
  EXPECT_TRUE(one_.publish("acme", 10));
  one_.world().manual_clock().advance(std::chrono::hours(24 * 365));
  settle(kForEver);
  EXPECT_EQ(one_.head("acme").floor.value, 1);
}

TEST_F(RetentionRounds, EachTenantsOwnSettingsWin) {
  TenantPatch few;
  few.retention_events = std::optional<std::uint64_t>(2);
  TenantPatch old;
  old.retention_age_seconds = std::optional<std::uint64_t>(60);
  one_.make("few", few);
  one_.make("old", old);
  one_.make("plain");
  for (int i = 0; i < 10; ++i) {
    for (const char* tenant : {"few", "old", "plain"}) {
      EXPECT_TRUE(one_.publish(tenant, 1));
    }
    one_.world().manual_clock().advance(std::chrono::seconds(10));
  }
  Retention retention(one_.world(), one_.store(), by_count(7));
  settle(retention);
  EXPECT_EQ(one_.head("few").floor.value, 9);
  EXPECT_EQ(one_.head("plain").floor.value, 4);
  // Now is 100; recorded at 0, 10, 20 ...: those before 40 are too old. By count it is 4 as well.
  EXPECT_EQ(one_.head("old").floor.value, 5);
  EXPECT_EQ(upkeep("few").swept.value, 9);
  EXPECT_EQ(upkeep("old").swept.value, 5);
  EXPECT_EQ(retention.events_expired(), 8 + 3 + 4);
  EXPECT_EQ(retention.events_pruned(), 8 + 3 + 4);
}

TEST_F(RetentionRounds, AgeTakesTheLastEventToo) {
  one_.make("acme");
  EXPECT_TRUE(one_.publish("acme", 3));
  one_.world().manual_clock().advance(std::chrono::seconds(61));
  settle({.max_age_seconds = 60, .max_events = std::nullopt});
  EXPECT_EQ(one_.head("acme").floor.value, 4);
  EXPECT_EQ(one_.publish("acme", 1)->head.value, 4);
}

TEST_F(RetentionRounds, RememberIdsForADay) {
  one_.make("acme");
  EXPECT_TRUE(one_.publish("acme", 5));
  settle(by_count(1));
  EXPECT_EQ(upkeep("acme").forgotten.value, 1);
  one_.world().manual_clock().advance(kIdsRememberedMin);
  settle(by_count(1));
  EXPECT_EQ(upkeep("acme").forgotten.value, 1);
  one_.world().manual_clock().advance(Duration{1});
  settle(by_count(1));
  EXPECT_EQ(upkeep("acme").forgotten.value, 5) << "the last one is retained";
}

TEST_F(RetentionRounds, GoOnWhereAKilledOneWas) {
  one_.make("acme");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(one_.publish("acme", 1'000));
  }
  const Epoch epoch = one_.head("acme").epoch;
  ASSERT_TRUE(one_.run(one_.store().raise_floor(tenant_name("acme"), {epoch, {2'900}})));
  ASSERT_TRUE(one_.run(one_.store().prune(tenant_name("acme"), WallTime{}))->more);
  ASSERT_TRUE(one_.open());
  EXPECT_EQ(one_.head("acme").floor.value, 2'900);
  EXPECT_LT(upkeep("acme").swept.value, 2'900);
  settle(kForEver);
  EXPECT_EQ(upkeep("acme").swept.value, 2'900);
}

// The calls that a round makes, in their order.
struct Recorded {
  std::vector<Call> calls;
  FaultyStore store;

  Recorded(Store& inner, World& world)
      : store(inner, world, [this](Call call, std::uint64_t) {
          calls.push_back(call);
          return FaultyStore::Fault{};
        }) {}
};

TEST_F(RetentionRounds, RaiseEveryFloorBeforeTheyDelete) {
  for (const char* tenant : {"a", "b", "c"}) {
    one_.make(tenant);
    EXPECT_TRUE(one_.publish(tenant, 10));
  }
  Recorded recorded(one_.store(), one_.world());
  Retention retention(one_.world(), recorded.store, by_count(1));
  settle(retention);
  EXPECT_EQ(recorded.calls,
            (std::vector<Call>{Call::kUpkeep, Call::kRaiseFloor, Call::kRaiseFloor,
                               Call::kRaiseFloor, Call::kPrune, Call::kPrune, Call::kPrune}));
  recorded.calls.clear();
  settle(retention);
  EXPECT_EQ(recorded.calls, std::vector<Call>{Call::kUpkeep}) << "nothing is left: one look";
}

TEST_F(RetentionRounds, TenantsTakeTurns) {
  one_.make("large");
  one_.make("small");
  EXPECT_TRUE(one_.publish("large", 1'000));
  EXPECT_TRUE(one_.publish("small", 10));
  int prunes = 0;
  FaultyStore faulty(one_.store(), one_.world(), [&](Call call, std::uint64_t) {
    const bool third = call == Call::kPrune && ++prunes > 2;
    return FaultyStore::Fault{
        third ? FaultyStore::Fault::Kind::kBefore : FaultyStore::Fault::Kind::kNone, {}};
  });
  Retention retention(one_.world(), faulty, by_count(1));
  EXPECT_TRUE(one_.run(retention.round()).trouble);
  EXPECT_EQ(upkeep("small").swept.value, 10) << "the second turn is its";
  EXPECT_GT(upkeep("large").swept.value, 1);
  EXPECT_LT(upkeep("large").swept.value, 1'000);
}

TEST_F(RetentionRounds, TroubleIsToldAndDoneLater) {
  one_.make("acme");
  EXPECT_TRUE(one_.publish("acme", 10));
  for (const auto kind : {FaultyStore::Fault::Kind::kBefore, FaultyStore::Fault::Kind::kAfter}) {
    for (std::uint64_t n = 1; n <= 3; ++n) {
      FaultyStore faulty(one_.store(), one_.world(), [&](Call, std::uint64_t number) {
        return FaultyStore::Fault{number == n ? kind : FaultyStore::Fault::Kind::kNone, {}};
      });
      const std::uint64_t keep = one_.head("acme").head.value - one_.head("acme").floor.value;
      Retention retention(one_.world(), faulty, by_count(keep));
      EXPECT_TRUE(one_.run(retention.round()).trouble) << n;
      settle(retention);
      EXPECT_EQ(one_.head("acme").floor.value, one_.head("acme").head.value - keep + 1);
      EXPECT_EQ(upkeep("acme").swept, one_.head("acme").floor);
    }
  }
}

// ---- the writer is shared

// While a long prune goes on, a publisher that comes again and again waits for at most one batch of
// it: between two of its commits the writer takes one turn of the prune.
TEST_F(RetentionRounds, LeaveEverySecondTurnOfTheWriterToOthers) {
  one_.make("old");
  one_.make("busy");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(one_.publish("old", 1'000));
  }
  std::vector<char> turns;
  FaultyStore watched(one_.store(), one_.world(), [&](Call call, std::uint64_t) {
    if (call == Call::kPrune) {
      turns.push_back('p');
    }
    return FaultyStore::Fault{};
  });
  Retention retention(one_.world(), watched, by_count(1));
  std::optional<Retention::Outcome> done;
  const auto publisher = [&]() -> Task<int> {
    int published = 0;
    while (!done) {
      Transaction transaction(tenant_name("busy"));
      transaction.append(made_event(tenant_name("busy"), one_.world()));
      const auto committed = co_await one_.store().commit(std::move(transaction));
      if (!committed) {
        break;
      }
      turns.push_back('c');
      ++published;
    }
    co_return published;
  };
  std::optional<int> published;
  one_.thread().start(retention.round(), done);
  one_.thread().start(publisher(), published);
  one_.thread().run_all();
  ASSERT_TRUE(done && published);
  const auto prunes = std::ranges::count(turns, 'p');
  EXPECT_GT(prunes, 10);
  EXPECT_GE(*published + 1, prunes);
  const std::string order(turns.begin(), turns.end());
  EXPECT_EQ(order.find("ppp"), std::string::npos) << order;
}

// ---- the disk

std::string contents(const std::string& folder) {
  std::string all;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(file), {});
  }
  return all;
}

TEST_F(RetentionRounds, LeaveNoByteOfWhatTheyDeleted) {
  one_.make("acme");
  EXPECT_TRUE(one_.publish("acme", 20, "the-secret-of-old"));
  EXPECT_TRUE(one_.publish("acme", 3, "the-secret-of-new"));
  settle(by_count(3));
  one_.close();  // copies the WAL
  const std::string all = contents(folder_.path() + "/data");
  EXPECT_NE(all.find("the-secret-of-new"), std::string::npos);
  EXPECT_EQ(all.find("the-secret-of-old"), std::string::npos);
}

TEST_F(RetentionRounds, GiveTheirSpaceBackForWhatComes) {
  const auto pragma = [&](const char* sql) {
    Connection connection(folder_.path() + "/data/journal.db", "", Connection::Mode::kRead);
    return connection.integer(sql);
  };
  const std::string note(700, 'x');
  one_.make("acme");
  const auto cycle = [&] {
    EXPECT_TRUE(one_.publish("acme", 1'000, note));
    settle(by_count(100));
  };
  cycle();
  cycle();
  const auto pages = pragma("PRAGMA page_count");
  EXPECT_GT(pragma("PRAGMA freelist_count"), pages / 2) << "pages are free, not only holes in them";
  for (int i = 0; i < 10; ++i) {
    cycle();
  }
  // What stays of an event, its leaf and its remembered id, is less than a fifth of it.
  EXPECT_LT(pragma("PRAGMA page_count"), 3 * pages);
}

// ---- every failure of the disk

// One life of a journal from which events leave while one is held. Each step is repeated until it
// is done, so that the end is the same whatever failed.
class Life {
 public:
  explicit Life(std::uint64_t seed) : vfs_(seed), one_(vfs_) {
    one_.make("acme");
    EXPECT_TRUE(one_.publish("acme", 6, "kept"));
    epoch_ = one_.head("acme").epoch;
    for (const auto& event : one_.run(one_.store().read(tenant_, {0}, {})).value().events) {
      bytes_.emplace_back(event.bytes);
    }
  }

  MemoryVfs& vfs() { return vfs_; }

  // Does what is not done yet, one try each; false when something failed.
  bool step() {
    Transaction hold(tenant_);
    hold.hold({2}, "w");
    Transaction release(tenant_);
    release.release({2}, "w");
    return (held_ || (held_ = one_.run(one_.store().commit(std::move(hold))).has_value())) &&
           raise() && prune({}) && prune(one_.world().clock().wall() + Duration{1}) &&
           one_.run(one_.store().commit(std::move(release))).has_value() &&
           prune(one_.world().clock().wall() + Duration{1});
  }
  void crash(MemoryVfs::Unsynced unsynced) {
    vfs_.decide_by({});
    vfs_.crash(unsynced);
    ASSERT_TRUE(one_.open());
  }
  void pass_time() { one_.world().manual_clock().advance(std::chrono::seconds(1)); }

  // What holds at every instant.
  void verify() {
    const JournalHead journal = one_.head("acme");
    EXPECT_EQ(journal.head.value, 6);
    EXPECT_GE(journal.floor, told_floor_);
    told_floor_ = journal.floor;
    for (std::uint64_t i = 1; i <= 6; ++i) {
      const auto event = one_.run(one_.store().held(tenant_, {i}));
      ASSERT_TRUE(event) << event.error().detail;
      EXPECT_EQ(event->leaf, leaf_hash(bytes_[i - 1]));
      EXPECT_TRUE(event->bytes.empty() ? i < journal.floor.value : event->bytes == bytes_[i - 1]);
    }
    const auto slice = one_.run(one_.store().read(tenant_, {0}, {}));
    ASSERT_TRUE(slice);
    EXPECT_EQ(slice->events.size(), 7 - journal.floor.value);
  }
  void verify_end() {
    for (std::uint64_t i = 1; i <= 6; ++i) {
      const auto event = one_.run(one_.store().held(tenant_, {i}));
      ASSERT_TRUE(event);
      EXPECT_EQ(event->state, i < 5 ? State::kPruned : State::kPresent) << i;
    }
    const auto upkeep = one_.run(one_.store().upkeep("", 1)).value().items.at(0);
    EXPECT_EQ(upkeep.swept.value, 5);
    EXPECT_EQ(upkeep.forgotten.value, 5);
  }

 private:
  bool raise() {
    const auto raised = one_.run(one_.store().raise_floor(tenant_, {*epoch_, {5}}));
    told_floor_ = raised ? raised->floor : told_floor_;
    return raised.has_value();
  }
  bool prune(WallTime ids_before) {
    return one_.run(one_.store().prune(tenant_, ids_before)).has_value();
  }

  const TenantName tenant_ = tenant_name("acme");
  MemoryVfs vfs_;
  OneStore one_;
  std::optional<Epoch> epoch_;
  std::vector<std::string> bytes_;
  Sequence told_floor_{1};
  bool held_ = false;
};

class RetentionFaults : public testing::TestWithParam<VfsFault> {};

TEST_P(RetentionFaults, LoseNothingThatIsRetainedOrHeldWhicheverCallFails) {
  for (const auto unsynced :
       {MemoryVfs::Unsynced::kLost, MemoryVfs::Unsynced::kHalf, MemoryVfs::Unsynced::kKept}) {
    bool reached = true;
    for (std::uint64_t n = 1; reached; ++n) {
      SCOPED_TRACE("call " + std::to_string(n));
      Life life(n);
      const std::uint64_t at = life.vfs().calls() + n;
      life.vfs().decide_by(
          [at](const VfsCall& call) { return call.number == at ? GetParam() : VfsFault{}; });
      static_cast<void>(life.step());
      reached = life.vfs().calls() >= at;
      if (GetParam().kind != VfsFault::Kind::kPowerOff) {
        life.vfs().decide_by({});
        life.verify();
      }
      life.crash(unsynced);
      life.verify();
      life.pass_time();
      ASSERT_TRUE(life.step());
      life.verify_end();
      life.crash(MemoryVfs::Unsynced::kLost);
      life.verify();
      life.verify_end();
      ASSERT_FALSE(HasFailure());
      ASSERT_TRUE(reached || n > 20);
    }
  }
}

constexpr VfsFault kFaults[] = {{VfsFault::Kind::kBefore},
                                {VfsFault::Kind::kTorn},
                                {VfsFault::Kind::kAfter},
                                {VfsFault::Kind::kPowerOff}};
INSTANTIATE_TEST_SUITE_P(All, RetentionFaults, testing::ValuesIn(kFaults));

}  // namespace
}  // namespace bitvault::test
