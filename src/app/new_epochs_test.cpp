#include "app/new_epochs.h"

#include <gtest/gtest.h>

#include <memory>

#include "store/sqlite/sqlite_store.h"
#include "tests/store/faulty_store.h"
#include "tests/store/make_event.h"
#include "tests/store/single_thread.h"
#include "tests/store/temporary_folder.h"
#include "tests/store/test_world.h"

namespace bitvault::app {
namespace {

using test::FaultyStore;
using test::tenant_name;

class NewEpochs : public testing::Test {
 protected:
  NewEpochs() {
    auto opened = SqliteStore::open({.folder = folder_.path() + "/data",
                                     .writer = thread_.executor(),
                                     .readers = thread_.executor()},
                                    world_, [](const TenantName&, const JournalHead&) {});
    EXPECT_TRUE(opened) << opened.error().detail;
    store_ = std::move(*opened);
    for (const char* tenant : {"acme", "beta", "gone"}) {
      EXPECT_TRUE(thread_.run(store_->put_tenant(tenant_name(tenant), {})));
    }
    EXPECT_TRUE(thread_.run(store_->delete_tenant(tenant_name("gone"))));
  }

  Status begin(const std::vector<cli::NewEpoch>& wanted) {
    return thread_.run(begin_epochs(wanted, *store_));
  }
  std::size_t epochs(const char* tenant) {
    return thread_.run(store_->epochs(tenant_name(tenant))).value().size();
  }

  test::TemporaryFolder folder_;
  test::SingleThread thread_;
  test::TestWorld world_;
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(NewEpochs, BeginForWhomTheyAreWanted) {
  ASSERT_TRUE(begin({{tenant_name("acme"), ""}}));
  EXPECT_EQ(epochs("acme"), 2);
  EXPECT_EQ(epochs("beta"), 1);
}

TEST_F(NewEpochs, BeginOnceForEachTenantWhenAllAreWanted) {
  ASSERT_TRUE(begin({{std::nullopt, ""}, {tenant_name("acme"), "label"}}));
  EXPECT_EQ(epochs("acme"), 2);
  EXPECT_EQ(epochs("beta"), 2);
}

TEST_F(NewEpochs, BeginAtEachStartUnlessTheyHaveALabel) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(begin({{tenant_name("acme"), ""}, {tenant_name("beta"), "label"}}));
  }
  EXPECT_EQ(epochs("acme"), 3);
  EXPECT_EQ(epochs("beta"), 2);
}

TEST_F(NewEpochs, OfTenantsThatAreNotThereAreRefused) {
  for (const char* tenant : {"nobody", "gone"}) {
    const Status begun = begin({{tenant_name(tenant), ""}});
    ASSERT_FALSE(begun);
    EXPECT_NE(begun.error().detail.find(tenant), std::string::npos);
  }
}

// The process ends with an error; with a label the next start does what is left.
TEST_F(NewEpochs, AreFinishedByTheNextStart) {
  FaultyStore faulty(*store_, world_, [](FaultyStore::Call call, std::uint64_t number) {
    const bool second = call == FaultyStore::Call::kBeginEpoch && number > 4;
    return FaultyStore::Fault{
        second ? FaultyStore::Fault::Kind::kAfter : FaultyStore::Fault::Kind::kNone, {}};
  });
  const std::vector<cli::NewEpoch> wanted = {{std::nullopt, "label"}};
  EXPECT_FALSE(thread_.run(begin_epochs(wanted, faulty)));
  ASSERT_TRUE(begin(wanted));
  EXPECT_EQ(epochs("acme"), 2);
  EXPECT_EQ(epochs("beta"), 2);
}

}  // namespace
}  // namespace bitvault::app
