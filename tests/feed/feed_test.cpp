// The feed over the real store, on a simulated process: time is virtual, the order of everything is
// drawn from a seed, and nothing sleeps.
#include "feed/feed.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "store/sqlite/sqlite_store.h"
#include "tests/sim/harness.h"
#include "tests/store/make_event.h"
#include "tests/store/memory_vfs.h"
#include "world/task_group.h"

namespace bitvault {
namespace {

using namespace std::chrono_literals;
using Read = std::variant<FeedPage, CursorReset>;

const TenantName kAcme = test::tenant_name("acme");
const TenantName kOther = test::tenant_name("other");

SecretKey master() {
  const Digest digest = sha256("master");
  return SecretKey{std::span<const std::byte, 32>(digest)};
}

class Bench {
 public:
  explicit Bench(std::uint64_t seed, FeedLimits limits = {}) : sim_(seed), vfs_(seed) {
    SqliteOptions options;
    options.folder = "feed";
    options.vfs = vfs_.name();
    options.writer = sim_.executor();
    options.readers = sim_.executor();
    auto opened = SqliteStore::open(
        std::move(options), sim_.world(),
        [this](const TenantName& tenant, const JournalHead&) { bus_.announce(tenant); });
    check(opened.has_value(), "the store opens");
    store_ = std::move(*opened);
    feed_.emplace(sim_.world(), *store_, bus_, cursors_, limits);
  }

  Store& store() { return *store_; }
  Feed& feed() { return *feed_; }
  HeadBus& bus() { return bus_; }
  sim::Harness& sim() { return sim_; }
  World& world() { return sim_.world(); }
  const CursorCodec& cursors() const { return cursors_; }

  void run(Task<> task) { EXPECT_TRUE(sim_.run(std::move(task))); }

  Task<> make_tenants() {
    for (const TenantName& name : {kAcme, kOther}) {
      const auto put = co_await store_->put_tenant(name, {});
      EXPECT_TRUE(put);
    }
  }
  Task<> publish(TenantName tenant, int count, std::string note = "") {
    Transaction transaction(tenant);
    for (int i = 0; i < count; ++i) {
      transaction.append(test::made_event(tenant, world(), note));
    }
    const auto committed = co_await store_->commit(std::move(transaction));
    EXPECT_TRUE(committed);
  }
  Task<FeedPage> page(FeedQuery query) {
    Result<Read> read = co_await feed_->read(std::move(query));
    EXPECT_TRUE(read) << read.error().detail;
    EXPECT_TRUE(std::holds_alternative<FeedPage>(*read));
    co_return std::get<FeedPage>(std::move(*read));
  }

 private:
  sim::Harness sim_;
  test::MemoryVfs vfs_;
  HeadBus bus_;
  CursorCodec cursors_{master()};
  std::unique_ptr<SqliteStore> store_;
  std::optional<Feed> feed_;
};

FeedQuery query_of(const TenantName& tenant) {
  return {.tenant = tenant, .cursor = std::nullopt, .filter = {}};
}

TEST(Feed, PagesGiveEverythingOnceInOrder) {
  Bench bench(1);
  bench.run([](Bench& b) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 25);
    FeedQuery query = query_of(kAcme);
    query.limit = 10;
    std::vector<std::uint64_t> seen;
    for (const bool more : {true, true, false}) {
      const FeedPage page = co_await b.page(query);
      for (const StoredEvent& event : page.events) {
        seen.push_back(event.sequence.value);
      }
      EXPECT_EQ(page.has_more, more);
      query.cursor = page.next_cursor;
    }
    EXPECT_EQ(seen.size(), 25u);
    EXPECT_TRUE(std::ranges::is_sorted(seen));
    const FeedPage end = co_await b.page(query);
    EXPECT_TRUE(end.events.empty());
    EXPECT_EQ(end.next_cursor, *query.cursor);
  }(bench));
}

