#include "tests/store/faulty_store.h"

#include <gtest/gtest.h>

#include "store/sqlite/sqlite_store.h"
#include "tests/store/make_event.h"
#include "tests/store/memory_vfs.h"
#include "tests/store/single_thread.h"
#include "tests/store/test_world.h"

namespace bitvault::test {
namespace {

using Kind = FaultyStore::Fault::Kind;

class FaultyStoreTest : public testing::Test {
 protected:
  FaultyStoreTest() {
    auto opened = SqliteStore::open({.folder = "data",
                                     .writer = thread_.executor(),
                                     .readers = thread_.executor(),
                                     .vfs = vfs_.name()},
                                    world_, [](const TenantName&, const JournalHead&) {});
    inner_ = std::move(opened.value());
    EXPECT_TRUE(thread_.run(store_->put_tenant(acme_, {})));
  }

  Result<Committed> append(const std::string& id) {
    Transaction transaction(acme_);
    transaction.append(given_event(acme_, id));
    return thread_.run(store_->commit(std::move(transaction)));
  }
  std::uint64_t head() { return thread_.run(inner_->head(acme_)).value().head.value; }

  const TenantName acme_ = tenant_name("acme");
  SingleThread thread_;
  TestWorld world_;
  MemoryVfs vfs_{1};
  std::unique_ptr<Store> inner_;
  FaultyStore::Fault next_;
  std::vector<FaultyStore::Call> calls_;
  // Made after inner_, which it wraps.
  struct Wrap {
    FaultyStoreTest& test;
    std::optional<FaultyStore> store{};
    FaultyStore* operator->() {
      if (!store) {
        store.emplace(*test.inner_, test.world_, [this](FaultyStore::Call call, std::uint64_t) {
          test.calls_.push_back(call);
          return std::exchange(test.next_, {});
        });
      }
      return &*store;
    }
  } store_{*this};
};

TEST_F(FaultyStoreTest, PassesCallsOnAndCountsThem) {
  EXPECT_TRUE(append("a"));
  EXPECT_EQ(head(), 1);
  EXPECT_EQ(calls_, (std::vector{FaultyStore::Call::kPutTenant, FaultyStore::Call::kCommit}));
  EXPECT_EQ(store_->calls(), 2);
}

TEST_F(FaultyStoreTest, FailsBeforeAnythingHappens) {
  next_ = {.kind = Kind::kBefore, .delay = {}};
  EXPECT_EQ(append("a").error().code, Code::kUnavailable);
  EXPECT_EQ(head(), 0);
  EXPECT_FALSE(append("a")->events[0].duplicate);
}

TEST_F(FaultyStoreTest, LosesTheAnswerOfWhatHappened) {
  next_ = {.kind = Kind::kAfter, .delay = {}};
  EXPECT_EQ(append("a").error().code, Code::kOutcomeUnknown);
  EXPECT_EQ(head(), 1);
  EXPECT_TRUE(append("a")->events[0].duplicate);

  next_ = {.kind = Kind::kAfter, .delay = {}};
  EXPECT_EQ(thread_.run(store_->read(acme_, {0}, {})).error().code, Code::kUnavailable);
}

TEST_F(FaultyStoreTest, TakesItsTime) {
  const auto before = world_.clock().monotonic();
  next_ = {.kind = Kind::kNone, .delay = std::chrono::seconds(3)};
  EXPECT_TRUE(append("a"));
  EXPECT_EQ(world_.clock().monotonic() - before, std::chrono::seconds(3));
}

}  // namespace
}  // namespace bitvault::test
