// Webhooks as the delivery engine runs them: on the real store, in a simulated universe.

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

#include "delivery/engine.h"
#include "harness.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/store/make_event.h"
#include "tests/store/temporary_folder.h"
#include "webhooks/test_attempt_log.h"
#include "webhooks/test_outgoing.h"
#include "webhooks/verifier.h"
#include "webhooks/webhooks.h"

namespace bitvault::webhooks {
namespace {

using namespace std::chrono_literals;
using test::TestOutgoing;

class WebhooksEngineTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = SqliteStore::open(
        {.folder = folder_.path() + "/data", .writer = sim_.executor(), .readers = sim_.executor()},
        sim_.world(), [this](const TenantName& tenant, const auto&) {
          if (engine_) {
            engine_->advanced(tenant);
          }
        });
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = std::move(*opened);
    TenantPatch patch;
    patch.operational_events = true;
    ASSERT_TRUE(run(store_->put_tenant(acme_, patch)));
    const Digest master = sha256("master");
    webhooks_.emplace(Webhooks::Parts{.world = sim_.world(),
                                      .store = *store_,
                                      .catalog = Catalog::builtin(),
                                      .outgoing = outgoing_,
                                      .attempts = attempts_,
                                      .version = "1.2.3"},
                      SecretKey{std::span<const std::byte, 32>(master)},
                      [this](const TenantName& tenant) { engine_->changed(tenant); });
    engine_.emplace(sim_.world(), *store_, *webhooks_, attempts_, sim_.executor());
    ASSERT_TRUE(run(engine_->start()));
  }
  void TearDown() override {
    ASSERT_TRUE(sim_.run(engine_->stop()));
    engine_.reset();
  }

  template <class T>
  static Task<> keep(Task<T> task, std::optional<T>& result) {
    T value = co_await std::move(task);
    result.emplace(std::move(value));
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    EXPECT_TRUE(sim_.run(keep(std::move(task), result)));
    return std::move(*result);
  }
  void run_for(Duration span) { ASSERT_TRUE(sim_.scheduler().run_for(span)); }

