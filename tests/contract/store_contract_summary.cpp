// The contract: summaries of blocks, and skipping by them.

#include "event/block_summary.h"
#include "tests/contract/store_contract.h"

namespace bitvault::test {
namespace {

const BlockQuery kOtherKey{.partitionkeys = {"nobody's"}};
const BlockQuery kTheirKey{.partitionkeys = {"node-1"}};

std::string summary_of_node_1(const TenantName& tenant) {
  EncodedEvent event = given_event(tenant, "e");
  stamp(event, {Epoch::parse("abcdefgh2345").value(), {1}, WallTime{}, {}});
  BlockSummary summary;
  summary.add(event.bytes);
  return summary.encode();
}

TEST_P(StoreContract, SkipsTheBlocksThatTheirSummariesRuleOut) {
  const auto tenant = make_tenant("acme");
  fill(tenant, 4 * kBlockEvents + 10);
  const Epoch epoch = run(store().head(tenant)).value().epoch;
  const std::string summary = summary_of_node_1(tenant);
  const auto skip = [&](std::uint64_t after, const BlockQuery& query) {
    return run(store().skip(tenant, {after}, query)).value().value;
  };
  const auto put = [&](std::uint64_t block, std::optional<std::string> text) {
    return run(store().put_summary(tenant, epoch, block, std::move(text)));
  };
  EXPECT_EQ(skip(0, kOtherKey), 0) << "there is none yet";
  EXPECT_TRUE(put(0, summary));
  EXPECT_TRUE(put(1, summary));
  EXPECT_TRUE(put(2, std::nullopt));
  EXPECT_TRUE(put(3, summary));
  harness().reopen();
  EXPECT_EQ(run(store().upkeep("", 1)).value().items.at(0).summarized, 4);
  EXPECT_EQ(skip(0, kOtherKey), 2 * kBlockEvents);
  EXPECT_EQ(skip(7, kOtherKey), 2 * kBlockEvents) << "also from within a block";
  EXPECT_EQ(skip(kBlockEvents, kOtherKey), 2 * kBlockEvents);
  EXPECT_EQ(skip(2 * kBlockEvents, kOtherKey), 2 * kBlockEvents) << "a block without one is read";
  EXPECT_EQ(skip(2 * kBlockEvents + 5, kOtherKey), 2 * kBlockEvents + 5);
  EXPECT_EQ(skip(3 * kBlockEvents, kOtherKey), 4 * kBlockEvents);
  EXPECT_EQ(skip(4 * kBlockEvents, kOtherKey), 4 * kBlockEvents) << "not whole yet";
  EXPECT_EQ(skip(4 * kBlockEvents + 10, kOtherKey), 4 * kBlockEvents + 10);
  EXPECT_EQ(skip(~std::uint64_t{0}, kOtherKey), ~std::uint64_t{0});
  EXPECT_EQ(skip(0, kTheirKey), 0);
  EXPECT_EQ(skip(0, {}), 0);
}

TEST_P(StoreContract, KeepsASummaryAsItWasWrittenFirst) {
  const auto tenant = make_tenant("acme");
  fill(tenant, 2 * kBlockEvents);
  const Epoch epoch = run(store().head(tenant)).value().epoch;
  EXPECT_TRUE(run(store().put_summary(tenant, epoch, 0, std::nullopt)));
  EXPECT_TRUE(run(store().put_summary(tenant, epoch, 0, summary_of_node_1(tenant))));
  EXPECT_EQ(run(store().skip(tenant, {0}, kOtherKey)).value().value, 0);
}

TEST_P(StoreContract, RefusesSummariesOfWhatIsNotItsOwn) {
  const auto tenant = make_tenant("acme");
  fill(tenant, kBlockEvents + 1);
  const Epoch epoch = run(store().head(tenant)).value().epoch;
  const auto code = [&](const Epoch& of, std::uint64_t block) {
    const Status put = run(store().put_summary(tenant, of, block, summary_of_node_1(tenant)));
    return put ? Code::kInternal : put.error().code;
  };
  EXPECT_EQ(code(epoch, 1), Code::kInvalid);
  EXPECT_EQ(code(epoch, ~std::uint64_t{0}), Code::kInvalid);
  EXPECT_EQ(code(Epoch::parse("abcdefgh2345").value(), 0), Code::kConflict);
  EXPECT_EQ(run(store().skip(tenant, {0}, kOtherKey)).value().value, 0);
}

TEST_P(StoreContract, SkipsNothingBelowTheFloor) {
  const auto tenant = make_tenant("acme");
  fill(tenant, 3 * kBlockEvents);
  const Epoch epoch = run(store().head(tenant)).value().epoch;
  for (std::uint64_t block = 0; block < 3; ++block) {
    EXPECT_TRUE(run(store().put_summary(tenant, epoch, block, summary_of_node_1(tenant))));
  }
  const auto skip = [&](std::uint64_t after) {
    return run(store().skip(tenant, {after}, kOtherKey)).value().value;
  };
  raise(tenant, kBlockEvents + 100);
  prune_all(tenant);
  EXPECT_EQ(skip(0), 0);
  EXPECT_EQ(skip(kBlockEvents), kBlockEvents);
  EXPECT_EQ(skip(kBlockEvents + 99), 3 * kBlockEvents);
  raise(tenant, 3 * kBlockEvents + 1);
  prune_all(tenant);
  EXPECT_EQ(skip(3 * kBlockEvents), 3 * kBlockEvents);
}

TEST_P(StoreContract, SummariesGoWithTheirTenant) {
  for (int i = 0; i < 2; ++i) {
    const auto tenant = make_tenant("acme");
    fill(tenant, kBlockEvents);
    EXPECT_EQ(run(store().skip(tenant, {0}, kOtherKey)).value().value, 0);
    const Epoch epoch = run(store().head(tenant)).value().epoch;
    EXPECT_TRUE(run(store().put_summary(tenant, epoch, 0, summary_of_node_1(tenant))));
    EXPECT_EQ(run(store().skip(tenant, {0}, kOtherKey)).value().value, kBlockEvents);
    EXPECT_TRUE(run(store().delete_tenant(tenant)));
    while (run(store().purge_deleted()).value()) {
    }
  }
}

}  // namespace
}  // namespace bitvault::test
