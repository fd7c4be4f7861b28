// The contract: the life of a tenant.

#include "tests/contract/store_contract.h"

namespace bitvault::test {
namespace {

using Strings = std::vector<std::string>;

TEST_P(StoreContract, MakesATenantWithAnEmptyJournal) {
  TenantPatch patch;
  patch.display_name = "Acme Ltd";
  patch.retention_events = std::optional<std::uint64_t>(~std::uint64_t{0});
  const auto put = run(store().put_tenant(tenant_name("acme"), patch));
  ASSERT_TRUE(put);
  EXPECT_TRUE(put->created);
  EXPECT_EQ(put->tenant.name.str(), "acme");
  EXPECT_EQ(put->tenant.state, TenantState::kActive);
  EXPECT_EQ(put->tenant.settings.display_name, "Acme Ltd");
  EXPECT_EQ(put->tenant.settings.retention_events, ~std::uint64_t{0});
  EXPECT_EQ(put->tenant.settings.retention_age_seconds, std::nullopt);
  EXPECT_EQ(put->tenant.created, world().clock().wall());
  EXPECT_EQ(put->tenant.journal.head.value, 0);
  EXPECT_EQ(put->tenant.journal.floor.value, 1);
  EXPECT_EQ(run(store().head(tenant_name("acme"))).value(), put->tenant.journal);
}

TEST_P(StoreContract, ChangesOnlyTheSettingsGiven) {
  const auto tenant = make_tenant("acme");
  const auto created = run(store().tenant(tenant)).value().created;
  world().manual_clock().advance(std::chrono::seconds(5));
  EXPECT_TRUE(append(tenant, {"a"}));
  TenantPatch first;
  first.display_name = "Acme";
  first.rate_limit_per_second = std::optional<std::uint64_t>(10);
  first.operational_events = true;
  EXPECT_FALSE(run(store().put_tenant(tenant, first)).value().created);
  TenantPatch second;
  second.rate_limit_per_second = std::optional<std::uint64_t>();
  second.retention_age_seconds = std::optional<std::uint64_t>(60);
  EXPECT_TRUE(run(store().put_tenant(tenant, second)));
  harness().reopen();
  const auto now = run(store().tenant(tenant)).value();
  const TenantSettings expected{.display_name = "Acme",
                                .retention_age_seconds = 60,
                                .retention_events = std::nullopt,
                                .rate_limit_per_second = std::nullopt,
                                .operational_events = true};
  EXPECT_EQ(now.settings, expected);
  EXPECT_EQ(now.created, created);
  EXPECT_EQ(now.journal.head.value, 1);

  TenantPatch bad;
  bad.display_name = std::string(kDisplayNameBytesMax + 1, 'x');
  EXPECT_EQ(run(store().put_tenant(tenant, bad)).error().code, Code::kInvalid);
}

TEST_P(StoreContract, ListsTenantsByName) {
  for (const char* name : {"c", "a-1", "b", "a"}) {
    make_tenant(name);
  }
  const auto names = [&](std::string after, std::size_t limit) {
    const auto page = run(store().tenants(std::move(after), limit)).value();
    Strings found;
    for (const auto& tenant : page.items) {
      found.push_back(tenant.name.str());
    }
    if (page.more) {
      found.emplace_back("...");
    }
    return found;
  };
  EXPECT_EQ(names("", 10), (Strings{"a", "a-1", "b", "c"}));
  EXPECT_EQ(names("", 2), (Strings{"a", "a-1", "..."}));
  EXPECT_EQ(names("a-1", 2), (Strings{"b", "c"}));
  EXPECT_EQ(names("a-0", 1), (Strings{"a-1", "..."}));
  EXPECT_EQ(names("c", 10), Strings{});
}

// What every call says for this tenant.
std::vector<Code> refusals(Store& store, const TenantName& tenant,
                           const std::function<Code(Task<Code>)>& run) {
  const auto code = []<class T>(Task<Result<T>> call) -> Task<Code> {
    const Result<T> answer = co_await std::move(call);
    co_return answer ? Code::kInternal : answer.error().code;
  };
  Transaction transaction(tenant);
  transaction.append(given_event(tenant, "z"));
  std::vector<Code> codes;
  codes.push_back(run(code(store.commit(std::move(transaction)))));
  codes.push_back(run(code(store.head(tenant))));
  codes.push_back(run(code(store.read(tenant, {0}, {}))));
  codes.push_back(run(code(store.find(tenant, event_id("a")))));
  codes.push_back(run(code(store.position_at(tenant, WallTime{}))));
  codes.push_back(run(code(store.held(tenant, {1}))));
  codes.push_back(
      run(code(store.raise_floor(tenant, {Epoch::parse("abcdefgh2345").value(), {1}}))));
  codes.push_back(run(code(store.prune(tenant, WallTime{}))));
  codes.push_back(run(code(store.skip(tenant, {0}, {.types = {"x"}}))));
  codes.push_back(
      run(code(store.put_summary(tenant, Epoch::parse("abcdefgh2345").value(), 0, std::nullopt))));
  codes.push_back(run(code(store.epochs(tenant))));
  codes.push_back(run(code(store.begin_epoch(tenant, ""))));
  codes.push_back(run(code(store.get(tenant, kThings, "k"))));
  codes.push_back(run(code(store.scan(tenant, kThings, "", "", 1))));
  codes.push_back(run(code(store.tenant(tenant))));
  codes.push_back(run(code(store.delete_tenant(tenant))));
  return codes;
}

TEST_P(StoreContract, KnowsNoTenantThatWasNotMade) {
  make_tenant("acme");
  const auto codes =
      refusals(store(), tenant_name("beta"), [&](Task<Code> call) { return run(std::move(call)); });
  EXPECT_EQ(codes, std::vector<Code>(codes.size(), Code::kNotFound));
}

TEST_P(StoreContract, DeletesATenantForEverybodyAtOnce) {
  const auto acme = make_tenant("acme");
  const auto beta = make_tenant("beta");
  EXPECT_TRUE(append(acme, {"a"}));
  EXPECT_TRUE(append(beta, {"a"}));
  EXPECT_TRUE(run(store().delete_tenant(acme)));
  const auto check_refused = [&] {
    const auto codes =
        refusals(store(), acme, [&](Task<Code> call) { return run(std::move(call)); });
    EXPECT_EQ(codes, std::vector<Code>(codes.size(), Code::kTenantDeleting));
    EXPECT_EQ(run(store().put_tenant(acme, {})).error().code, Code::kTenantDeleting);
    const auto listed = run(store().tenants("", 10)).value();
    ASSERT_EQ(listed.items.size(), 2);
    EXPECT_EQ(listed.items[0].state, TenantState::kDeleting);
    EXPECT_EQ(listed.items[1].state, TenantState::kActive);
  };
  check_refused();
  harness().reopen();
  check_refused();
  EXPECT_EQ(ids(beta), (Strings{"a"}));
}

TEST_P(StoreContract, PurgesADeletedTenantAndFreesItsName) {
  const auto acme = make_tenant("acme");
  const auto beta = make_tenant("beta");
  for (const auto& tenant : {acme, beta}) {
    EXPECT_TRUE(append(tenant, {"a", "b"}, "old"));
    EXPECT_TRUE(put(tenant, "k", "old"));
  }
  EXPECT_FALSE(run(store().purge_deleted()).value());
  const Epoch old_epoch = run(store().head(acme)).value().epoch;
  EXPECT_TRUE(run(store().delete_tenant(acme)));
  while (run(store().purge_deleted()).value()) {
  }
  EXPECT_EQ(run(store().head(acme)).error().code, Code::kNotFound);

  make_tenant("acme");
  const auto journal_now = run(store().head(acme)).value();
  EXPECT_NE(journal_now.epoch, old_epoch);
  EXPECT_EQ(journal_now.head.value, 0);
  EXPECT_EQ(get(acme, "k"), std::nullopt);
  const auto again = append(acme, {"b"}, "new");
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->events[0].duplicate);
  EXPECT_EQ(again->events[0].sequence.value, 1);
  EXPECT_EQ(again->epoch, journal_now.epoch);
  EXPECT_EQ(ids(acme), (Strings{"b"}));

