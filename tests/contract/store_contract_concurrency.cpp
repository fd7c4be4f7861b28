// The contract: many callers at once.

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <set>

#include "tests/contract/store_contract.h"

namespace bitvault::test {
namespace {

constexpr int kCallers = 16;

Task<bool> publish_some(Store& store, TestWorld& world, TenantName tenant, int count) {
  for (int i = 0; i < count; ++i) {
    Transaction transaction(tenant);
    transaction.append(made_event(tenant, world));
    transaction.append(made_event(tenant, world));
    const auto committed = co_await store.commit(std::move(transaction));
    if (!committed || committed->events[1].sequence != committed->events[0].sequence.next()) {
      co_return false;
    }
  }
  co_return true;
}

TEST_P(StoreContract, ManyCallersLeaveNoGap) {
  const auto acme = make_tenant("acme");
  const auto beta = make_tenant("beta");
  std::vector<std::future<bool>> callers;
  callers.reserve(kCallers);
  for (int i = 0; i < kCallers; ++i) {
    callers.push_back(start(publish_some(store(), world(), i % 2 == 0 ? acme : beta, 20)));
  }
  for (auto& caller : callers) {
    EXPECT_TRUE(caller.get());
  }
  for (const auto& tenant : {acme, beta}) {
    const auto found = ids(tenant);
    EXPECT_EQ(found.size(), kCallers / 2 * 20 * 2);
    EXPECT_EQ(std::set(found.begin(), found.end()).size(), found.size());
  }
}

// Every third transaction conflicts, every fourth meets no expectation, every fifth has no tenant.
Task<int> commit_and_fail(Store& store, TenantName tenant, int caller) {
  int appended = 0;
  for (int i = 0; i < 30; ++i) {
    const std::string id = std::to_string(caller) + "-" + std::to_string(i);
    const bool conflicts = i % 3 == 0;
    const bool surprised = i % 4 == 0;
    const bool homeless = i % 5 == 0;
    Transaction transaction(homeless ? tenant_name("nobody") : tenant);
    transaction.append(given_event(tenant, id));
    transaction.put(kThings, id, "v");
    if (conflicts) {
      transaction.append(given_event(tenant, "known", "other"));
    }
    if (surprised) {
      transaction.expect(kThings, id, "w");
    }
    const auto committed = co_await store.commit(std::move(transaction));
    if (committed.has_value() == (conflicts || surprised || homeless)) {
      co_return -1;
    }
    appended += committed ? 1 : 0;
  }
  co_return appended;
}

TEST_P(StoreContract, RefusedTransactionsLeaveNothing) {
  const auto tenant = make_tenant("acme");
  EXPECT_TRUE(append(tenant, {"known"}));
  std::vector<std::future<int>> callers;
  callers.reserve(kCallers);
  for (int i = 0; i < kCallers; ++i) {
    callers.push_back(start(commit_and_fail(store(), tenant, i)));
  }
  std::size_t appended = 1;
  for (auto& caller : callers) {
    const int count = caller.get();
    ASSERT_GE(count, 0);
    appended += static_cast<std::size_t>(count);
  }
  EXPECT_EQ(ids(tenant).size(), appended);
  const auto records = run(store().scan(tenant, kThings, "", "", 10'000)).value();
  EXPECT_EQ(records.items.size(), appended - 1);
}

Task<bool> append_same(Store& store, TenantName tenant) {
  Transaction transaction(tenant);
  transaction.append(given_event(tenant, "same"));
  const auto committed = co_await store.commit(std::move(transaction));
  co_return committed && committed->events[0].sequence.value == 1 &&
      !committed->events[0].duplicate;
}

TEST_P(StoreContract, OneOfManySameIdsIsAppended) {
  const auto tenant = make_tenant("acme");
  std::vector<std::future<bool>> callers;
  callers.reserve(64);
  for (int i = 0; i < 64; ++i) {
    callers.push_back(start(append_same(store(), tenant)));
  }
  int appended = 0;
  for (auto& caller : callers) {
    appended += caller.get() ? 1 : 0;
  }
  EXPECT_EQ(appended, 1);
  EXPECT_EQ(head(tenant), 1);
}

Task<bool> increment(Store& store, TenantName tenant, int times) {
  while (times > 0) {
    const auto read = co_await store.get(tenant, kThings, "counter");
    if (!read) {
      co_return false;
    }
    Transaction transaction(tenant);
    transaction.expect(kThings, "counter", *read);
    transaction.put(kThings, "counter", std::to_string(std::stoi(read->value_or("0")) + 1));
    const auto committed = co_await store.commit(std::move(transaction));
    if (!committed && committed.error().code != Code::kConflict) {
      co_return false;
    }
    times -= committed ? 1 : 0;
  }
  co_return true;
}

TEST_P(StoreContract, ExpectationsMakeIncrementsExact) {
  const auto tenant = make_tenant("acme");
  std::vector<std::future<bool>> callers;
  callers.reserve(4);
  for (int i = 0; i < 4; ++i) {
    callers.push_back(start(increment(store(), tenant, 25)));
  }
  for (auto& caller : callers) {
    EXPECT_TRUE(caller.get());
  }
  EXPECT_EQ(get(tenant, "counter"), "100");
}

// Follows the journal to its end, which stands at `until`.
Task<bool> follow(Store& store, TenantName tenant, std::uint64_t until) {
  Sequence position;
  while (position.value < until) {
    const auto slice = co_await store.read(tenant, position, {.events = 7});
    const auto after = co_await store.head(tenant);
    if (!slice || !after || slice->journal.head > after->head) {
      co_return false;
    }
    for (const auto& event : slice->events) {
      if (event.sequence != position.next() || event.sequence > slice->journal.head) {
        co_return false;
      }
      position = event.sequence;
    }
    // At the head a read may answer at once: the writers need this thread, too.
    co_await boost::asio::post(boost::asio::use_awaitable);
  }
  co_return true;
}

TEST_P(StoreContract, ReadersFollowWritersWithoutGaps) {
  const auto tenant = make_tenant("acme");
  std::vector<std::future<bool>> callers;
  callers.reserve(4);
  for (int i = 0; i < 4; ++i) {
    callers.push_back(start(follow(store(), tenant, 4 * 50 * 2)));
    callers.push_back(start(publish_some(store(), world(), tenant, 50)));
  }
  for (auto& caller : callers) {
    EXPECT_TRUE(caller.get());
  }
}

TEST_P(StoreContract, TheListenerHearsHeadsInOrder) {
  const auto tenant = make_tenant("acme");
  std::vector<std::future<bool>> callers;
  callers.reserve(kCallers);
  for (int i = 0; i < kCallers; ++i) {
    callers.push_back(start(publish_some(store(), world(), tenant, 10)));
  }
  for (auto& caller : callers) {
    EXPECT_TRUE(caller.get());
  }
  Sequence last;
  for (const auto& [name, journal] : harness().heard()) {
    EXPECT_EQ(name, tenant);
    EXPECT_GT(journal.head, last);
    last = journal.head;
  }
  EXPECT_EQ(last.value, head(tenant));
}

// Reads until the tenant is gone. Whatever is read before that has no hole.
Task<bool> read_until_deleted(Store& store, TenantName tenant) {
  while (true) {
    const auto slice = co_await store.read(tenant, {0}, {.events = 1'000});
    if (!slice) {
      co_return slice.error().code == Code::kTenantDeleting ||
          slice.error().code == Code::kNotFound;
    }
    if (slice->events.size() != slice->journal.head.value) {
      co_return false;
    }
  }
}

TEST_P(StoreContract, NoReadSeesATenantHalfPurged) {
  const auto tenant = make_tenant("acme");
  EXPECT_TRUE(run(publish_some(store(), world(), tenant, 250)));
  std::vector<std::future<bool>> callers;
  callers.reserve(4);
  for (int i = 0; i < 4; ++i) {
    callers.push_back(start(read_until_deleted(store(), tenant)));
  }
  EXPECT_TRUE(run(store().delete_tenant(tenant)));
  while (run(store().purge_deleted()).value()) {
  }
  for (auto& caller : callers) {
    EXPECT_TRUE(caller.get());
  }
}

}  // namespace
}  // namespace bitvault::test
