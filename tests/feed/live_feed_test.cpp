// Streams over the real store, on a simulated process: clients read as slowly as the seed says.
#include "feed/live_feed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "store/sqlite/sqlite_store.h"
#include "tests/feed/stream_client.h"
#include "tests/sim/harness.h"
#include "tests/store/make_event.h"
#include "tests/store/memory_vfs.h"
#include "world/task_group.h"

namespace bitvault {
namespace {

using namespace std::chrono_literals;
using test::Message;
using Client = test::StreamClient;

const TenantName kAcme = test::tenant_name("acme");
const TenantName kOther = test::tenant_name("other");

SecretKey master() {
  const Digest digest = sha256("master");
  return SecretKey{std::span<const std::byte, 32>(digest)};
}

class Bench {
 public:
  explicit Bench(std::uint64_t seed, LiveLimits limits = {}, LiveFeed::Charge charge = {})
      : sim_(seed), vfs_(seed) {
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
    feed_.emplace(sim_.world(), *store_, bus_, cursors_);
    live_.emplace(
        sim_.world(), *feed_, bus_, cursors_,
        [this](TenantName, std::string credential) -> Task<bool> {
          co_return !revoked.contains(credential);
        },
        std::move(charge), limits);
  }

  // Runs what `task` is, which spawns what goes on beside it into `group`.
  void run(std::move_only_function<Task<>(Bench&, TaskGroup&)> task) {
    const bool done = sim_.run([](Bench& b, auto& inner) -> Task<> {
      const Executor executor = b.executor();
      TaskGroup group(executor);
      co_await inner(b, group);
      for (const auto& client : b.clients_) {
        client->outlet().cut();
      }
      co_await group.join(b.world());
      while (b.bus().listeners() > 0) {
        co_await b.world().sleep(1ms);
      }
      co_await b.world().sleep(5s);
    }(*this, task));
    EXPECT_TRUE(done);
    EXPECT_EQ(live_->streams(), 0u);
    clients_.clear();
    live_.reset();
  }

  Client& connect(TaskGroup& group, StreamQuery query, std::size_t room = 1'000'000'000,
                  Duration period = 100ms) {
    Client& client = *clients_.emplace_back(std::make_unique<Client>(world(), executor(), room));
    group.spawn(client.listen(*live_, std::move(query)));
    group.spawn(client.attend(period));
    return client;
  }

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

  // The sequence of the last cursor that a client of kAcme was sent; 0 before the first.
  [[nodiscard]] std::uint64_t last_id(const Client& client) const {
    const auto messages = client.messages();
    const auto last = std::ranges::find_if(messages.rbegin(), messages.rend(),
                                           [](const Message& m) { return !m.id.empty(); });
    return last == messages.rend() ? 0 : cursors_.open(kAcme, last->id)->sequence.value;
  }

  LiveFeed& live() { return *live_; }
  Feed& feed() { return *feed_; }
  Store& store() { return *store_; }
  HeadBus& bus() { return bus_; }
  World& world() { return sim_.world(); }
  Executor executor() { return sim_.executor(); }
  const CursorCodec& cursors() const { return cursors_; }

  std::set<std::string> revoked;

 private:
  sim::Harness sim_;
  test::MemoryVfs vfs_;
  HeadBus bus_;
  CursorCodec cursors_{master()};
  std::unique_ptr<SqliteStore> store_;
  std::optional<Feed> feed_;
  std::optional<LiveFeed> live_;
  std::vector<std::unique_ptr<Client>> clients_;
};

StreamQuery query_of(const TenantName& tenant, std::string credential = "key") {
  return {
      .tenant = tenant, .cursor = std::nullopt, .filter = {}, .credential = std::move(credential)};
}

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = first; i <= last; ++i) {
    numbers.push_back(i);
  }
  return numbers;
}

// Returns when it holds; a test that waits in vain runs out of steps.
Task<> await(World& world, std::function<bool()> condition) {
  while (!condition()) {
    co_await world.sleep(200ms);
  }
}

