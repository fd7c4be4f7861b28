// Pages that are answered again: what the cache gives is what the journal would give.
#include "api/page_cache.h"

#include <fmt/format.h>

#include <map>
#include <random>

#include "api/api_fixture.h"

namespace bitvault::api {
namespace {

using namespace std::chrono_literals;

Epoch epoch(char letter) { return Epoch::parse(std::string(Epoch::kBytes, letter)).value(); }
TenantName tenant(std::string_view name) { return TenantName::parse(name).value(); }

// A page after `after` whose body has so many bytes.
PageKey key_of(std::string_view name, std::uint64_t after, std::size_t limit = 100) {
  return {tenant(name), {epoch('a'), {after}}, limit, "application/json"};
}
PageCache::Page page_of(const JournalHead& journal, bool more, std::size_t bytes = 10) {
  return {.journal = journal,
          .has_more = more,
          .events = 1,
          .looked_at = 1,
          .body = std::string(bytes, 'x')};
}

const JournalHead kNow{epoch('a'), {20}, {1}};

TEST(PageCache, GivesAPageOnlyWhileTheJournalWouldGiveTheSame) {
  struct Case {
    const char* what;
    bool more;
    JournalHead now;
    bool same;
  };
  const Case cases[] = {
      {"nothing changed", false, kNow, true},
      {"another event behind the last page", false, {epoch('a'), {21}, {1}}, false},
      {"another event behind a page that is not the last", true, {epoch('a'), {21}, {1}}, true},
      {"the floor rose to the page", true, {epoch('a'), {20}, {11}}, true},
      {"the floor rose into the page", true, {epoch('a'), {20}, {12}}, false},
      {"another epoch", true, {epoch('b'), {20}, {1}}, false},
  };
  for (const Case& c : cases) {
    PageCache cache;
    const PageKey key = key_of("acme", 10);
    EXPECT_FALSE(cache.find(key, kNow).again);
    EXPECT_TRUE(cache.find(key, kNow).again);
    EXPECT_TRUE(cache.keep(key, page_of(kNow, c.more)));
    EXPECT_EQ(cache.find(key, c.now).page != nullptr, c.same) << c.what;
    if (!c.same) {
      EXPECT_EQ(cache.find(key, kNow).page, nullptr) << "it is gone: " << c.what;
      EXPECT_EQ(cache.bytes(), 0u);
    }
  }
}

TEST(PageCache, KnowsAPageByAllOfItsKey) {
  PageCache cache;
  const PageKey key = key_of("acme", 10);
  ASSERT_TRUE(cache.keep(key, page_of(kNow, true)));
  PageKey other_type = key;
  other_type.type = "application/x-ndjson";
  PageKey other_epoch = key;
  other_epoch.after.epoch = epoch('b');
  for (const PageKey& other :
       {key_of("other", 10), key_of("acme", 11), key_of("acme", 10, 99), other_type, other_epoch}) {
    EXPECT_EQ(cache.find(other, kNow).page, nullptr);
  }
  EXPECT_NE(cache.find(key, kNow).page, nullptr);
}

TEST(PageCache, StaysWithinItsBytesAlsoWhilePagesAreBeingSent) {
  PageCache cache({.bytes = 100'000, .share = 60'000});
  std::vector<std::shared_ptr<const PageCache::Page>> sent;
  for (std::uint64_t i = 0; i < 20; ++i) {
    if (auto page = cache.keep(key_of("acme", i), page_of(kNow, true, 10'000))) {
      sent.push_back(std::move(*page));
    }
    EXPECT_LE(cache.bytes(), 60'000u) << "of one tenant";
  }
  EXPECT_EQ(sent.size(), 5u);
  EXPECT_TRUE(cache.keep(key_of("other", 1), page_of(kNow, true, 10'000)))
      << "the other tenant has room of its own";
  EXPECT_LE(cache.bytes(), 100'000u);
  const auto large = cache.keep(key_of("third", 1), page_of(kNow, true, 70'000));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().body.size(), 70'000u) << "what is not kept is given back";
  sent.clear();
  EXPECT_TRUE(cache.keep(key_of("acme", 99), page_of(kNow, true, 10'000)));
}

TEST(PageCache, AFullTenantReplacesItsOwnOldestPage) {
  PageCache cache({.bytes = 100'000, .share = 35'000});
  for (const std::uint64_t i : {1u, 2u, 3u}) {
    ASSERT_TRUE(cache.keep(key_of("acme", i), page_of(kNow, true, 10'000)));
    ASSERT_TRUE(cache.keep(key_of("other", i), page_of(kNow, true, 10'000)));
  }
  EXPECT_NE(cache.find(key_of("acme", 1), kNow).page, nullptr) << "used last";
  ASSERT_TRUE(cache.keep(key_of("acme", 4), page_of(kNow, true, 10'000)));
  EXPECT_EQ(cache.find(key_of("acme", 2), kNow).page, nullptr);
  for (const std::uint64_t i : {1u, 2u, 3u}) {
    EXPECT_NE(cache.find(key_of("other", i), kNow).page, nullptr) << i;
  }
}

TEST(PageCache, KeepsABoundedNumberOfPages) {
  PageCache cache({.bytes = 1'000'000'000, .share = 1'000'000'000});
  for (std::uint64_t i = 0; i < PageCache::kPagesMax + 10; ++i) {
    ASSERT_TRUE(cache.keep(key_of("acme", i), page_of(kNow, true, 0)));
  }
  EXPECT_EQ(cache.find(key_of("acme", 9), {epoch('a'), {5'000}, {1}}).page, nullptr);
  EXPECT_NE(cache.find(key_of("acme", 10), {epoch('a'), {5'000}, {1}}).page, nullptr);
}

class KeptPagesTest : public ApiTest {
 protected:
  std::string cursor(std::uint64_t after, const std::string& of = "acme") {
    const JournalHead head = run(store_->head(tenant(of))).value();
    return cursors_.seal(tenant(of), {head.epoch, Sequence{after}});
  }
  std::string target(std::uint64_t after, std::size_t limit, const std::string& of = "acme") {
    return fmt::format("/v1/tenants/{}/events?limit={}&cursor={}", of, limit, cursor(after, of));
  }
  Got read(const std::string& what, const std::string& accept = "application/json") {
    return send(
        {.method = "GET", .target = what, .key = operator_, .headers = {{"accept", accept}}});
  }
  void serve(PageCache* pages) {
    api_.emplace(Services{.world = world_,
                          .store = *store_,
                          .feed = *feed_,
                          .live = *live_,
                          .keys = *keys_,
                          .catalog = Catalog::builtin(),
                          .cursors = cursors_,
                          .metrics = metrics_,
                          .version = "1.2.3",
                          .limits = &*limits_,
                          .pages = pages});
  }
  // The same as read(), by a server without the cache.
  Got read_anew(const std::string& what, const std::string& accept = "application/json") {
    serve(nullptr);
    Got got = read(what, accept);
    serve(&*pages_);
    return got;
  }
  void publish_some(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(publish(node_created()).outcome(), "201");
    }
  }
};

TEST_F(KeptPagesTest, WhoeverAsksAgainGetsTheSameAnswer) {
  publish_some(6);
  for (const std::string type :
       {"application/json", "application/x-ndjson", "application/cloudevents-batch+json"}) {
    const std::string page = target(2, 3);
    const Got first = read(page, type);
    const std::uint64_t before = pages_->hits();
    for (int i = 0; i < 3; ++i) {
      const Got again = read(page, type);
      EXPECT_EQ(again.body, first.body);
      EXPECT_EQ(again.type, type);
      EXPECT_EQ(again.headers, first.headers);
    }
    EXPECT_EQ(pages_->hits() - before, 2u) << "the second question made the page stay";
  }
  EXPECT_EQ(read(target(6, 3)).at("/events"), "[]");
}

TEST_F(KeptPagesTest, TheLastPageGrows) {
  publish_some(2);
  const std::string page = target(0, 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(read(page).at("/has_more"), "false");
  }
  EXPECT_GT(pages_->hits(), 0u);
  publish_some(1);
  EXPECT_EQ(read(page).at("/events/2/sequence"), "00000000000000000003");
  publish_some(1);
  EXPECT_EQ(read(page).at("/has_more"), "true");
}

TEST_F(KeptPagesTest, AreOnlyForThoseWhoMayReadTheTenant) {
  publish_some(3);
  const std::string page = target(0, 2);
  const std::string allowed = key("acme", {"events:read"});
  const auto ask = [&](const std::string& token) {
    return send({.method = "GET", .target = page, .key = token}).outcome();
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(allowed), "200");
  }
  EXPECT_GT(pages_->hits(), 0u);
  EXPECT_EQ(ask(key("other", {"events:read"})), "403 forbidden");
  EXPECT_EQ(ask(key("acme", {"events:write"})), "403 forbidden");
  EXPECT_EQ(ask(""), "401 unauthenticated");
  std::string elsewhere = page;
  elsewhere.replace(elsewhere.find("acme"), 4, "other");
  EXPECT_EQ(read(elsewhere).outcome(), "400 cursor_invalid");
  begin_deleting("acme");
  EXPECT_EQ(read(page).outcome(), "409 tenant_deleting");
  purge();
  make_tenant("acme");
  EXPECT_EQ(read(page).outcome(), "409 cursor_reset");
}

TEST_F(KeptPagesTest, CountAgainstTheTenantsRate) {
  publish_some(3);
  limits_.emplace(world_, *store_, RateDefaults{.scanned_per_second = 3});
  serve(&*pages_);
  const std::string page = target(0, 3);
  std::string outcome = "200";
  for (int i = 0; i < 100 && outcome == "200"; ++i) {
    outcome = read(page).outcome();
  }
  EXPECT_EQ(outcome, "429 rate_limited");
  EXPECT_GT(pages_->hits(), 0u);
}

// Whatever happens to a journal, an answer is what a server without a cache would give.
TEST_F(KeptPagesTest, AreNeverStale) {
  std::mt19937 dice(7);
  const auto below = [&](std::uint32_t bound) { return dice() % bound; };
  publish_some(10);
  std::string old_epoch = target(3, 4);
  for (int step = 0; step < 400; ++step) {
    const JournalHead head = run(store_->head(tenant("acme"))).value();
    switch (below(10)) {
      case 0:
        publish_some(1 + static_cast<int>(below(3)));
        break;
      case 1:
        if (below(4) == 0) {
          const Sequence floor{head.floor.value + below(3)};
          ASSERT_TRUE(run(store_->raise_floor(tenant("acme"), {head.epoch, floor})));
          ASSERT_TRUE(run(store_->prune(tenant("acme"), {})));
        }
        break;
      case 2:
        if (below(10) == 0) {
          old_epoch = target(head.head.value - 1, 4);
          ASSERT_TRUE(run(store_->begin_epoch(tenant("acme"), std::to_string(step))));
        }
        break;
      default:
        const std::uint64_t back = below(4);
        const std::uint64_t after = head.head.value - std::min(back, head.head.value);
        const std::string page = below(20) == 0 ? old_epoch : target(after, 1 + below(2));
        const Got kept = read(page);
        const Got anew = read_anew(page);
        ASSERT_EQ(kept.body, anew.body) << "step " << step << ": " << page;
        ASSERT_EQ(kept.outcome(), anew.outcome());
    }
  }
  EXPECT_GT(pages_->hits(), 30u);
}

}  // namespace
}  // namespace bitvault::api
