// The contract: transactions, duplicates, expectations.

#include "base/text.h"
#include "tests/contract/store_contract.h"

namespace bitvault::test {
namespace {

using Strings = std::vector<std::string>;

// The value of an envelope's member, which holds no escape.
std::string member(std::string_view bytes, const std::string& name) {
  const std::string key = "\"" + name + "\":\"";
  const auto start = bytes.find(key) + key.size();
  return std::string(bytes.substr(start, bytes.find('"', start) - start));
}

TEST_P(StoreContract, GivesEachEventTheNextSequence) {
  const auto tenant = make_tenant("acme");
  const auto first = append(tenant, {"a", "b"});
  const auto second = append(tenant, {"c"});
  ASSERT_TRUE(first && second);
  ASSERT_EQ(first->events.size(), 2);
  EXPECT_EQ(first->events[0].sequence.value, 1);
  EXPECT_EQ(first->events[1].sequence.value, 2);
  EXPECT_FALSE(first->events[1].duplicate);
  EXPECT_EQ(first->head.value, 2);
  EXPECT_EQ(second->events[0].sequence.value, 3);
  EXPECT_EQ(second->head.value, 3);
  EXPECT_EQ(first->epoch, second->epoch);
  EXPECT_EQ(run(store().head(tenant)).value(), (JournalHead{first->epoch, {3}, {1}}));
  EXPECT_EQ(ids(tenant), (Strings{"a", "b", "c"}));
}

TEST_P(StoreContract, StampsTheBytesOnce) {
  const auto tenant = make_tenant("acme");
  const auto committed = append(tenant, {"a", "b"});
  const auto once = journal(tenant);
  ASSERT_EQ(once.size(), 2);
  for (const auto& event : once) {
    EXPECT_EQ(member(event.bytes, "sequence"), sequence_text(event.sequence));
    EXPECT_EQ(member(event.bytes, "epoch"), committed->epoch.str());
    EXPECT_EQ(member(event.bytes, "recordedtime"), format_time(world().clock().wall()));
  }
  EXPECT_NE(member(once[0].bytes, "salt"), member(once[1].bytes, "salt"));

  EXPECT_TRUE(append(tenant, {"c"}));
  harness().reopen();
  const auto again = journal(tenant);
  ASSERT_EQ(again.size(), 3);
  EXPECT_EQ(again[0].bytes, once[0].bytes);
  EXPECT_EQ(again[1].bytes, once[1].bytes);
}

TEST_P(StoreContract, TakesTheLargestTransaction) {
  const auto tenant = make_tenant("acme");
  Transaction transaction(tenant);
  for (std::size_t i = 0; i < kTransactionEventsMax; ++i) {
    transaction.append(made_event(tenant, world()));
  }
  transaction.put(kThings, std::string(kRecordKeyBytesMax, 'k'),
                  std::string(kRecordValueBytesMax, 'v'));
  const auto committed = run(store().commit(std::move(transaction)));
  ASSERT_TRUE(committed) << committed.error().detail;
  EXPECT_EQ(committed->head.value, kTransactionEventsMax);
  EXPECT_EQ(journal(tenant).size(), kTransactionEventsMax);
  EXPECT_EQ(get(tenant, std::string(kRecordKeyBytesMax, 'k'))->size(), kRecordValueBytesMax);
}

TEST_P(StoreContract, RefusesWhatIsPastTheLimits) {
  const auto tenant = make_tenant("acme");
  EXPECT_EQ(put(tenant, "", "v").error().code, Code::kInvalid);
  EXPECT_EQ(put(tenant, "k", std::string(kRecordValueBytesMax + 1, 'v')).error().code,
            Code::kTooLarge);
  Transaction many(tenant);
  for (std::size_t i = 0; i <= kTransactionEventsMax; ++i) {
    many.append(made_event(tenant, world()));
  }
  EXPECT_EQ(run(store().commit(std::move(many))).error().code, Code::kInvalid);
  EXPECT_EQ(head(tenant), 0);
}

TEST_P(StoreContract, RecordedTimeNeverDecreases) {
  const auto tenant = make_tenant("acme");
  EXPECT_TRUE(append(tenant, {"a"}));
  const WallTime first = world().clock().wall();
  world().manual_clock().set_wall(first - std::chrono::hours(1));
  EXPECT_TRUE(append(tenant, {"b"}));
  harness().reopen();
  EXPECT_TRUE(append(tenant, {"c"}));
  world().manual_clock().set_wall(first + std::chrono::seconds(1));
  EXPECT_TRUE(append(tenant, {"d"}));
  const auto events = journal(tenant);
  ASSERT_EQ(events.size(), 4);
  for (const std::size_t i : {0u, 1u, 2u}) {
    EXPECT_EQ(member(events[i].bytes, "recordedtime"), format_time(first));
  }
  EXPECT_EQ(member(events[3].bytes, "recordedtime"), format_time(first + std::chrono::seconds(1)));
}

TEST_P(StoreContract, ReportsARepeatedIdAsDuplicate) {
  const auto tenant = make_tenant("acme");
  EXPECT_TRUE(append(tenant, {"a", "b"}, "note"));
  const auto repeat = append(tenant, {"c", "b", "d"}, "note");
  ASSERT_TRUE(repeat);
  ASSERT_EQ(repeat->events.size(), 3);
  EXPECT_EQ(repeat->events[0].sequence.value, 3);
  EXPECT_FALSE(repeat->events[0].duplicate);
  EXPECT_EQ(repeat->events[1].sequence.value, 2);
  EXPECT_TRUE(repeat->events[1].duplicate);
  EXPECT_EQ(repeat->events[2].sequence.value, 4);
  EXPECT_EQ(repeat->head.value, 4);
  EXPECT_EQ(ids(tenant), (Strings{"a", "b", "c", "d"}));

  const auto all = append(tenant, {"d", "a"}, "note");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->head.value, 4);
  EXPECT_EQ(all->events[0].sequence.value, 4);
  EXPECT_EQ(all->events[1].sequence.value, 1);
  EXPECT_EQ(head(tenant), 4);
}

TEST_P(StoreContract, ReportsARepeatedMadeIdAsDuplicateToo) {
  const auto tenant = make_tenant("acme");
  const auto event = made_event(tenant, world());
  Transaction first(tenant);
  first.append(event);
  EXPECT_TRUE(run(store().commit(std::move(first))));

  Transaction again(tenant);
  again.append(made_event(tenant, world()));
  again.append(event);
  const auto repeat = run(store().commit(std::move(again)));
  ASSERT_TRUE(repeat) << repeat.error().detail;
  EXPECT_FALSE(repeat->events[0].duplicate);
  EXPECT_EQ(repeat->events[0].sequence.value, 2);
  EXPECT_TRUE(repeat->events[1].duplicate);
  EXPECT_EQ(repeat->events[1].sequence.value, 1);
  EXPECT_EQ(head(tenant), 2);
}

TEST_P(StoreContract, RefusesARepeatedIdWithOtherMembers) {
  const auto tenant = make_tenant("acme");
  EXPECT_TRUE(append(tenant, {"a", "b"}, "one"));

  Transaction transaction(tenant);
  transaction.append(given_event(tenant, "c", "one"));
  transaction.append(given_event(tenant, "a", "one"));
  transaction.append(given_event(tenant, "b", "another"));
  transaction.put(kThings, "k", "v");
  const auto conflict = run(store().commit(std::move(transaction)));
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code, Code::kIdConflict);
  EXPECT_NE(conflict.error().detail.find(" b "), std::string::npos) << conflict.error().detail;
  ASSERT_EQ(conflict.error().violations.size(), 1);
  EXPECT_EQ(conflict.error().violations[0].index, 2);
  EXPECT_EQ(conflict.error().violations[0].path, "id");
  EXPECT_EQ(ids(tenant), (Strings{"a", "b"}));
  EXPECT_EQ(get(tenant, "k"), std::nullopt);
  EXPECT_EQ(append(tenant, {"c"})->events[0].sequence.value, 3);
}