  Webhook create(WebhookSettings settings) {
    auto made = run(webhooks_->create(acme_, {"key_1"}, std::move(settings), {}, {}));
    EXPECT_TRUE(made) << made.error().detail;
    return std::move(*made);
  }
  void publish(const std::string& id) {
    Transaction transaction(acme_);
    transaction.append(bitvault::test::given_event(acme_, id));
    ASSERT_TRUE(run(store_->commit(std::move(transaction))));
  }
  std::vector<std::string> sent(const std::string& url, std::string_view header) const {
    std::vector<std::string> values;
    for (const OutgoingRequest& request : outgoing_.sent) {
      if (request.url == url) {
        values.push_back(TestOutgoing::header(request, header));
      }
    }
    return values;
  }
  std::size_t told(std::string_view type) {
    const auto slice = run(store_->read(acme_, {}, {.events = 1'000}));
    return static_cast<std::size_t>(std::ranges::count_if(
        slice->events,
        [&](const StoredEvent& event) { return read_head(event.bytes).type == type; }));
  }

  const TenantName acme_ = TenantName::parse("acme").value();
  bitvault::test::TemporaryFolder folder_;
  sim::Harness sim_{7};
  TestOutgoing outgoing_;
  test::TestAttemptLog attempts_;
  std::unique_ptr<SqliteStore> store_;
  std::optional<Webhooks> webhooks_;
  std::optional<delivery::Engine> engine_;
};

using Texts = std::vector<std::string>;
const std::string kUrl = "https://a.example.com/";

TEST_F(WebhooksEngineTest, DeliversSignedAndInAChain) {
  const Webhook webhook = create({.url = kUrl, .types = {"bitvault.node.*"}});
  for (const char* id : {"one", "two", "three"}) {
    publish(id);
    run_for(1s);
  }
  EXPECT_EQ(sent(kUrl, "webhook-id"), (Texts{"one", "two", "three"}));
  const Texts sequences = sent(kUrl, "bitvault-sequence");
  EXPECT_EQ(sent(kUrl, "bitvault-previous-sequence"), (Texts{"0", sequences[0], sequences[1]}));
  Verifier verifier;
  ASSERT_TRUE(verifier.add(webhook.secrets[0].secret.text().reveal()));
  for (const OutgoingRequest& request : outgoing_.sent) {
    EXPECT_EQ(verifier.verify({TestOutgoing::header(request, "webhook-id"),
                               TestOutgoing::header(request, "webhook-timestamp"),
                               TestOutgoing::header(request, "webhook-signature"), request.body},
                              sim_.world().clock().wall()),
              Verification::kValid);
  }
  EXPECT_EQ(attempts_.entries.size(), 3u);
}

TEST_F(WebhooksEngineTest, ANewSecretSignsTheNextDelivery) {
  const Webhook webhook = create({.url = kUrl, .types = {"bitvault.node.*"}});
  const auto rotated = run(webhooks_->rotate(acme_, webhook.id, {"key_1"}, {}, 1h));
  publish("one");
  run_for(1s);
  Verifier verifier;
  ASSERT_TRUE(verifier.add(rotated->secrets[0].secret.text().reveal()));
  const std::string both = sent(kUrl, "webhook-signature").at(0);
  EXPECT_EQ(std::ranges::count(both, ' '), 1);
  run_for(2h);
  publish("two");
  run_for(1s);
  EXPECT_EQ(std::ranges::count(sent(kUrl, "webhook-signature").at(1), ' '), 0)
      << "the old one has expired, though nothing was loaded anew";
}

TEST_F(WebhooksEngineTest, GoneDisablesAndIsTold) {
  const Webhook webhook = create({.url = kUrl, .types = {"bitvault.node.*"}});
  outgoing_.answers = {TestOutgoing::answer(410)};
  publish("one");
  run_for(1min);
  publish("two");
  run_for(1h);
  EXPECT_EQ(sent(kUrl, "webhook-id"), Texts{"one"});
  const auto disabled = run(webhooks_->get(acme_, webhook.id));
  EXPECT_FALSE(disabled->enabled);
  EXPECT_EQ(disabled->disabled_reason, "http_410");
  EXPECT_EQ(told("bitvault.webhook.disabled.v1"), 1u);

  ASSERT_TRUE(run(webhooks_->enable(acme_, webhook.id, {"key_1"}, Resume::kCatchUp)));
  run_for(1h);
  EXPECT_EQ(sent(kUrl, "webhook-id").back(), "two") << "what came meanwhile is not lost";
}

TEST_F(WebhooksEngineTest, SkippingBeginsAtTheHead) {
  const Webhook webhook = create({.url = kUrl, .types = {"bitvault.node.*"}});
  ASSERT_TRUE(run(webhooks_->disable(acme_, webhook.id, {"key_1"})));
  publish("one");
  run_for(1min);
  ASSERT_TRUE(run(webhooks_->enable(acme_, webhook.id, {"key_1"}, Resume::kSkip)));
  run_for(1min);
  publish("two");
  run_for(1min);
  EXPECT_EQ(sent(kUrl, "webhook-id"), Texts{"two"});
  EXPECT_EQ(sent(kUrl, "bitvault-previous-sequence"), Texts{"0"});
}

TEST_F(WebhooksEngineTest, OneThatCannotBeReadRestsAndTheOthersGoOn) {
  const Webhook broken = create({.url = kUrl + "broken", .types = {"bitvault.node.*"}});
  const Webhook webhook = create({.url = kUrl, .types = {"bitvault.node.*"}});
  const auto record = run(store_->get(acme_, kWebhooks, broken.id));
  const auto overwrite = [&](std::string value) {
    Transaction transaction(acme_);
    transaction.put(kWebhooks, broken.id, std::move(value));
    ASSERT_TRUE(run(store_->commit(std::move(transaction))));
    engine_->changed(acme_);
  };
  overwrite("{}");
  publish("one");
  run_for(1min);
  EXPECT_EQ(sent(kUrl, "webhook-id"), Texts{"one"});
  EXPECT_TRUE(sent(kUrl + "broken", "webhook-id").empty());
  overwrite(record->value());
  run_for(1min);
  EXPECT_EQ(sent(kUrl + "broken", "webhook-id"), Texts{"one"}) << "nothing of it was lost";
}

TEST_F(WebhooksEngineTest, DeadLettersAreToldListedAndRedelivered) {
  const Webhook webhook =
      create({.url = kUrl, .types = {"bitvault.node.*"}, .policy = {.schedule = {0s, 5s}}});
  outgoing_.answers = {TestOutgoing::answer(500, "boom"), TestOutgoing::answer(500, "boom")};
  publish("one");
  run_for(1min);
  EXPECT_EQ(sent(kUrl, "bitvault-attempt"), (Texts{"1", "2"}));
  const auto letters = run(webhooks_->dead_letters(acme_, webhook.id, {}, 10));
  ASSERT_EQ(letters->items.size(), 1u);
  EXPECT_EQ(letters->items[0].event_id, "one");
  EXPECT_EQ(letters->items[0].answer, "boom");
  EXPECT_EQ(told("bitvault.webhook.dead_lettered.v1"), 1u);
  ASSERT_TRUE(run(webhooks_->redeliver_dead(acme_, webhook.id, {Texts{"one"}})));
  run_for(1min);
  EXPECT_EQ(sent(kUrl, "webhook-id"), (Texts{"one", "one", "one"}));
  EXPECT_TRUE(run(webhooks_->dead_letters(acme_, webhook.id, {}, 10))->items.empty());
}

TEST_F(WebhooksEngineTest, AReplayIsMarkedAndEnds) {
  const Webhook webhook = create({.url = kUrl, .types = {"bitvault.node.*"}});
  publish("one");
  publish("two");
  run_for(1min);
  const Sequence head = run(store_->head(acme_))->head;
  const auto replay = run(webhooks_->start_replay(acme_, webhook.id, {.after = {}, .until = head}));
  run_for(5min);
  EXPECT_EQ(sent(kUrl, "webhook-id"), (Texts{"one", "two", "one", "two"}));
  EXPECT_EQ(sent(kUrl, "bitvault-replay"), (Texts{"", "", replay->id, replay->id}));
  EXPECT_EQ(sent(kUrl, "bitvault-previous-sequence")[2], "0");
  const auto ended = run(webhooks_->replay(acme_, webhook.id, replay->id));
  EXPECT_EQ(ended->record.state, delivery::ReplayRecord::State::kDone);
  EXPECT_EQ(ended->record.delivered, 2u);
}

TEST_F(WebhooksEngineTest, TwoThatFailAndHearOfEachOtherComeToAnEnd) {
  outgoing_.otherwise = TestOutgoing::answer(500);
  for (const char* url :
       {"https://a.example.com/", "https://b.example.com/", "https://c.example.com/"}) {
    create({.url = url, .policy = {.schedule = {0s}}});
  }
  publish("one");
  run_for(24h);
  const std::size_t attempts = outgoing_.sent.size();
  const std::size_t events = run(store_->read(acme_, {}, {.events = 1'000}))->events.size();
  run_for(48h);
  EXPECT_EQ(outgoing_.sent.size(), attempts);
  EXPECT_EQ(run(store_->read(acme_, {}, {.events = 1'000}))->events.size(), events);
  EXPECT_LT(events, 30u);
  for (const OutgoingRequest& request : outgoing_.sent) {
    const auto event = boost::json::parse(request.body.view());
    const auto* webhook = event.at("data").as_object().if_contains("webhook");
    EXPECT_TRUE(webhook == nullptr ||
                "https://" + std::string(webhook->at("endpoint").as_string()) != request.url)
        << "nobody hears of itself";
  }
}

TEST_F(WebhooksEngineTest, WhatIsRemovedGetsNothingMore) {
  const Webhook webhook = create({.url = kUrl, .types = {"bitvault.node.*"}});
  outgoing_.answers = {TestOutgoing::answer(500)};
  publish("one");
  run_for(1s);
  ASSERT_TRUE(run(webhooks_->remove(acme_, webhook.id)));
  publish("two");
  run_for(24h);
  EXPECT_EQ(sent(kUrl, "webhook-id"), Texts{"one"});
  for (const Collection collection :
       {delivery::kTracks, delivery::kDebts, delivery::kDeadLetters, delivery::kRequests}) {
    EXPECT_TRUE(run(store_->scan(acme_, collection, "", "", 10))->items.empty())
        << collection.str();
  }
}

}  // namespace
}  // namespace bitvault::webhooks
