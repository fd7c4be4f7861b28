#include <boost/json.hpp>

#include "api/api_fixture.h"

namespace bitvault::api {
namespace {

using namespace std::chrono_literals;

const std::string kHook = "/v1/tenants/acme/webhooks/whk_one";

class WebhookDeliveriesTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    for (const char* id : {"one", "two", "three"}) {
      ASSERT_EQ(publish(node_created(R"("id":")" + std::string(id) + "\",")).status, 201u);
      world_.manual_clock().advance(10s);
    }
    make_webhook("whk_one", "two", {2});
  }
  void log(std::uint64_t sequence, bool delivered, unsigned attempt = 1) {
    attempts_.append(
        {.tenant = TenantName::parse("acme").value(),
         .subscription = "whk_one",
         .sequence = {sequence},
         .attempt = attempt,
         .at = world_.clock().wall(),
         .latency = 1500us,
         .delivered = delivered,
         .status = delivered ? 200u : 503u,
         .reason = delivered ? "" : "http_503",
         .address = "192.0.2.1",
         .next_attempt = delivered ? std::nullopt : std::optional(world_.clock().wall() + 5s),
         .answer = delivered ? "" : "busy"});
  }
  std::size_t count(const std::string& query) {
    const Got got = get(kHook + "/deliveries" + query);
    EXPECT_EQ(got.outcome(), "200") << query;
    return got.json.at("items").as_array().size();
  }
};

TEST_F(WebhookDeliveriesTest, ShowsTheAttempts) {
  log(1, true);
  log(2, false);
  log(99, true);  // of an event that is not there
  const Got got = get(kHook + "/deliveries");
  const std::pair<const char*, std::string> members[] = {
      {"/items/0/event_id", "null"},
      {"/items/0/sequence", "99"},
      {"/items/1/event_id", "two"},
      {"/items/1/status", "failed"},
      {"/items/1/status_code", "503"},
      {"/items/1/reason", "http_503"},
      {"/items/1/response", "busy"},
      {"/items/1/next_attempt_at", format_time(world_.clock().wall() + 5s)},
      {"/items/1/attempt", "1"},
      {"/items/2/event_id", "one"},
      {"/items/2/status", "delivered"},
      {"/items/2/latency_ms", "2"},
      {"/items/2/address", "192.0.2.1"},
      {"/items/2/reason", "null"},
      {"/items/2/response", "null"},
      {"/items/2/next_attempt_at", "null"},
      {"/items/2/replay", "null"},
      {"/items/2/at", format_time(world_.clock().wall())},
      {"/next_page", "null"},
  };
  for (const auto& [pointer, value] : members) {
    EXPECT_EQ(got.at(pointer), value) << pointer;
  }
}

TEST_F(WebhookDeliveriesTest, FiltersAndPagesTheAttempts) {
  for (unsigned attempt = 1; attempt <= 3; ++attempt) {
    log(2, attempt == 3, attempt);
    log(1, true);
  }
  EXPECT_EQ(count(""), 6u);
  EXPECT_EQ(count("?status=failed"), 2u);
  EXPECT_EQ(count("?status=delivered"), 4u);
  EXPECT_EQ(count("?event_id=two"), 3u);
  EXPECT_EQ(count("?event_id=two&status=delivered"), 1u);
  EXPECT_EQ(count("?event_id=unheard"), 0u);
  EXPECT_EQ(count("?limit=4"), 4u);
  const std::string next = get(kHook + "/deliveries?limit=4").at("/next_page");
  EXPECT_EQ(count("?limit=4&page=" + next), 2u);
  for (const char* query :
       {"?status=ok", "?status=", "?event_id=a.b", "?limit=0", "?page=%21", "?page=eA"}) {
    EXPECT_EQ(get(kHook + "/deliveries" + query).outcome(), "422 invalid") << query;
  }
}

TEST_F(WebhookDeliveriesTest, RedeliversOneEvent) {
  const Got asked = post(kHook + "/deliveries/one/redeliver", "");
  EXPECT_EQ(asked.outcome(), "202");
  EXPECT_EQ(asked.at("/event_id"), "one");
  EXPECT_EQ(post(kHook + "/deliveries/unheard/redeliver", "").outcome(), "404 not_found");
  EXPECT_EQ(post(kHook + "/deliveries/a.b/redeliver", "").outcome(), "404 not_found");
  ASSERT_EQ(post(kHook + "/disable", "").outcome(), "200");
  EXPECT_EQ(post(kHook + "/deliveries/one/redeliver", "").outcome(), "409 conflict");
}

TEST_F(WebhookDeliveriesTest, ShowsDeadLetters) {
  const Got got = get(kHook + "/dead-letters");
  const std::pair<const char*, std::string> members[] = {
      {"/items/0/event_id", "two"},
      {"/items/0/event_type", "bitvault.node.created.v1"},
      {"/items/0/sequence", "2"},
      {"/items/0/reason", "exhausted"},
      {"/items/0/attempts", "7"},
      {"/items/0/last_answer/status_code", "503"},
      {"/items/0/last_answer/reason", "http_503"},
      {"/items/0/last_answer/detail", "the endpoint was busy"},
      {"/items/0/last_answer/response", "busy"},
      {"/next_page", "null"},
  };
  for (const auto& [pointer, value] : members) {
    EXPECT_EQ(got.at(pointer), value) << pointer;
  }
  EXPECT_EQ(get(kHook + "/dead-letters?page=bm9uc2Vuc2U").outcome(), "422 invalid");
}