TEST_P(StoreContract, RefusesTheSameIdTwiceInOneTransaction) {
  const auto tenant = make_tenant("acme");
  const auto twice = append(tenant, {"a", "b", "a"});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::kInvalid);
  ASSERT_EQ(twice.error().violations.size(), 1);
  EXPECT_EQ(twice.error().violations[0].index, 2);
  EXPECT_EQ(twice.error().violations[0].path, "id");
  EXPECT_EQ(head(tenant), 0);
}

TEST_P(StoreContract, KeepsRecords) {
  const auto tenant = make_tenant("acme");
  const std::string key("\x00\xff k", 4);
  const std::string value("\x00 value \xff", 9);
  EXPECT_EQ(get(tenant, key), std::nullopt);
  EXPECT_TRUE(put(tenant, key, value));
  EXPECT_TRUE(put(tenant, "empty", ""));
  harness().reopen();
  EXPECT_EQ(get(tenant, key), value);
  EXPECT_EQ(get(tenant, "empty"), "");
  EXPECT_EQ(run(store().get(tenant, kOthers, key)).value(), std::nullopt);

  Transaction change(tenant);
  change.put(kThings, "empty", "first");
  change.put(kThings, "empty", "last");
  change.erase(kThings, key);
  change.erase(kThings, "not there");
  change.put(kThings, "gone", "v");
  change.erase(kThings, "gone");
  const auto committed = run(store().commit(std::move(change)));
  ASSERT_TRUE(committed);
  EXPECT_EQ(committed->head.value, 0);
  EXPECT_TRUE(committed->events.empty());
  EXPECT_EQ(get(tenant, "empty"), "last");
  EXPECT_EQ(get(tenant, key), std::nullopt);
  EXPECT_EQ(get(tenant, "gone"), std::nullopt);
}

