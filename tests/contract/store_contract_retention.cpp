// The contract: how events leave a journal, and what is held.

#include "tests/contract/store_contract.h"

namespace bitvault::test {
namespace {

using State = FoundEvent::State;
using Strings = std::vector<std::string>;

using Found = std::vector<std::uint64_t>;

TEST_P(StoreContract, TheFloorHidesWhatIsBelowIt) {
  const auto tenant = journal_of({"a", "b", "c", "d", "e"});
  const JournalHead raised = raise(tenant, 4);
  EXPECT_EQ(raised.floor.value, 4);
  EXPECT_EQ(raised, run(store().head(tenant)).value());
  EXPECT_EQ(readable(tenant), (Found{4, 5}));
  EXPECT_EQ(readable(tenant, 2), (Found{4, 5}));
  EXPECT_EQ(readable(tenant, 4), (Found{5}));
  EXPECT_EQ(run(store().read(tenant, {0}, {.events = 1})).value().journal.floor.value, 4);
  EXPECT_EQ(run(store().position_at(tenant, WallTime{})).value().sequence.value, 3);
  harness().reopen();
  EXPECT_EQ(run(store().head(tenant)).value(), raised);
  EXPECT_EQ(readable(tenant), (Found{4, 5}));
}

TEST_P(StoreContract, TheFloorOnlyRisesAndStopsBehindTheHead) {
  const auto tenant = journal_of({"a", "b", "c"});
  EXPECT_EQ(raise(tenant, 3).floor.value, 3);
  EXPECT_EQ(raise(tenant, 2).floor.value, 3);
  EXPECT_EQ(raise(tenant, 0).floor.value, 3);
  EXPECT_EQ(raise(tenant, ~std::uint64_t{0}).floor.value, 4);
  EXPECT_TRUE(readable(tenant).empty());
  const auto next = append(tenant, {"d"});
  ASSERT_TRUE(next);
  EXPECT_EQ(next->events[0].sequence.value, 4);
  EXPECT_EQ(readable(tenant), (Found{4}));
}

TEST_P(StoreContract, TheFloorOfAnotherEpochIsRefused) {
  const auto tenant = journal_of({"a", "b"});
  const auto refused =
      run(store().raise_floor(tenant, {Epoch::parse("abcdefgh2345").value(), {2}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_EQ(run(store().head(tenant)).value().floor.value, 1);
}

TEST_P(StoreContract, PruningDeletesBytesAndKeepsLeaves) {
  const auto tenant = journal_of({"a", "b", "c", "d"});
  const auto before = journal(tenant);
  EXPECT_EQ(prune(tenant).events, 0) << "nothing is below the floor";
  raise(tenant, 3);
  const Pruned pruned = prune(tenant);
  EXPECT_EQ(pruned.events, 2);
  EXPECT_EQ(pruned.ids, 0);
  EXPECT_EQ(prune(tenant).events, 0) << "it is idempotent";
  harness().reopen();
  for (const std::uint64_t sequence : {1u, 2u}) {
    const auto gone = held(tenant, sequence);
    ASSERT_TRUE(gone);
    EXPECT_EQ(gone->state, State::kPruned);
    EXPECT_EQ(gone->sequence.value, sequence);
    EXPECT_EQ(gone->leaf, leaf_hash(before[sequence - 1].bytes));
    EXPECT_TRUE(gone->bytes.empty());
  }
  const auto there = held(tenant, 3);
  ASSERT_TRUE(there);
  EXPECT_EQ(there->state, State::kPresent);
  EXPECT_EQ(there->bytes, before[2].bytes);
  EXPECT_EQ(held(tenant, 5).error().code, Code::kNotFound);
  EXPECT_EQ(readable(tenant), (Found{3, 4}));
}

TEST_P(StoreContract, APrunedEventIsFoundAsSuchAtOnce) {
  const auto tenant = journal_of({"a", "b"});
  const auto leaf = find(tenant, "a").value().leaf;
  raise(tenant, 2);
  for (int i = 0; i < 2; ++i) {
    const auto gone = find(tenant, "a");
    ASSERT_TRUE(gone);
    EXPECT_EQ(gone->state, State::kPruned);
    EXPECT_EQ(gone->sequence.value, 1);
    EXPECT_EQ(gone->leaf, leaf);
    EXPECT_TRUE(gone->bytes.empty());
    prune(tenant);
  }
  EXPECT_EQ(find(tenant, "b")->state, State::kPresent);
}

TEST_P(StoreContract, AnIdIsRememberedUntilItMayBeForgotten) {
  const auto tenant = journal_of({"a", "b"});
  const WallTime recorded = world().clock().wall();
  raise(tenant, 3);
  const auto repeat = [&](std::string_view note) {
    const auto again = append(tenant, {"a"}, note);
    return again && again->events[0].duplicate && again->events[0].sequence.value == 1;
  };
  EXPECT_TRUE(repeat("note"));
  EXPECT_TRUE(repeat("other")) << "no members are left to compare";
  prune(tenant);
  EXPECT_TRUE(repeat("note"));
  EXPECT_TRUE(repeat("other"));
  EXPECT_EQ(prune(tenant, recorded).ids, 0);
  EXPECT_TRUE(repeat("other"));
  harness().reopen();
  EXPECT_TRUE(repeat("other"));

  EXPECT_EQ(prune(tenant, recorded + Duration{1}).ids, 2);
  EXPECT_EQ(find(tenant, "a").error().code, Code::kNotFound);
  const auto fresh = append(tenant, {"a"}, "note");
  ASSERT_TRUE(fresh);
  EXPECT_FALSE(fresh->events[0].duplicate);
  EXPECT_EQ(fresh->events[0].sequence.value, 3);
  EXPECT_EQ(prune(tenant, recorded + Duration{1}).ids, 0) << "a retained event keeps its id";
  EXPECT_EQ(find(tenant, "a")->sequence.value, 3);
}

TEST_P(StoreContract, OnlyIdsThatAreOldEnoughAreForgotten) {
  const auto tenant = journal_of({"a", "b"});
  world().manual_clock().advance(Duration{10});
  const WallTime second = world().clock().wall();
  EXPECT_TRUE(append(tenant, {"c"}));
  raise(tenant, 4);
  const Pruned pruned = prune(tenant, second);
  EXPECT_EQ(pruned.events, 3);
  EXPECT_EQ(pruned.ids, 2);
  EXPECT_EQ(find(tenant, "b").error().code, Code::kNotFound);
  EXPECT_EQ(find(tenant, "c")->state, State::kPruned);
  EXPECT_EQ(prune(tenant, second + Duration{1}).ids, 1);
  EXPECT_EQ(find(tenant, "c").error().code, Code::kNotFound);
}

TEST_P(StoreContract, PrunesInBoundedBatches) {
  const auto tenant = make_tenant("acme");
  const auto other = make_tenant("beta");
  EXPECT_TRUE(append(other, {"a"}));
  Transaction transaction(tenant);
  for (int i = 0; i < 1'000; ++i) {
    transaction.append(made_event(tenant, world()));
  }
  EXPECT_TRUE(run(store().commit(std::move(transaction))));
  raise(tenant, 991);
  const auto first = run(store().prune(tenant, WallTime{})).value();
  EXPECT_GT(first.events, 0);
  EXPECT_LT(first.events, 500);
  EXPECT_TRUE(first.more);
  harness().reopen();
  EXPECT_EQ(first.events + prune(tenant).events, 990) << "it goes on where it was";
  EXPECT_EQ(prune_all(tenant).ids, 990);
  EXPECT_EQ(readable(tenant).size(), 10);
  EXPECT_EQ(readable(other), (Found{1}));
  EXPECT_EQ(find(other, "a")->state, State::kPresent);
}

TEST_P(StoreContract, TellsWhatIsLeftToDo) {
  const auto tenant = journal_of({"a", "b", "c"});
  const WallTime recorded = world().clock().wall();
  const auto upkeep = [&] {
    const auto page = run(store().upkeep("", 10)).value();
    EXPECT_EQ(page.items.size(), 1);
    EXPECT_FALSE(page.more);
    return page.items.at(0);
  };
  Upkeep now = upkeep();
  EXPECT_EQ(now.tenant.name, tenant);
  EXPECT_EQ(now.tenant.journal, run(store().head(tenant)).value());
  EXPECT_EQ(now.swept.value, 1);
  EXPECT_EQ(now.forgotten.value, 1);
  EXPECT_EQ(now.oldest, recorded);
  EXPECT_EQ(now.oldest_id, std::nullopt);
  raise(tenant, 4);
  now = upkeep();
  EXPECT_EQ(now.oldest, std::nullopt);
  EXPECT_EQ(now.oldest_id, recorded);
  prune(tenant);
  now = upkeep();
  EXPECT_EQ(now.swept.value, 4);
  EXPECT_EQ(now.forgotten.value, 1);
  prune_all(tenant);
  harness().reopen();
  now = upkeep();
  EXPECT_EQ(now.forgotten.value, 4);
  EXPECT_EQ(now.oldest_id, std::nullopt);
}

TEST_P(StoreContract, ListsUpkeepByName) {
  for (const char* name : {"c", "a", "b"}) {
    make_tenant(name);
  }
  const auto first = run(store().upkeep("", 2)).value();
  ASSERT_EQ(first.items.size(), 2);
  EXPECT_EQ(first.items[1].tenant.name.str(), "b");
  EXPECT_TRUE(first.more);
  const auto rest = run(store().upkeep("b", 2)).value();
  ASSERT_EQ(rest.items.size(), 1);
  EXPECT_EQ(rest.items[0].tenant.name.str(), "c");
}

// ---- holds

TEST_P(StoreContract, WhatIsHeldStaysUntilItsLastRelease) {
  const auto tenant = journal_of({"a", "b", "c", "d"});
  const auto bytes = journal(tenant)[1].bytes;
  EXPECT_TRUE(hold(tenant, 2, "webhook 1"));
  EXPECT_TRUE(hold(tenant, 2, "webhook 2"));
  EXPECT_TRUE(hold(tenant, 2, "webhook 2")) << "once more is once";
  raise(tenant, 4);
  EXPECT_EQ(prune_all(tenant).events, 2);
  const auto check_held = [&] {
    const auto there = held(tenant, 2);
    ASSERT_TRUE(there);
    EXPECT_EQ(there->state, State::kPresent);
    EXPECT_EQ(there->bytes, bytes);
    EXPECT_EQ(held(tenant, 1)->state, State::kPruned);
    EXPECT_EQ(readable(tenant), (Found{4})) << "the feed does not show it";
  };
  check_held();
  harness().reopen();
  check_held();
  EXPECT_TRUE(release(tenant, 2, "webhook 1"));
  check_held();
  EXPECT_TRUE(release(tenant, 2, "nobody"));
  check_held();
  EXPECT_TRUE(release(tenant, 2, "webhook 2"));
  EXPECT_EQ(held(tenant, 2)->state, State::kPruned);
  EXPECT_EQ(held(tenant, 2)->leaf, leaf_hash(bytes));
  EXPECT_TRUE(release(tenant, 2, "webhook 2"));
}

TEST_P(StoreContract, AHeldEventIsPrunedForEverybodyElse) {
  const auto tenant = journal_of({"a", "b"});
  EXPECT_TRUE(hold(tenant, 1, "w"));
  raise(tenant, 2);
  prune(tenant);
  const auto found = find(tenant, "a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, State::kPruned);
  EXPECT_TRUE(found->bytes.empty());
  EXPECT_TRUE(append(tenant, {"a"}, "other")->events[0].duplicate);
}

TEST_P(StoreContract, WhatIsNotDeletedYetCanBeHeld) {
  const auto tenant = journal_of({"a", "b", "c"});
  raise(tenant, 3);
  EXPECT_TRUE(hold(tenant, 1, "w"));
  EXPECT_EQ(prune(tenant).events, 1);
  EXPECT_EQ(held(tenant, 1)->state, State::kPresent);
  EXPECT_EQ(held(tenant, 2)->state, State::kPruned);
  EXPECT_TRUE(release(tenant, 1, "w"));
  EXPECT_EQ(held(tenant, 1)->state, State::kPruned);
}

TEST_P(StoreContract, WhatIsGoneCannotBeHeld) {
  const auto tenant = journal_of({"a", "b"});
  raise(tenant, 2);
  prune(tenant);
  Transaction transaction(tenant);
  transaction.put(kThings, "k", "v");
  transaction.append(given_event(tenant, "z"));
  transaction.hold({2}, "w");
  transaction.hold({1}, "w");
  const auto refused = run(store().commit(std::move(transaction)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kEventPruned);
  EXPECT_EQ(get(tenant, "k"), std::nullopt) << "nothing of it was done";
  EXPECT_EQ(head(tenant), 2);
  raise(tenant, 3);
  prune(tenant);
  EXPECT_EQ(held(tenant, 2)->state, State::kPruned) << "its hold was not taken either";
  EXPECT_EQ(hold(tenant, 0, "w").error().code, Code::kNotFound);
  EXPECT_EQ(hold(tenant, 3, "w").error().code, Code::kNotFound);
}

TEST_P(StoreContract, AHoldPassesToAnotherHolderInOneTransaction) {
  const auto tenant = journal_of({"a", "b"});
  EXPECT_TRUE(hold(tenant, 1, "retry"));
  raise(tenant, 3);
  prune(tenant);
  Transaction transaction(tenant);
  transaction.release({1}, "retry");
  transaction.hold({1}, "dead letter");
  EXPECT_TRUE(run(store().commit(std::move(transaction))));
  EXPECT_EQ(held(tenant, 1)->state, State::kPresent);
  EXPECT_TRUE(release(tenant, 1, "dead letter"));
  EXPECT_EQ(held(tenant, 1)->state, State::kPruned);
}

TEST_P(StoreContract, AHeldEventsIdIsForgottenAndItsNewOwnerKeptApart) {
  const auto tenant = journal_of({"a", "b"});
  EXPECT_TRUE(hold(tenant, 1, "w"));
  raise(tenant, 3);
  EXPECT_EQ(prune_all(tenant).ids, 2);
  const auto again = append(tenant, {"a"}, "other");
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->events[0].duplicate);
  EXPECT_TRUE(release(tenant, 1, "w"));
  EXPECT_EQ(find(tenant, "a")->sequence.value, 3);
  EXPECT_EQ(held(tenant, 1)->state, State::kPruned);
  EXPECT_TRUE(append(tenant, {"a"}, "other")->events[0].duplicate);
}

TEST_P(StoreContract, TheIdOfWhatIsReleasedIsStillRemembered) {
  const auto tenant = journal_of({"a", "b"});
  EXPECT_TRUE(hold(tenant, 1, "w"));
  raise(tenant, 3);
  prune(tenant);
  EXPECT_TRUE(release(tenant, 1, "w"));
  EXPECT_EQ(find(tenant, "a")->state, State::kPruned);
  EXPECT_EQ(prune_all(tenant).ids, 2);
  EXPECT_EQ(find(tenant, "a").error().code, Code::kNotFound);
}

TEST_P(StoreContract, AHolderHasABoundedName) {
  const auto tenant = journal_of({"a"});
  EXPECT_EQ(hold(tenant, 1, "").error().code, Code::kInvalid);
  EXPECT_EQ(hold(tenant, 1, std::string(kHolderBytesMax + 1, 'h')).error().code, Code::kInvalid);
  EXPECT_TRUE(hold(tenant, 1, std::string(kHolderBytesMax, 'h')));
}

TEST_P(StoreContract, HoldsGoWithTheirTenant) {
  const auto old = journal_of({"a", "b"});
  EXPECT_TRUE(hold(old, 1, "w"));
  raise(old, 2);
  prune_all(old);
  EXPECT_TRUE(run(store().delete_tenant(old)));
  while (run(store().purge_deleted()).value()) {
  }
  const auto tenant = journal_of({"a", "b"});
  EXPECT_EQ(run(store().head(tenant)).value().floor.value, 1);
  raise(tenant, 3);
  EXPECT_EQ(prune_all(tenant).events, 2);
}

// ---- readers while events leave

Task<bool> read_what_is_left(Store& store, TenantName tenant, std::uint64_t until) {
  Sequence after;
  while (after.value < until) {
    auto slice = co_await store.read(tenant, after, {.events = 7});
    if (!slice) {
      co_return false;
    }
    if (after.next() < slice->journal.floor) {
      after = Sequence{slice->journal.floor.value - 1};
    }
    for (const StoredEvent& event : slice->events) {
      const bool next = event.sequence == after.next();
      if (!next || event.bytes.empty() || read_head(event.bytes).id.empty()) {
        co_return false;
      }
      after = event.sequence;
    }
  }
  co_return true;
}

Task<bool> publish_many(Store& store, TenantName tenant, int count) {
  for (int i = 0; i < count; ++i) {
    Transaction transaction(tenant);
    transaction.append(given_event(tenant, "e" + std::to_string(i)));
    const auto committed = co_await store.commit(std::move(transaction));
    if (!committed) {
      co_return false;
    }
  }
  co_return true;
}

Task<bool> let_go(Store& store, TenantName tenant, std::uint64_t until) {
  Sequence head;
  while (head.value < until) {
    const auto journal = co_await store.head(tenant);
    if (!journal) {
      co_return false;
    }
    head = journal->head;
    const Sequence floor{head.value > 3 ? head.value - 3 : 1};
    const auto raised = co_await store.raise_floor(tenant, {journal->epoch, floor});
    const auto pruned = co_await store.prune(tenant, WallTime{});
    if (!raised || !pruned) {
      co_return false;
    }
  }
  co_return true;
}

TEST_P(StoreContract, ReadersSeeWholeEventsOrNoneWhilePruningGoesOn) {
  const auto tenant = make_tenant("acme");
  constexpr int kEvents = 300;
  std::vector<std::future<bool>> all;
  all.reserve(5);
  for (int i = 0; i < 3; ++i) {
    all.push_back(start(read_what_is_left(store(), tenant, kEvents)));
  }
  all.push_back(start(let_go(store(), tenant, kEvents)));
  all.push_back(start(publish_many(store(), tenant, kEvents)));
  for (auto& one : all) {
    EXPECT_TRUE(one.get());
  }
  EXPECT_EQ(readable(tenant), (Found{297, 298, 299, 300}));
}

}  // namespace
}  // namespace bitvault::test