TEST(Feed, APageEndsAtItsBytesButNeverBeforeItsFirstEvent) {
  Bench bench(2, {.page_bytes_max = 2'500});
  bench.run([](Bench& b) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 1, std::string(5'000, 'x'));
    co_await b.publish(kAcme, 3, std::string(700, 'y'));
    FeedQuery query = query_of(kAcme);
    const FeedPage first = co_await b.page(query);
    EXPECT_EQ(first.events.size(), 1u);
    EXPECT_TRUE(first.has_more);
    query.cursor = first.next_cursor;
    const FeedPage second = co_await b.page(query);
    EXPECT_FALSE(second.events.empty());
    EXPECT_TRUE(second.has_more);
    std::size_t bytes = 0;
    for (const StoredEvent& event : second.events) {
      bytes += event.bytes.size();
    }
    EXPECT_LE(bytes, 2'500u);
  }(bench));
}

TEST(Feed, AFilteredScanIsBoundedAndMovesItsCursor) {
  Bench bench(3, {.scan_events_max = 10});
  bench.run([](Bench& b) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 35);
    FeedQuery query = query_of(kAcme);
    query.filter = Filter::make({"bitvault.share.*"}, {}, {}).value();
    query.wait = 30s;  // it must not wait while there is more to look at
    for (const std::uint64_t position : {10u, 20u, 30u}) {
      const FeedPage page = co_await b.page(query);
      EXPECT_TRUE(page.events.empty());
      EXPECT_TRUE(page.has_more);
      EXPECT_EQ(b.cursors().open(kAcme, page.next_cursor)->sequence.value, position);
      query.cursor = page.next_cursor;
    }
    EXPECT_LT(b.sim().now(), 1s);
  }(bench));
}

TEST(Feed, APatternAndAFilterMustBothHold) {
  Bench bench(31);
  bench.run([](Bench& b) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 2, "wanted");
    co_await b.publish(kAcme, 3, "other");
    FeedQuery query = query_of(kAcme);
    const auto pattern = Pattern::compile(R"({"data":{"note":["wanted"]}})");
    query.filter = Selection({}, *pattern);
    const FeedPage found = co_await b.page(query);
    EXPECT_EQ(found.events.size(), 2u);
    EXPECT_EQ(found.position->sequence.value, 5u);
    query.filter = Selection(Filter::make({"bitvault.share.*"}, {}, {}).value(), *pattern);
    const FeedPage none = co_await b.page(query);
    EXPECT_TRUE(none.events.empty());
  }(bench));
}

TEST(Feed, AWaitEndsWithACommitOfItsTenantAndNoOther) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Bench bench(seed);
    bench.run([](Bench& b) -> Task<> {
      co_await b.make_tenants();
      TaskGroup group(b.sim().executor());
      group.spawn([](Bench& inner) -> Task<> {  // races the registration of the waiter
        co_await inner.publish(kOther, 1);
        co_await inner.world().sleep(Duration(inner.world().random().below(3)));
        co_await inner.publish(kAcme, 1);
      }(b));
      FeedQuery query = query_of(kAcme);
      query.wait = 30s;
      const FeedPage page = co_await b.page(query);
      EXPECT_EQ(page.events.size(), 1u);
      EXPECT_LT(b.sim().now(), 5s) << "no wake-up was lost";
      co_await group.join(b.world());
    }(bench));
    EXPECT_EQ(bench.bus().listeners(), 0u);
  }
}

TEST(Feed, AWaitThatNothingEndsTakesItsTimeLessTheJitter) {
  Bench bench(5);
  bench.run([](Bench& b) -> Task<> {
    co_await b.make_tenants();
    const Duration before = b.sim().now();
    FeedQuery query = query_of(kAcme);
    query.wait = 60s;
    const FeedPage page = co_await b.page(query);
    EXPECT_TRUE(page.events.empty());
    EXPECT_FALSE(page.next_cursor.empty());
    EXPECT_GE(b.sim().now() - before, 54s);
    EXPECT_LE(b.sim().now() - before, 61s);
  }(bench));
}

TEST(Feed, ACancelledWaitAnswersAtOnce) {
  Bench bench(6);
  bench.run([](Bench& b) -> Task<> {
    co_await b.make_tenants();
    bool answered = false;
    TaskGroup group(b.sim().executor());
    group.spawn([](Bench& inner, bool& done) -> Task<> {
      FeedQuery query = query_of(kAcme);
      query.wait = 60s;
      const FeedPage page = co_await inner.page(query);
      EXPECT_TRUE(page.events.empty());
      done = true;
    }(b, answered));
    while (b.bus().listeners() == 0) {
      co_await b.world().sleep(1ms);
    }
    group.cancel();
    co_await group.join(b.world());
    EXPECT_TRUE(answered);
    EXPECT_LT(b.sim().now(), 5s);
  }(bench));
}