TEST_P(StoreContract, CommitsOnlyWhenRecordsAreAsExpected) {
  const auto tenant = make_tenant("acme");
  const auto attempt = [&](std::optional<std::string> expected, std::string id) {
    Transaction transaction(tenant);
    transaction.put(kThings, "k", id);
    transaction.append(given_event(tenant, id));
    transaction.expect(kThings, "k", std::move(expected));  // before the writes, whatever the order
    return run(store().commit(std::move(transaction)));
  };
  EXPECT_EQ(attempt("a", "a").error().code, Code::kConflict);
  EXPECT_TRUE(attempt(std::nullopt, "a"));
  EXPECT_EQ(attempt(std::nullopt, "b").error().code, Code::kConflict);
  EXPECT_EQ(attempt("", "b").error().code, Code::kConflict);
  EXPECT_TRUE(attempt("a", "b"));
  EXPECT_EQ(get(tenant, "k"), "b");
  EXPECT_EQ(ids(tenant), (Strings{"a", "b"}));
}

TEST_P(StoreContract, CommitsEventsAndRecordsTogetherOrNotAtAll) {
  const auto tenant = make_tenant("acme");
  Transaction fails(tenant);
  fails.append(given_event(tenant, "a"));
  fails.put(kThings, "k", "v");
  fails.expect(kThings, "other", "there");
  EXPECT_EQ(run(store().commit(std::move(fails))).error().code, Code::kConflict);
  EXPECT_EQ(head(tenant), 0);
  EXPECT_EQ(get(tenant, "k"), std::nullopt);
  EXPECT_EQ(run(store().find(tenant, event_id("a"))).error().code, Code::kNotFound);

  Transaction works(tenant);
  works.append(given_event(tenant, "a"));
  works.put(kThings, "k", "v");
  EXPECT_TRUE(run(store().commit(std::move(works))));
  EXPECT_EQ(head(tenant), 1);
  EXPECT_EQ(get(tenant, "k"), "v");
}

TEST_P(StoreContract, KeepsTenantsApart) {
  const auto acme = make_tenant("acme");
  const auto beta = make_tenant("beta");
  EXPECT_TRUE(append(acme, {"a", "b"}, "of acme"));
  EXPECT_TRUE(put(acme, "k", "of acme"));

  const auto same_id = append(beta, {"b"}, "of beta");
  ASSERT_TRUE(same_id);
  EXPECT_FALSE(same_id->events[0].duplicate);
  EXPECT_EQ(same_id->events[0].sequence.value, 1);
  EXPECT_EQ(get(beta, "k"), std::nullopt);
  EXPECT_EQ(run(store().find(beta, event_id("a"))).error().code, Code::kNotFound);
  EXPECT_TRUE(run(store().scan(beta, kThings, "", "", 10)).value().items.empty());

  Transaction erase(beta);
  erase.erase(kThings, "k");
  EXPECT_TRUE(run(store().commit(std::move(erase))));
  EXPECT_EQ(get(acme, "k"), "of acme");
  EXPECT_EQ(ids(acme), (Strings{"a", "b"}));
  EXPECT_EQ(ids(beta), (Strings{"b"}));
  EXPECT_NE(run(store().head(acme)).value().epoch, run(store().head(beta)).value().epoch);
}

TEST_P(StoreContract, GoesOnAfterBeingOpenedAgain) {
  const auto tenant = make_tenant("acme");
  const auto before = append(tenant, {"a", "b"});
  EXPECT_TRUE(put(tenant, "k", "v"));
  harness().reopen();
  EXPECT_EQ(run(store().head(tenant)).value(), (JournalHead{before->epoch, {2}, {1}}));
  EXPECT_EQ(get(tenant, "k"), "v");
  EXPECT_TRUE(append(tenant, {"a"})->events[0].duplicate);
  const auto after = append(tenant, {"c"});
  EXPECT_EQ(after->events[0].sequence.value, 3);
  EXPECT_EQ(after->epoch, before->epoch);
  EXPECT_EQ(ids(tenant), (Strings{"a", "b", "c"}));
}

TEST_P(StoreContract, TellsTheListenerOfEveryHead) {
  const auto acme = make_tenant("acme");
  const auto beta = make_tenant("beta");
  EXPECT_TRUE(harness().heard().empty());
  const auto first = append(acme, {"a", "b"});
  EXPECT_TRUE(append(beta, {"a"}));
  EXPECT_TRUE(put(acme, "k", "v"));
  EXPECT_TRUE(append(acme, {"a"}));  // a duplicate moves nothing
  const auto heard = harness().heard();
  ASSERT_EQ(heard.size(), 2);
  EXPECT_EQ(heard[0].first, acme);
  EXPECT_EQ(heard[0].second, (JournalHead{first->epoch, {2}, {1}}));
  EXPECT_EQ(heard[1].first, beta);
  EXPECT_EQ(heard[1].second.head.value, 1);
}

}  // namespace
}  // namespace bitvault::test