TEST_F(WebhookDeliveriesTest, ChoosesDeadLetters) {
  for (const char* verb : {"/redeliver", "/discard"}) {
    const std::string target = kHook + "/dead-letters" + verb;
    EXPECT_EQ(post(target, R"({"event_ids":["two"]})").outcome(), "202");
    EXPECT_EQ(post(target, R"({"all":true})").outcome(), "202");
    const std::pair<std::string, std::string> wrong[] = {
        {"", "event_ids"},
        {"{}", "event_ids"},
        {R"({"all":true,"event_ids":["two"]})", "event_ids"},
        {R"({"all":false})", "all"},
        {R"({"all":"yes"})", "all"},
        {R"({"event_ids":[]})", "event_ids"},
        {R"({"event_ids":"two"})", "event_ids"},
        {R"({"event_ids":[2]})", "event_ids"},
        {R"({"event_ids":["two","one"]})", "event_ids.1"},
    };
    for (const auto& [body, path] : wrong) {
      const Got got = post(target, body);
      EXPECT_EQ(got.outcome(), "422 invalid") << body;
      EXPECT_EQ(got.at("/errors/0/path"), path) << body;
    }
  }
}

TEST_F(WebhookDeliveriesTest, ReplaysARangeOfTimeOrCursors) {
  const auto at = [&](Duration ago) { return format_time(world_.clock().wall() - ago); };
  const std::string after_one =
      get("/v1/tenants/acme/cursor?at=" + at(15s)).at("/cursor");  // behind "two"
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {R"({"since":")" + at(1h) + "\"}", "1", "3"},
      {R"({"since":")" + at(25s) + R"(","until":")" + at(15s) + "\"}", "2", "2"},
      {R"({"since":")" + after_one + "\"}", "3", "3"},
      {R"({"since":")" + at(1h) + R"(","until":")" + after_one + R"(","only":"failed"})", "1", "2"},
  };
  ASSERT_EQ(post(kHook + "/replays/rpl_one/cancel", "").outcome(), "202");
  for (const auto& [body, first, last] : cases) {
    make_webhook("whk_one", "two", {2});
    const Got begun = post(kHook + "/replay", body);
    ASSERT_EQ(begun.outcome(), "202") << begun.body;
    EXPECT_EQ(begun.at("/first_sequence"), first) << body;
    EXPECT_EQ(begun.at("/last_sequence"), last) << body;
    EXPECT_EQ(begun.at("/state"), "running");
    EXPECT_EQ(begun.at("/only"), body.contains("failed") ? "failed" : "all");
    const Got shown = get(kHook + "/replays/" + begun.at("/id"));
    EXPECT_EQ(shown.json, begun.json);
    // Ended, so that the next one may begin.
    Transaction transaction(TenantName::parse("acme").value());
    transaction.erase(delivery::kTracks, delivery::track_key("whk_one", begun.at("/id")));
    ASSERT_TRUE(run(store_->commit(std::move(transaction))));
  }
}

TEST_F(WebhookDeliveriesTest, RefusesWhatIsNoReplay) {
  const std::string foreign = get("/v1/tenants/other/cursor?at=latest").at("/cursor");
  const std::pair<std::string, std::string> wrong[] = {
      {"", "422 invalid"},
      {R"({"since":5})", "422 invalid"},
      {R"({"until":"2026-01-01T00:00:00Z"})", "422 invalid"},
      {R"({"since":"2026-01-01T00:00:00Z","only":"some"})", "422 invalid"},
      {R"({"since":"2099-01-01T00:00:00Z","until":"2026-01-01T00:00:00Z"})", "422 invalid"},
      {R"({"since":"yesterday"})", "400 cursor_invalid"},
      {R"({"since":")" + foreign + "\"}", "400 cursor_invalid"},
  };
  for (const auto& [body, outcome] : wrong) {
    EXPECT_EQ(post(kHook + "/replay", body).outcome(), outcome) << body;
  }
  EXPECT_EQ(get(kHook + "/replays").json.at("items").as_array().size(), 1u);
  EXPECT_EQ(get(kHook + "/replays/rpl_two").outcome(), "404 not_found");
  EXPECT_EQ(get(kHook + "/replays/live").outcome(), "404 not_found");
}

TEST_F(WebhookDeliveriesTest, ListsReplays) {
  ASSERT_EQ(post(kHook + "/replay", R"({"since":"2026-01-01T00:00:00Z"})").outcome(), "202");
  const Got first = get(kHook + "/replays?limit=1");
  ASSERT_EQ(first.json.at("items").as_array().size(), 1u);
  const Got second = get(kHook + "/replays?limit=1&page=" + first.at("/next_page"));
  ASSERT_EQ(second.json.at("items").as_array().size(), 1u);
  EXPECT_NE(first.at("/items/0/id"), second.at("/items/0/id"));
  EXPECT_EQ(second.at("/next_page"), "null");
}

}  // namespace
}  // namespace bitvault::api