TEST(Feed, CursorsThatCannotBeContinuedSayWhy) {
  Bench bench(7);
  bench.run([](Bench& b) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 3);
    const Result<JournalHead> head = co_await b.store().head(kAcme);
    const auto reason = [&](Position position) -> Task<CursorReset> {
      FeedQuery query = query_of(kAcme);
      query.cursor = b.cursors().seal(kAcme, position);
      Result<Read> read = co_await b.feed().read(std::move(query));
      co_return std::get<CursorReset>(*read);
    };
    const CursorReset ahead = co_await reason({head->epoch, Sequence{4}});
    EXPECT_EQ(ahead.reason, CursorReset::Reason::kAheadOfJournal);
    EXPECT_EQ(b.cursors().open(kAcme, ahead.latest_cursor)->sequence, Sequence{3});
    EXPECT_EQ(b.cursors().open(kAcme, ahead.earliest_cursor)->sequence, Sequence{0});
    const CursorReset other = co_await reason({*Epoch::parse("zzzzzzzzzzzz"), Sequence{1}});
    EXPECT_EQ(other.reason, CursorReset::Reason::kEpochChanged);

    FeedQuery foreign = query_of(kOther);
    foreign.cursor = ahead.latest_cursor;
    const Result<Read> refused = co_await b.feed().read(std::move(foreign));
    EXPECT_EQ(refused.error().code, Code::kCursorInvalid);
  }(bench));
}

Task<> read_and_keep(Bench& b, FeedQuery query, std::vector<FeedPage>& pages, int& refused) {
  Result<Read> read = co_await b.feed().read(std::move(query));
  if (read) {
    pages.push_back(std::get<FeedPage>(std::move(*read)));
  } else {
    EXPECT_EQ(read.error().code, Code::kUnavailable);
    ++refused;
  }
}

TEST(Feed, BoundsTheMemoryOfAllPagesTogether) {
  Bench bench(8, {.page_bytes_max = 10'000, .memory = {.total = 100'000, .share = 40'000}});
  bench.run([](Bench& b) -> Task<> {
    co_await b.make_tenants();
    for (const TenantName& tenant : {kAcme, kOther}) {
      co_await b.publish(tenant, 20, std::string(1'000, 'x'));
    }
    const Executor executor = co_await boost::asio::this_coro::executor;
    TaskGroup group(executor);
    std::vector<FeedPage> pages;
    int refused = 0;
    for (int i = 0; i < 30; ++i) {
      group.spawn(read_and_keep(b, query_of(kAcme), pages, refused));
    }
    co_await group.join(b.world());
    EXPECT_EQ(pages.size(), 2u) << "each may need twice its 10,000 bytes";
    EXPECT_EQ(refused, 28);
    EXPECT_EQ(b.feed().memory_taken(), 40'000u);
    group.spawn(read_and_keep(b, query_of(kOther), pages, refused));
    co_await group.join(b.world());
    EXPECT_EQ(pages.size(), 3u) << "another tenant has its own share";
    pages.clear();
    EXPECT_EQ(b.feed().memory_taken(), 0u);
    group.spawn(read_and_keep(b, query_of(kAcme), pages, refused));
    co_await group.join(b.world());
    EXPECT_EQ(pages.size(), 1u);
  }(bench));
}

TEST(Feed, AWaitForEventsHoldsNoMemory) {
  Bench bench(9);
  bench.run([](Bench& b) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 3);
    FeedQuery query = query_of(kAcme);
    query.filter = Filter::make({"bitvault.share.*"}, {}, {}).value();
    query.wait = 60s;
    const Executor executor = co_await boost::asio::this_coro::executor;
    TaskGroup group(executor);
    std::vector<FeedPage> pages;
    int refused = 0;
    group.spawn(read_and_keep(b, query, pages, refused));
    co_await b.world().sleep(10s);
    EXPECT_EQ(b.bus().listeners(), 1u);
    EXPECT_EQ(b.feed().memory_taken(), 0u);
    co_await group.join(b.world());
    EXPECT_EQ(pages.size(), 1u);
  }(bench));
}

}  // namespace
}  // namespace bitvault
