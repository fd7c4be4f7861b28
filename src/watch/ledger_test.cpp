#include "watch/ledger.h"

#include <gtest/gtest.h>

#include "harness.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/store/faulty_store.h"
#include "tests/store/memory_vfs.h"
#include "watch/record.h"

namespace bitvault::watch {
namespace {

using Fault = test::FaultyStore::Fault;
using Call = test::FaultyStore::Call;

const TenantName kTenant = *TenantName::parse("home");

Node root() {
  return {.id = NodeId::make(std::array<std::byte, NodeId::kRandomBytes>{}),
          .kind = Kind::kFolder,
          .version = 1,
          .identity = {1, 2, 3},
          .file = {},
          .name = {}};
}

// A store in a simulated process, with a fault for each commit.
class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    EXPECT_TRUE(sim_.run([](Store& store) -> Task<> {
      const auto put = co_await store.put_tenant(kTenant, {});
      EXPECT_TRUE(put);
    }(*store_)));
  }

  std::unique_ptr<SqliteStore> open() {
    SqliteOptions options;
    options.folder = "data";
    options.writer = sim_.executor();
    options.readers = sim_.executor();
    options.vfs = disk_.name();
    auto opened =
        SqliteStore::open(options, sim_.world(), [](const TenantName&, const JournalHead&) {});
    check(opened.has_value(), "a store opens on an empty disk");
    return std::move(*opened);
  }
  std::unique_ptr<Ledger> ledger() {
    return std::make_unique<Ledger>(sim_.world(), faulty_, kTenant,
                                    [this](const Error&) { ++waits_; });
  }
  static Task<Ledger::Outcome> put_root(Ledger& ledger) {
    Transaction transaction(kTenant);
    transaction.put(kNodes, (*ledger.table())[kRoot].id.text(), node_value(*ledger.table(), kRoot));
    const auto outcome = co_await ledger.commit(std::move(transaction));
    EXPECT_TRUE(outcome);
    co_return outcome.value_or(Ledger::Outcome::kCancelled);
  }
  static Task<> load(Ledger& ledger, bool expected) {
    const Status loaded = co_await ledger.load();
    EXPECT_TRUE(loaded) << loaded.error().detail;
    EXPECT_EQ(ledger.table() != nullptr, expected);
  }

  sim::Harness sim_{1};
  test::MemoryVfs disk_{1};
  std::unique_ptr<SqliteStore> store_ = open();
  std::vector<Fault::Kind> faults_;  // of the next commits, the last one first
  test::FaultyStore faulty_{*store_, sim_.world(), [this](Call call, std::uint64_t) {
                              if (call != Call::kCommit || faults_.empty()) {
                                return Fault{};
                              }
                              const Fault fault{.kind = faults_.back()};
                              faults_.pop_back();
                              return fault;
                            }};
  int waits_ = 0;
};

TEST_F(LedgerTest, OfTwoWritersOneIsStale) {
  const auto first = ledger();
  const auto second = ledger();
  ASSERT_TRUE(sim_.run([](Ledger& a, Ledger& b) -> Task<> {
    co_await load(a, false);
    co_await load(b, false);
    a.begin(root());
    b.begin(root());
    const auto won = co_await put_root(a);
    EXPECT_EQ(won, Ledger::Outcome::kDone);
    const auto lost = co_await put_root(b);
    EXPECT_EQ(lost, Ledger::Outcome::kStale);
    co_await load(b, true);
    const auto again = co_await put_root(b);
    EXPECT_EQ(again, Ledger::Outcome::kDone);
    const auto late = co_await put_root(a);
    EXPECT_EQ(late, Ledger::Outcome::kStale);
  }(*first, *second)));
}

TEST_F(LedgerTest, ARefusedCommitIsTriedAgain) {
  faults_ = {Fault::Kind::kBefore, Fault::Kind::kBefore, Fault::Kind::kBefore};
  const auto only = ledger();
  ASSERT_TRUE(sim_.run([](Ledger& ledger) -> Task<> {
    co_await load(ledger, false);
    ledger.begin(root());
    const auto done = co_await put_root(ledger);
    EXPECT_EQ(done, Ledger::Outcome::kDone);
  }(*only)));
  EXPECT_EQ(waits_, 3);
}

TEST_F(LedgerTest, ALostAnswerIsReadFromTheStore) {
  faults_ = {Fault::Kind::kAfter};
  const auto only = ledger();
  ASSERT_TRUE(sim_.run([](Ledger& ledger) -> Task<> {
    co_await load(ledger, false);
    ledger.begin(root());
    const auto unclear = co_await put_root(ledger);
    EXPECT_EQ(unclear, Ledger::Outcome::kStale) << "it was committed, and not by this attempt";
    co_await load(ledger, true);
    const auto done = co_await put_root(ledger);
    EXPECT_EQ(done, Ledger::Outcome::kDone);
  }(*only)));
}

TEST_F(LedgerTest, WithoutATenantThereIsNothing) {
  Ledger stranger(sim_.world(), *store_, *TenantName::parse("nobody"), [](const Error&) {});
  ASSERT_TRUE(sim_.run([](Ledger& ledger) -> Task<> {
    const Status loaded = co_await ledger.load();
    EXPECT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Code::kNotFound);
  }(stranger)));
}

}  // namespace
}  // namespace bitvault::watch
