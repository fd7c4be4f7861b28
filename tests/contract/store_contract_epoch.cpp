// The contract: a tenant's epochs.

#include "tests/contract/store_contract.h"

namespace bitvault::test {
namespace {

// The epoch that an event carries in its bytes.
std::string epoch_in(const StoredEvent& event) {
  constexpr std::string_view kKey = "\"epoch\":\"";
  return std::string(
      event.bytes.view().substr(event.bytes.view().find(kKey) + kKey.size(), Epoch::kBytes));
}

TEST_P(StoreContract, ATenantBeginsWithOneEpoch) {
  const auto tenant = make_tenant("acme");
  const auto epochs = run(store().epochs(tenant));
  ASSERT_TRUE(epochs);
  ASSERT_EQ(epochs->size(), 1);
  EXPECT_EQ(epochs->at(0).epoch, run(store().head(tenant)).value().epoch);
  EXPECT_EQ(epochs->at(0).first.value, 1);
  EXPECT_EQ(epochs->at(0).label, "");
  EXPECT_EQ(epochs->at(0).began, world().clock().wall());
}

TEST_P(StoreContract, ANewEpochGoesOnBehindTheHeadAndKeepsWhatWas) {
  const auto tenant = make_tenant("acme");
  EXPECT_TRUE(append(tenant, {"a", "b"}));
  const auto before = journal(tenant);
  const JournalHead old = run(store().head(tenant)).value();
  world().manual_clock().advance(std::chrono::seconds(5));
  const auto begun = run(store().begin_epoch(tenant, "restored"));
  ASSERT_TRUE(begun);
  EXPECT_NE(begun->epoch, old.epoch);
  EXPECT_EQ(begun->head, old.head);
  EXPECT_EQ(begun->floor, old.floor);
  EXPECT_EQ(run(store().head(tenant)).value(), *begun);
  EXPECT_EQ(append(tenant, {"c"})->epoch, begun->epoch);
  harness().reopen();
  EXPECT_EQ(run(store().head(tenant)).value().epoch, begun->epoch);
  const auto after = journal(tenant);
  ASSERT_EQ(after.size(), 3);
  EXPECT_EQ(after[0].bytes, before[0].bytes);
  EXPECT_EQ(after[1].bytes, before[1].bytes);
  EXPECT_EQ(epoch_in(after[1]), old.epoch.str());
  EXPECT_EQ(epoch_in(after[2]), begun->epoch.str());

  const auto epochs = run(store().epochs(tenant)).value();
  ASSERT_EQ(epochs.size(), 2);
  EXPECT_EQ(epochs[0].epoch, old.epoch);
  EXPECT_EQ(epochs[1].epoch, begun->epoch);
  EXPECT_EQ(epochs[1].first.value, 3);
  EXPECT_EQ(epochs[1].label, "restored");
  EXPECT_EQ(epochs[1].began, world().clock().wall());
}

TEST_P(StoreContract, DuplicatesAreKnownAcrossEpochs) {
  const auto tenant = make_tenant("acme");
  EXPECT_TRUE(append(tenant, {"a"}, "note"));
  EXPECT_TRUE(run(store().begin_epoch(tenant, "")));
  EXPECT_TRUE(append(tenant, {"a"}, "note")->events[0].duplicate);
  EXPECT_EQ(append(tenant, {"a"}, "other").error().code, Code::kIdConflict);
  EXPECT_EQ(run(store().find(tenant, event_id("a")))->sequence.value, 1);
}

TEST_P(StoreContract, AnEpochOfALabelBeginsOnce) {
  const auto tenant = make_tenant("acme");
  const auto begin = [&](std::string label) {
    return run(store().begin_epoch(tenant, std::move(label))).value().epoch;
  };
  const Epoch first = begin("x");
  EXPECT_EQ(begin("x"), first);
  EXPECT_TRUE(append(tenant, {"a"}));
  harness().reopen();
  EXPECT_EQ(begin("x"), first);
  const Epoch second = begin("y");
  EXPECT_NE(second, first);
  EXPECT_NE(begin("x"), first) << "only the current epoch's label counts";
  const Epoch unnamed = begin("");
  EXPECT_NE(begin(""), unnamed);
  EXPECT_EQ(run(store().epochs(tenant)).value().size(), 6);
}

TEST_P(StoreContract, EpochsWithoutEventsAreKeptToo) {
  const auto tenant = make_tenant("acme");
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(run(store().begin_epoch(tenant, "")));
  }
  for (const EpochBegin& epoch : run(store().epochs(tenant)).value()) {
    EXPECT_EQ(epoch.first.value, 1);
  }
  EXPECT_EQ(run(store().epochs(tenant)).value().size(), 3);
}

TEST_P(StoreContract, AnEpochsLabelIsBounded) {
  const auto tenant = make_tenant("acme");
  const auto code = [&](std::size_t bytes) {
    const auto begun = run(store().begin_epoch(tenant, std::string(bytes, 'l')));
    return begun ? Code::kInternal : begun.error().code;
  };
  EXPECT_EQ(code(kEpochLabelBytesMax + 1), Code::kInvalid);
  EXPECT_EQ(code(kEpochLabelBytesMax), Code::kInternal);
}

TEST_P(StoreContract, OtherTenantsKeepTheirEpoch) {
  const auto acme = make_tenant("acme");
  const auto beta = make_tenant("beta");
  const JournalHead before = run(store().head(beta)).value();
  EXPECT_TRUE(run(store().begin_epoch(acme, "")));
  EXPECT_EQ(run(store().head(beta)).value(), before);
  EXPECT_EQ(run(store().epochs(beta)).value().size(), 1);
}

TEST_P(StoreContract, EpochsGoWithTheirTenant) {
  const auto old = make_tenant("acme");
  EXPECT_TRUE(run(store().begin_epoch(old, "")));
  EXPECT_TRUE(run(store().delete_tenant(old)));
  while (run(store().purge_deleted()).value()) {
  }
  const auto tenant = make_tenant("acme");
  EXPECT_EQ(run(store().epochs(tenant)).value().size(), 1);
}

TEST_P(StoreContract, TheListenerHearsOfANewEpoch) {
  const auto tenant = make_tenant("acme");
  EXPECT_TRUE(append(tenant, {"a"}));
  const auto begun = run(store().begin_epoch(tenant, ""));
  ASSERT_TRUE(begun);
  const auto heard = harness().heard();
  ASSERT_FALSE(heard.empty());
  EXPECT_EQ(heard.back().second, *begun);
}

}  // namespace
}  // namespace bitvault::test