TEST(LiveFeed, GivesWhatIsRetainedAndThenWhatComes) {
  Bench bench(1);
  bench.run([](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 700);
    co_await b.publish(kAcme, 500);
    Client& client = b.connect(group, query_of(kAcme));
    co_await b.publish(kAcme, 3);
    co_await await(b.world(), [&] { return client.count() == 1'203; });
    co_await b.publish(kAcme, 1);
    co_await b.publish(kOther, 1);
    co_await await(b.world(), [&] { return client.count() == 1'204; });
    EXPECT_EQ(client.sequences(), range(1, 1'204));
    const Message last = client.messages().back();
    EXPECT_EQ(b.cursors().open(kAcme, last.id)->sequence.value, 1'204u);
    EXPECT_TRUE(client.outlet().received.starts_with("retry: "));
  });
}

// Whatever the clients' pace and the order of everything, each has each event once, in order.
TEST(LiveFeed, SlowAndFastClientsMissNothing) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Bench bench(seed);
    bench.run([seed](Bench& b, TaskGroup& group) -> Task<> {
      co_await b.make_tenants();
      co_await b.publish(kAcme, static_cast<int>(seed % 7) * 100);
      std::vector<Client*> clients;
      for (std::uint64_t i = 0; i < 6; ++i) {
        const std::size_t room = i == 0 ? 1'000'000'000 : 2'000 + b.world().random().below(20'000);
        const Duration period = std::chrono::milliseconds(1 + b.world().random().below(300));
        clients.push_back(&b.connect(group, query_of(kAcme), room, period));
      }
      std::uint64_t published = seed % 7 * 100;
      for (int i = 0; i < 30; ++i) {
        const int count = 1 + static_cast<int>(b.world().random().below(10));
        co_await b.publish(kAcme, count);
        published += static_cast<std::uint64_t>(count);
        co_await b.world().sleep(std::chrono::milliseconds(b.world().random().below(100)));
      }
      for (Client* client : clients) {
        co_await await(b.world(), [&] {
          return client->count() >= published && client->outlet().received.ends_with("\n\n");
        });
        EXPECT_EQ(client->sequences(), range(1, published));
      }
    });
  }
}

TEST(LiveFeed, ResumesAfterItsCursor) {
  Bench bench(3);
  bench.run([](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 10);
    Client& first = b.connect(group, query_of(kAcme));
    co_await await(b.world(), [&] { return first.sequences().size() == 10; });
    StreamQuery query = query_of(kAcme);
    query.cursor = first.messages()[4].id;  // the first block is `retry`
    Client& second = b.connect(group, std::move(query));
    co_await await(b.world(), [&] { return second.sequences().size() == 6; });
    EXPECT_EQ(second.sequences(), range(5, 10));
  });
}

TEST(LiveFeed, AFilteredStreamMovesItsIdOverWhatItSkips) {
  Bench bench(4);
  bench.run([](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    StreamQuery query = query_of(kAcme);
    query.filter = Filter::make({"bitvault.share.*"}, {}, {}).value();
    Client& client = b.connect(group, std::move(query));
    const auto id = [&] { return b.last_id(client); };
    co_await b.publish(kAcme, 20);
    co_await await(b.world(), [&] { return id() == 20; });
    co_await b.publish(kAcme, 20);
    co_await await(b.world(), [&] { return id() == 40; });
    EXPECT_TRUE(client.sequences().empty());
  });
}

TEST(LiveFeed, AFilteredStreamMovesItsIdBehindItsLastMatch) {
  Bench bench(14);
  bench.run([](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    StreamQuery query = query_of(kAcme);
    query.filter = Selection({}, Pattern::compile(R"({"data":{"note":["wanted"]}})").value());
    Client& client = b.connect(group, std::move(query));
    co_await await(b.world(), [&] { return client.outlet().resting(); });
    Transaction transaction(kAcme);
    for (const char* note : {"other", "wanted", "other", "other"}) {
      transaction.append(test::made_event(kAcme, b.world(), note));
    }
    const auto committed = co_await b.store().commit(std::move(transaction));
    EXPECT_TRUE(committed);
    co_await b.world().sleep(15s);
    EXPECT_EQ(client.sequences(), range(2, 2));
    EXPECT_EQ(b.last_id(client), 4u);
  });
}

TEST(LiveFeed, AnIdleStreamHasACommentAtLeastEvery15Seconds) {
  Bench bench(5);
  bench.run([](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    Client& client = b.connect(group, query_of(kAcme), 1'000'000, 500ms);
    std::size_t before = 0;
    for (int i = 0; i < 10; ++i) {
      co_await b.world().sleep(15s);
      EXPECT_GT(client.outlet().received.size(), before) << i;
      before = client.outlet().received.size();
    }
    EXPECT_LT(before, 200u);  // and not much more often
    EXPECT_TRUE(client.outlet().received.ends_with(":\n\n"));
  });
}

TEST(LiveFeed, AStreamThatOwesPausesAndSendsComments) {
  std::size_t charged = 0;
  Bench bench(13, {}, [&](TenantName, std::size_t looked_at) -> Task<Duration> {
    charged += looked_at;
    co_return charged < 1'500 ? Duration(40s) : Duration(0);
  });
  bench.run([&](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 900);
    co_await b.publish(kAcme, 700);
    Client& client = b.connect(group, query_of(kAcme), 100'000'000, 500ms);
    co_await await(b.world(), [&] { return client.count() == 500; });
    for (int i = 0; i < 2; ++i) {
      const std::size_t before = client.outlet().received.size();
      co_await b.world().sleep(15s);
      EXPECT_GT(client.outlet().received.size(), before) << i;
      EXPECT_EQ(client.count(), 500u);
    }
    co_await b.world().sleep(15s);
    EXPECT_EQ(client.count(), 1'000u);
    co_await b.world().sleep(45s);
    EXPECT_EQ(client.sequences(), range(1, 1'600));
    EXPECT_EQ(charged, 1'600u);
    co_await b.publish(kAcme, 10);
    co_await await(b.world(), [&] { return client.count() == 1'610; });
    EXPECT_EQ(charged, 1'600u) << "what it is sent live costs nothing";

    Client& cut = b.connect(group, query_of(kOther));
    Client& also_cut = b.connect(group, query_of(kAcme));
    charged = 0;
    co_await await(b.world(), [&] { return also_cut.count() == 500; });
    cut.outlet().cut();
    also_cut.outlet().cut();
    co_await await(b.world(), [&] { return cut.ended && also_cut.ended; });
  });
}

TEST(LiveFeed, WaitsUntilThereIsMemoryForAPage) {
  Bench bench(15);
  bench.run([](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 5);
    std::vector<FeedPage> all_of_it;
    for (std::size_t i = 0; i < 8; ++i) {
      auto page =
          co_await b.feed().read({.tenant = kAcme, .cursor = {}, .limit = 999, .filter = {}});
      all_of_it.push_back(std::move(std::get<FeedPage>(*page)));
    }
    Client& client = b.connect(group, query_of(kAcme));
    co_await b.world().sleep(60s);
    EXPECT_EQ(client.count(), 0u);
    EXPECT_FALSE(client.ended);
    all_of_it.clear();
    co_await await(b.world(), [&] { return client.count() == 5; });
  });
}

TEST(LiveFeed, AResetEndsTheStreamAndSaysWhereToGoOn) {
  Bench bench(6);
  bench.run([](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 5);
    const auto head = co_await b.store().head(kAcme);
    StreamQuery query = query_of(kAcme);
    query.cursor = b.cursors().seal(kAcme, {head->epoch, Sequence{9}});
    Client& ahead = b.connect(group, query);
    query.cursor = b.cursors().seal(kAcme, {Epoch::parse("zzzzzzzzzzzz").value(), Sequence{2}});
    Client& foreign = b.connect(group, query);
    co_await await(b.world(), [&] { return ahead.ended && foreign.ended; });
    for (const auto& [client, reason] :
         {std::pair{&ahead, "ahead_of_journal"}, {&foreign, "epoch_changed"}}) {
      const Message last = client->messages().back();
      EXPECT_EQ(last.event, "reset");
      EXPECT_NE(last.data.find(reason), std::string::npos) << last.data;
      EXPECT_EQ(b.cursors().open(kAcme, last.id)->sequence.value, 0u);
    }
  });
}

TEST(LiveFeed, AnEndedHistoryEndsItsStreams) {
  Bench bench(7);
  bench.run([](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 5);
    Client& client = b.connect(group, query_of(kAcme));
    co_await await(b.world(), [&] { return client.sequences().size() == 5; });
    const auto deleted = co_await b.store().delete_tenant(kAcme);
    EXPECT_TRUE(deleted);
    co_await await(b.world(), [&] { return client.ended; });
  });
}

// Whoever comes while the tail has not noticed yet that the history is another one waits for it.
TEST(LiveFeed, ANewHistoryEndsTheStreamsOfTheOldOneOnly) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Bench bench(seed);
    bench.run([](Bench& b, TaskGroup& group) -> Task<> {
      co_await b.make_tenants();
      co_await b.publish(kAcme, 5);
      Client& old = b.connect(group, query_of(kAcme));
      co_await await(b.world(), [&] { return old.count() == 5; });
      const auto begun = co_await b.store().begin_epoch(kAcme, "");
      EXPECT_TRUE(begun);
      Client& later = b.connect(group, query_of(kAcme));
      co_await await(b.world(), [&] { return old.ended; });
      EXPECT_EQ(old.messages().back().event, "reset");
      co_await b.publish(kAcme, 1);
      co_await await(b.world(), [&] { return later.count() == 6; });
      EXPECT_EQ(later.sequences(), range(1, 6));
    });
  }
}

TEST(LiveFeed, NotifySaysOnlyHowFarTheJournalIs) {
  Bench bench(8);
  bench.run([](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    co_await b.publish(kAcme, 5);
    StreamQuery query = query_of(kAcme);
    query.notify = true;
    Client& client = b.connect(group, std::move(query));
    const auto newest = [&] {
      const auto messages = client.messages();
      return messages.size() < 2 ? std::uint64_t{0}
                                 : b.cursors().open(kAcme, messages.back().id)->sequence.value;
    };
    co_await await(b.world(), [&] { return newest() == 5; });
    co_await b.publish(kAcme, 2);
    co_await await(b.world(), [&] { return newest() == 7; });
    EXPECT_EQ(client.outlet().received.find("specversion"), std::string::npos);
    for (const Message& message : client.messages()) {
      EXPECT_TRUE(message.event == "advanced" || message.event.empty()) << message.event;
    }
  });
}

TEST(LiveFeed, WhoIsNoLongerAllowedIsCutOffWithin5Seconds) {
  Bench bench(9);
  bench.run([](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    Client& stays = b.connect(group, query_of(kAcme, "good"));
    Client& goes = b.connect(group, query_of(kAcme, "bad"));
    co_await b.world().sleep(20s);
    EXPECT_FALSE(goes.ended);
    b.revoked.insert("bad");
    co_await b.world().sleep(5s);
    EXPECT_TRUE(goes.ended);
    EXPECT_FALSE(stays.ended);
    co_await b.publish(kAcme, 1);
    co_await await(b.world(), [&] { return stays.sequences().size() == 1; });
    EXPECT_TRUE(goes.sequences().empty());
  });
}

TEST(LiveFeed, ATenantHasSoManyStreamsAndNoMore) {
  Bench bench(10, {.streams_max = 2});
  bench.run([](Bench& b, TaskGroup& group) -> Task<> {
    co_await b.make_tenants();
    Client& first = b.connect(group, query_of(kAcme));
    b.connect(group, query_of(kAcme));
    co_await await(b.world(), [&] { return b.live().streams() == 2; });
    const auto third = co_await b.live().open(query_of(kAcme));
    EXPECT_EQ(third.error().code, Code::kRateLimited);
    const auto others = co_await b.live().open(query_of(kOther));
    EXPECT_TRUE(others);
    first.outlet().cut();
    co_await await(b.world(), [&] { return first.ended; });
    const auto again = co_await b.live().open(query_of(kAcme));
    EXPECT_TRUE(again);
  });
}

TEST(LiveFeed, RefusesWhatIsNoCursorAndNoTenant) {
  Bench bench(11);
  bench.run([](Bench& b, TaskGroup&) -> Task<> {
    co_await b.make_tenants();
    StreamQuery query = query_of(kAcme);
    query.cursor = "nonsense";
    const auto forged = co_await b.live().open(std::move(query));
    EXPECT_EQ(forged.error().code, Code::kCursorInvalid);
    const auto nobody = co_await b.live().open(query_of(test::tenant_name("nobody")));
    EXPECT_EQ(nobody.error().code, Code::kNotFound);
  });
}

}  // namespace
}  // namespace bitvault
