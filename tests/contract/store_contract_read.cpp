// The contract: reading the journal and the records.

#include "tests/contract/store_contract.h"

namespace bitvault::test {
namespace {

using Strings = std::vector<std::string>;

std::vector<std::uint64_t> sequences(const Slice& slice) {
  std::vector<std::uint64_t> found;
  found.reserve(slice.events.size());
  for (const auto& event : slice.events) {
    found.push_back(event.sequence.value);
  }
  return found;
}

Strings keys(const ListPage<Record>& page) {
  Strings found;
  for (const auto& record : page.items) {
    found.push_back(record.key);
  }
  return found;
}

TEST_P(StoreContract, ReadsARunAfterAPosition) {
  using Found = std::vector<std::uint64_t>;
  const auto tenant = make_tenant("acme");
  const auto read = [&](std::uint64_t after, ReadLimit limit) {
    return run(store().read(tenant, {after}, limit)).value();
  };
  EXPECT_TRUE(read(0, {}).events.empty());
  EXPECT_TRUE(append(tenant, {"a", "b", "c", "d", "e"}));
  EXPECT_EQ(sequences(read(0, {})), (Found{1, 2, 3, 4, 5}));
  EXPECT_EQ(sequences(read(3, {})), (Found{4, 5}));
  EXPECT_EQ(sequences(read(1, {.events = 2})), (Found{2, 3}));
  EXPECT_TRUE(read(1, {.events = 0}).events.empty());
  EXPECT_TRUE(read(5, {}).events.empty());
  EXPECT_TRUE(read(6, {}).events.empty());
  EXPECT_TRUE(read(~std::uint64_t{0}, {}).events.empty());
  EXPECT_EQ(read(3, {}).journal, run(store().head(tenant)).value());
}

TEST_P(StoreContract, StopsARunAtItsBytesButNotBeforeOneEvent) {
  using Found = std::vector<std::uint64_t>;
  const auto tenant = make_tenant("acme");
  EXPECT_TRUE(append(tenant, {"a", "b", "c"}));
  const std::size_t size = journal(tenant)[0].bytes.size();
  const auto read = [&](std::size_t bytes) {
    return sequences(run(store().read(tenant, {0}, {.bytes = bytes})).value());
  };
  EXPECT_EQ(read(1), (Found{1}));
  EXPECT_EQ(read(2 * size - 1), (Found{1}));
  EXPECT_EQ(read(2 * size), (Found{1, 2}));
  EXPECT_EQ(read(3 * size), (Found{1, 2, 3}));
}

TEST_P(StoreContract, FindsAnEventByItsId) {
  const auto tenant = make_tenant("acme");
  EXPECT_TRUE(append(tenant, {"a", "b"}));
  const auto found = run(store().find(tenant, event_id("b")));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, FoundEvent::State::kPresent);
  EXPECT_EQ(found->sequence.value, 2);
  EXPECT_EQ(found->bytes, journal(tenant)[1].bytes);
  EXPECT_EQ(found->leaf, leaf_hash(found->bytes));
  EXPECT_EQ(run(store().find(tenant, event_id("c"))).error().code, Code::kNotFound);
}

TEST_P(StoreContract, FindsThePositionOfATime) {
  const auto tenant = make_tenant("acme");
  const WallTime start = world().clock().wall();
  const auto at = [&](Duration after_start) {
    const auto position = run(store().position_at(tenant, start + after_start)).value();
    EXPECT_EQ(position.epoch, run(store().head(tenant)).value().epoch);
    return position.sequence.value;
  };
  EXPECT_EQ(at(Duration{0}), 0);
  // Recorded at 0, 10, 10, 10, 20 microseconds.
  EXPECT_TRUE(append(tenant, {"a"}));
  world().manual_clock().advance(Duration{10});
  EXPECT_TRUE(append(tenant, {"b", "c"}));
  EXPECT_TRUE(append(tenant, {"d"}));
  world().manual_clock().advance(Duration{10});
  EXPECT_TRUE(append(tenant, {"e"}));
  const std::pair<int, std::uint64_t> cases[] = {{-1, 0}, {0, 0},  {1, 1},  {9, 1},   {10, 1},
                                                 {11, 4}, {20, 4}, {21, 5}, {1000, 5}};
  for (const auto& [micros, expected] : cases) {
    EXPECT_EQ(at(Duration{micros}), expected) << micros;
  }
}

TEST_P(StoreContract, ScansRecordsInTheOrderOfTheirBytes) {
  const auto tenant = make_tenant("acme");
  const Strings ordered = {"a", "a/1", "a/2", "a/2/x", "a0", "b", "\xff", "\xff\xff"};
  for (const std::size_t i : {5u, 0u, 7u, 3u, 1u, 6u, 4u, 2u}) {
    EXPECT_TRUE(put(tenant, ordered[i], "value of " + ordered[i]));
  }
  Transaction other(tenant);
  other.put(kOthers, "a/3", "v");
  EXPECT_TRUE(run(store().commit(std::move(other))));

  const auto scan = [&](std::string prefix, std::string after, std::size_t limit) {
    return run(store().scan(tenant, kThings, std::move(prefix), std::move(after), limit)).value();
  };
  const auto everything = scan("", "", 100);
  EXPECT_EQ(keys(everything), ordered);
  EXPECT_EQ(everything.items[1].value, "value of a/1");
  EXPECT_FALSE(everything.more);
  EXPECT_EQ(keys(scan("a/", "", 100)), (Strings{"a/1", "a/2", "a/2/x"}));
  EXPECT_EQ(keys(scan("a/", "a/1", 100)), (Strings{"a/2", "a/2/x"}));
  EXPECT_EQ(keys(scan("a/", "a", 100)), (Strings{"a/1", "a/2", "a/2/x"}));
  EXPECT_EQ(keys(scan("a/", "b", 100)), Strings{});
  EXPECT_EQ(keys(scan("\xff", "", 100)), (Strings{"\xff", "\xff\xff"}));
  EXPECT_EQ(keys(scan("c", "", 100)), Strings{});

  const auto page = scan("a/", "", 2);
  EXPECT_EQ(keys(page), (Strings{"a/1", "a/2"}));
  EXPECT_TRUE(page.more);
  const auto last = scan("a/", "a/2", 2);
  EXPECT_EQ(keys(last), (Strings{"a/2/x"}));
  EXPECT_FALSE(last.more);
  EXPECT_FALSE(scan("a/", "a/1", 2).more);
}

TEST_P(StoreContract, EndsAPageOfRecordsAtItsBytes) {
  const auto tenant = make_tenant("acme");
  const std::string large(kRecordValueBytesMax, 'v');
  const std::size_t fit = kScanBytesMax / kRecordValueBytesMax;
  Strings names;
  for (std::size_t i = 0; i <= fit; ++i) {
    names.push_back("k" + std::to_string(i));
    EXPECT_TRUE(put(tenant, names.back(), large));
  }
  const auto page = run(store().scan(tenant, kThings, "", "", 100)).value();
  EXPECT_EQ(keys(page), Strings(names.begin(), names.end() - 1));
  EXPECT_TRUE(page.more);
}

TEST_P(StoreContract, KeepsSettingsOfTheInstallation) {
  EXPECT_EQ(run(store().setting("operator.key")).value(), std::nullopt);
  EXPECT_TRUE(run(store().put_setting("operator.key", "hash")));
  EXPECT_TRUE(run(store().put_setting("other", "")));
  EXPECT_EQ(run(store().setting("operator.key")).value(), "hash");
  EXPECT_TRUE(run(store().put_setting("operator.key", "another")));
  harness().reopen();
  EXPECT_EQ(run(store().setting("operator.key")).value(), "another");
  EXPECT_EQ(run(store().setting("other")).value(), "");
}

TEST_P(StoreContract, IsHealthy) { EXPECT_TRUE(store().health()); }

}  // namespace
}  // namespace bitvault::test