  EXPECT_EQ(ids(beta), (Strings{"a", "b"}));
  EXPECT_EQ(get(beta, "k"), "old");
  EXPECT_TRUE(append(beta, {"a"}, "old")->events[0].duplicate);
}

TEST_P(StoreContract, PurgesInBoundedBatches) {
  const auto acme = make_tenant("acme");
  const auto beta = make_tenant("beta");
  for (int i = 0; i < 11; ++i) {
    Transaction transaction(acme);
    for (int j = 0; j < 1'000; ++j) {
      transaction.append(made_event(acme, world()));
    }
    EXPECT_TRUE(run(store().commit(std::move(transaction))));
  }
  EXPECT_TRUE(run(store().delete_tenant(acme)));
  EXPECT_TRUE(run(store().purge_deleted()).value());
  EXPECT_EQ(run(store().head(acme)).error().code, Code::kTenantDeleting);
  EXPECT_TRUE(append(beta, {"a"}));
  EXPECT_TRUE(run(store().delete_tenant(beta)));
  while (run(store().purge_deleted()).value()) {
  }
  EXPECT_EQ(run(store().head(acme)).error().code, Code::kNotFound);
  EXPECT_EQ(run(store().head(beta)).error().code, Code::kNotFound);
  EXPECT_TRUE(run(store().tenants("", 10)).value().items.empty());
}

}  // namespace
}  // namespace bitvault::test
