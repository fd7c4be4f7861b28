#include "webhooks/webhooks.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "api/api_fixture.h"
#include "base/text.h"
#include "webhooks/test_pem.h"

namespace bitvault::api {
namespace {

using namespace std::chrono_literals;
using webhooks::test::TestOutgoing;

const std::string kHooks = "/v1/tenants/acme/webhooks";

class WebhookRoutesTest : public ApiTest {
 protected:
  Got create(const std::string& members = "") {
    return post(kHooks, R"({"url":"https://example.com/hook")" + members + "}");
  }
  Got patch(const std::string& id, const std::string& body) {
    return send({"PATCH", kHooks + "/" + id, operator_, body});
  }
  std::string told() {
    std::string types;
    for (const auto& event : get("/v1/tenants/acme/events").json.at("events").as_array()) {
      types += std::string(event.at("type").as_string()) + "\n";
    }
    return types;
  }
};

TEST_F(WebhookRoutesTest, ShowsAWebhookWithItsSecretOnce) {
  const Got made = create();
  EXPECT_EQ(made.outcome(), "201");
  EXPECT_EQ(made.header("Cache-Control"), "no-store");
  const std::string id = made.at("/id");
  EXPECT_TRUE(id.starts_with("whk_"));
  EXPECT_TRUE(made.at("/secret").starts_with("whsec_"));
  EXPECT_TRUE(from_base64(made.at("/secret").substr(6)));

  const Got shown = get(kHooks + "/" + id);
  const std::pair<const char*, std::string> members[] = {
      {"/id", id},
      {"/url", "https://example.com/hook"},
      {"/types", "[]"},
      {"/pattern", "null"},
      {"/description", ""},
      {"/header_names", "[]"},
      {"/basic_auth", "null"},
      {"/ordering", "none"},
      {"/concurrency", "10"},
      {"/rate_limit_per_second", "null"},
      {"/timeout_seconds", "20"},
      {"/retry_schedule_seconds", "[0,5,60,300,1800,7200,86400]"},
      {"/signatures", R"(["v1"])"},
      {"/secrets/0/signature", "v1"},
      {"/secrets/0/expires_at", "null"},
      {"/own_events", "false"},
      {"/enabled", "true"},
      {"/disabled_reason", "null"},
      {"/created_at", format_time(world_.clock().wall())},
      {"/progress/lag_events", "0"},
      {"/progress/failing_since", "null"},
  };
  for (const auto& [pointer, value] : members) {
    EXPECT_EQ(shown.at(pointer), value) << pointer;
  }
  EXPECT_EQ(shown.body.find(made.at("/secret").substr(6)), std::string::npos);
  const Got list = get(kHooks);
  EXPECT_EQ(list.at("/items/0/id"), id);
  EXPECT_EQ(list.body.find("whsec_"), std::string::npos);
}

TEST_F(WebhookRoutesTest, TakesEveryMember) {
  const webhooks::test::TestKey client;
  const std::string secret =
      "whsec_" + base64(as_bytes(std::string_view("0123456789abcdef01234567")));
  const boost::json::object tls{{"ca", client.certificate()},
                                {"client_certificate", client.certificate()},
                                {"client_key", client.pem()}};
  const Got made =
      create(R"(,"types":["bitvault.node.*"],"pattern":{"data":{"n":[{"numeric":[">",1.50]}]}},)"
             R"("description":"d","headers":{"X-Api-Key":"hunter2"},)"
             R"("basic_auth":{"user":"u","password":"hunter3"},"ordering":"partitionkey",)"
             R"("concurrency":3,"rate_limit_per_second":7,"timeout_seconds":5,"own_events":true,)"
             R"("retry_schedule_seconds":[0,9],"signatures":["v1","v1a"],"start":"earliest",)"
             R"("tls":)" +
             boost::json::serialize(tls) + R"(,"secret":")" + secret + "\"");
  ASSERT_EQ(made.outcome(), "201") << made.body;
  EXPECT_EQ(made.at("/secret"), secret);
  EXPECT_TRUE(made.at("/public_key").starts_with("whpk_"));
  const Got shown = get(kHooks + "/" + made.at("/id"));
  const std::pair<const char*, std::string> members[] = {
      {"/types", R"(["bitvault.node.*"])"},
      {"/description", "d"},
      {"/header_names", R"(["X-Api-Key"])"},
      {"/basic_auth", R"({"user":"u"})"},
      {"/ordering", "partitionkey"},
      {"/concurrency", "3"},
      {"/rate_limit_per_second", "7"},
      {"/timeout_seconds", "5"},
      {"/own_events", "true"},
      {"/retry_schedule_seconds", "[0,9]"},
      {"/signatures", R"(["v1","v1a"])"},
      {"/tls", R"({"has_ca":true,"has_client_certificate":true})"},
      {"/secrets/1/public_key", made.at("/public_key")},
      {"/pattern/data/n/0/numeric/0", ">"},
  };
  for (const auto& [pointer, value] : members) {
    EXPECT_EQ(shown.at(pointer), value) << pointer;
  }
  for (const char* hidden : {"hunter2", "hunter3", "PRIVATE", "CERTIFICATE", "whsk_", "whsec_"}) {
    EXPECT_EQ(shown.body.find(hidden), std::string::npos) << hidden;
  }
}

TEST_F(WebhookRoutesTest, RefusesWhatIsNoWebhook) {
  const std::pair<std::string, std::string> wrong[] = {
      {"", "url"},
      {"{}", "url"},
      {R"({"url":null})", "url"},
      {R"({"url":5})", "url"},
      {R"({"url":"ftp://a.b"})", "url"},
      {R"({"url":"https://u:p@a.b"})", "url"},
      {R"({"url":"https://forbidden.example"})", "url"},
      {R"({"url":"https://a.b","types":"bitvault.*"})", "types"},
      {R"({"url":"https://a.b","types":[5]})", "types"},
      {R"({"url":"https://a.b","types":["nonsense"]})", "types"},
      {R"({"url":"https://a.b","pattern":"{}"})", "pattern"},
      {R"({"url":"https://a.b","pattern":{"a":5}})", "pattern"},
      {R"({"url":"https://a.b","headers":["a"]})", "headers"},
      {R"({"url":"https://a.b","headers":{"a":5}})", "headers.a"},
      {R"({"url":"https://a.b","headers":{"Host":"x"}})", "headers.Host"},
      {R"({"url":"https://a.b","headers":{"a":"x\r\ny"}})", "headers.a"},
      {R"({"url":"https://a.b","basic_auth":"u:p"})", "basic_auth"},
      {R"({"url":"https://a.b","basic_auth":{"user":"u"}})", "basic_auth.password"},
      {R"({"url":"https://a.b","basic_auth":{"user":"u","password":"p","x":1}})", "basic_auth.x"},
      {R"({"url":"https://a.b","tls":{"ca":"x"}})", "tls.ca"},
      {R"({"url":"https://a.b","tls":{"cert":"x"}})", "tls.cert"},
      {R"({"url":"https://a.b","ordering":"fifo"})", "ordering"},
      {R"({"url":"https://a.b","concurrency":0})", "concurrency"},
      {R"({"url":"https://a.b","concurrency":101})", "concurrency"},
      {R"({"url":"https://a.b","concurrency":1.5})", "concurrency"},
      {R"({"url":"https://a.b","concurrency":-1})", "concurrency"},
      {R"({"url":"https://a.b","concurrency":99999999999999999999})", "concurrency"},
      {R"({"url":"https://a.b","concurrency":"5"})", "concurrency"},
      {R"({"url":"https://a.b","rate_limit_per_second":0})", "rate_limit_per_second"},
      {R"({"url":"https://a.b","timeout_seconds":61})", "timeout_seconds"},
      {R"({"url":"https://a.b","timeout_seconds":4294967297})", "timeout_seconds"},
      {R"({"url":"https://a.b","retry_schedule_seconds":[]})", "retry_schedule_seconds"},
      {R"({"url":"https://a.b","retry_schedule_seconds":5})", "retry_schedule_seconds"},
      {R"({"url":"https://a.b","retry_schedule_seconds":[0,-1]})", "retry_schedule_seconds"},
      {R"({"url":"https://a.b","retry_schedule_seconds":[999999999]})", "retry_schedule_seconds"},
      {R"({"url":"https://a.b","secret":"whsec_c2hvcnQ="})", "secret"},
      {R"({"url":"https://a.b","secret":"plain"})", "secret"},
      {R"({"url":"https://a.b","secret":5})", "secret"},
      {R"({"url":"https://a.b","signatures":["v1a"],)"
       R"("secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})",
       "secret"},
      {R"({"url":"https://a.b","signatures":[]})", "signatures"},
      {R"({"url":"https://a.b","signatures":["v2"]})", "signatures"},
      {R"({"url":"https://a.b","own_events":"yes"})", "own_events"},
      {R"({"url":"https://a.b","start":5})", "start"},
      {R"({"url":"https://a.b","id":"whk_mine"})", "id"},
      {R"({"url":"https://a.b","enabled":false})", "enabled"},
  };
  for (const auto& [body, path] : wrong) {
    const Got got = post(kHooks, body);
    EXPECT_EQ(got.outcome(), "422 invalid") << body;
    EXPECT_EQ(got.at("/errors/0/path"), path) << body;
    EXPECT_EQ(got.body.find("c2hvcnQ"), std::string::npos);
  }
  EXPECT_EQ(get(kHooks).at("/items"), "[]");
  EXPECT_EQ(outgoing_.judged, std::vector<std::string>{"https://forbidden.example"})
      << "what is wrong anyway is not looked up";
}

TEST_F(WebhookRoutesTest, BeginsWhereItIsTold) {
  ASSERT_EQ(publish(node_created()).status, 201u);
  const std::string after_one = get("/v1/tenants/acme/cursor?at=latest").at("/cursor");
  ASSERT_EQ(publish(node_created()).status, 201u);
  const std::pair<std::string, std::string> cases[] = {
      {"", "2"}, {"latest", "2"}, {"earliest", "0"}, {after_one, "1"}};
  for (const auto& [start, position] : cases) {
    const Got made = create(start.empty() ? "" : R"(,"start":")" + start + "\"");
    EXPECT_EQ(made.outcome(), "201");
    const Got shown = get(kHooks + "/" + made.at("/id"));
    EXPECT_EQ(shown.at("/progress/position"), position) << start;
    EXPECT_EQ(shown.at("/progress/head"), "2");
  }
  EXPECT_EQ(create(R"(,"start":"yesterday")").outcome(), "400 cursor_invalid");
  const std::string foreign = get("/v1/tenants/other/cursor?at=latest").at("/cursor");
  EXPECT_EQ(create(R"(,"start":")" + foreign + "\"").outcome(), "400 cursor_invalid");
  const auto head = run(store_->head(TenantName::parse("acme").value()));
  ASSERT_TRUE(run(store_->raise_floor(TenantName::parse("acme").value(), {head->epoch, {3}})));
  const Got late = create(R"(,"start":")" + after_one + "\"");
  EXPECT_EQ(late.outcome(), "409 cursor_reset");
  EXPECT_EQ(late.at("/reason"), "expired");
  EXPECT_NE(late.at("/earliest_cursor"), "");
}

TEST_F(WebhookRoutesTest, SaysHowFarBehindItIs) {
  ASSERT_EQ(publish(node_created()).status, 201u);
  const std::string id = create(R"(,"start":"earliest")").at("/id");
  world_.manual_clock().advance(90s);
  const Got shown = get(kHooks + "/" + id);
  EXPECT_EQ(shown.at("/progress/lag_events"), "1");
  EXPECT_EQ(shown.json.at_pointer("/progress/lag_seconds").as_int64(), 90);
}

TEST_F(WebhookRoutesTest, ChangesOnlyWhatIsGiven) {
  const Got made = create(R"(,"description":"old","concurrency":3,"headers":{"A":"1"})");
  const std::string id = made.at("/id");
  world_.manual_clock().advance(1s);
  const Got changed = patch(id, R"({"description":"new","pattern":{"type":["x"]}})");
  EXPECT_EQ(changed.outcome(), "200");
  EXPECT_EQ(changed.at("/description"), "new");
  EXPECT_EQ(changed.at("/concurrency"), "3");
  EXPECT_EQ(changed.at("/header_names"), R"(["A"])");
  EXPECT_EQ(changed.at("/secret"), "");
  EXPECT_EQ(changed.at("/updated_at"), format_time(world_.clock().wall()));
  const Got reset = patch(
      id, R"({"description":null,"pattern":null,"concurrency":null,"headers":null,"types":null,)"
          R"("basic_auth":null,"tls":null,"ordering":null,"rate_limit_per_second":null,)"
          R"("timeout_seconds":null,"retry_schedule_seconds":null,"own_events":null,)"
          R"("signatures":null})");
  EXPECT_EQ(reset.outcome(), "200");
  EXPECT_EQ(reset.at("/pattern"), "null");
  EXPECT_EQ(reset.at("/concurrency"), "10");
  EXPECT_EQ(reset.at("/header_names"), "[]");
  EXPECT_EQ(reset.at("/secret"), "");
  const Got empty = patch(id, "{}");
  EXPECT_EQ(empty.outcome(), "200");
  for (const auto& [body, path] :
       {std::pair(R"({"url":null})", "url"), std::pair(R"({"url":"https://forbidden.b"})", "url"),
        std::pair(R"({"start":"latest"})", "start"), std::pair(R"({"secret":"x"})", "secret"),
        std::pair(R"({"timeout_seconds":0})", "timeout_seconds")}) {
    const Got got = patch(id, body);
    EXPECT_EQ(got.outcome(), "422 invalid") << body;
    EXPECT_EQ(got.at("/errors/0/path"), path);
  }
  EXPECT_EQ(get(kHooks + "/" + id).at("/url"), "https://example.com/hook");
  world_.manual_clock().advance(1s);
  const Got both = patch(id, R"({"signatures":["v1","v1a"]})");
  EXPECT_EQ(both.at("/secret"), "") << "the shared one is not new";
  EXPECT_TRUE(both.at("/public_key").starts_with("whpk_"));
}

TEST_F(WebhookRoutesTest, RotatesItsSecret) {
  const Got made = create();
  const std::string rotate = kHooks + "/" + made.at("/id") + "/secret/rotate";
  world_.manual_clock().advance(1s);
  const Got rotated = post(rotate, R"({"overlap_seconds":60})");
  EXPECT_EQ(rotated.outcome(), "200");
  EXPECT_TRUE(rotated.at("/secret").starts_with("whsec_"));
  EXPECT_NE(rotated.at("/secret"), made.at("/secret"));
  EXPECT_EQ(rotated.at("/secrets/1/expires_at"), format_time(world_.clock().wall() + 60s));
  ASSERT_EQ(post(kHooks + "/" + made.at("/id") + "/test", "").outcome(), "200");
  const std::string both = TestOutgoing::header(outgoing_.sent.back(), "webhook-signature");
  EXPECT_EQ(std::ranges::count(both, ' '), 1);
  world_.manual_clock().advance(60s);
  ASSERT_EQ(post(kHooks + "/" + made.at("/id") + "/test", "").outcome(), "200");
  const std::string one = TestOutgoing::header(outgoing_.sent.back(), "webhook-signature");
  EXPECT_EQ(std::ranges::count(one, ' '), 0);
  const std::string mine = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  EXPECT_EQ(post(rotate, R"({"secret":")" + mine + "\"}").at("/secret"), mine);
  EXPECT_EQ(post(rotate, "").at("/secrets/1/expires_at"), format_time(world_.clock().wall() + 24h));
  for (const char* body :
       {R"({"overlap_seconds":-1})", R"({"overlap_seconds":604801})", R"({"overlap_seconds":1.5})",
        R"({"overlap_seconds":"60"})", R"({"secret":"nonsense"})"}) {
    EXPECT_EQ(post(rotate, body).outcome(), "422 invalid") << body;
  }
}

TEST_F(WebhookRoutesTest, IsDisabledAndEnabled) {
  const std::string hook = kHooks + "/" + create().at("/id");
  const Got disabled = post(hook + "/disable", "");
  EXPECT_EQ(disabled.outcome(), "200");
  EXPECT_EQ(disabled.at("/enabled"), "false");
  EXPECT_EQ(disabled.at("/disabled_reason"), "asked");
  EXPECT_EQ(disabled.at("/disabled_at"), format_time(world_.clock().wall()));
  for (const char* body : {R"({"resume":"maybe"})", R"({"resume":1})", R"({"skip":true})"}) {
    EXPECT_EQ(post(hook + "/enable", body).outcome(), "422 invalid") << body;
  }
  EXPECT_EQ(get(hook).at("/enabled"), "false");
  EXPECT_EQ(post(hook + "/enable", R"({"resume":"catch_up"})").at("/enabled"), "true");
  EXPECT_EQ(post(hook + "/enable", "").at("/disabled_reason"), "null");
}

TEST_F(WebhookRoutesTest, TestsAnswerWithTheAttempt) {
  const std::string hook = kHooks + "/" + create().at("/id");
  const Got good = post(hook + "/test", "");
  EXPECT_EQ(good.at("/status"), "delivered");
  EXPECT_EQ(good.at("/status_code"), "204");
  EXPECT_EQ(good.at("/latency_ms"), "12");
  EXPECT_EQ(good.at("/reason"), "null");
  EXPECT_EQ(good.at("/event_id"), TestOutgoing::header(outgoing_.sent.back(), "webhook-id"));
  outgoing_.answers = {TestOutgoing::answer(500, "boom"),
                       TestOutgoing::failure(OutgoingFailure::kTls, "the certificate expired")};
  const Got bad = post(hook + "/test", "{}");
  EXPECT_EQ(bad.outcome(), "200");
  EXPECT_EQ(bad.at("/status"), "failed");
  EXPECT_EQ(bad.at("/reason"), "http_500");
  EXPECT_EQ(bad.at("/response"), "boom");
  const Got none = post(hook + "/test", "");
  EXPECT_EQ(none.at("/status_code"), "null");
  EXPECT_EQ(none.at("/reason"), "tls");
  EXPECT_EQ(none.at("/detail"), "the certificate expired");
  const Got logged = get(hook + "/deliveries");
  EXPECT_EQ(logged.json.at("items").as_array().size(), 3u);
  EXPECT_EQ(logged.at("/items/0/attempt"), "0");
}

TEST_F(WebhookRoutesTest, TellsInTheJournalWhereTheTenantWantsIt) {
  const std::string quiet = create().at("/id");
  EXPECT_EQ(told(), "");
  ASSERT_EQ(send({"PUT", "/v1/tenants/acme", operator_, R"({"operational_events":true})"}).status,
            200u);
  ASSERT_EQ(post(kHooks + "/" + quiet + "/disable", "").outcome(), "200");
  EXPECT_EQ(told(), "bitvault.webhook.disabled.v1\n");
  EXPECT_EQ(publish(R"({"type":"bitvault.webhook.test.v1","data":{}})").outcome(),
            "403 type_reserved");
}

TEST_F(WebhookRoutesTest, GoesWithItsRecords) {
  const std::string id = create().at("/id");
  EXPECT_EQ(send({"DELETE", kHooks + "/" + id, operator_}).outcome(), "204");
  EXPECT_EQ(get(kHooks + "/" + id).outcome(), "404 not_found");
  EXPECT_EQ(attempts_.forgotten, std::vector<std::string>{"acme/" + id});
  ASSERT_EQ(send({"DELETE", "/v1/tenants/other", operator_}).status, 202u);
  EXPECT_EQ(attempts_.forgotten.back(), "other/*");
}

TEST_F(WebhookRoutesTest, ListsPageByPage) {
  std::set<std::string> made;
  for (int i = 0; i < 5; ++i) {
    made.insert(create().at("/id"));
  }
  std::set<std::string> seen;
  std::string page;
  do {
    const Got got = get(kHooks + "?limit=2" + page);
    for (const auto& item : got.json.at("items").as_array()) {
      EXPECT_TRUE(seen.insert(std::string(item.at("id").as_string())).second);
    }
    page = got.at("/next_page") == "null" ? "" : "&page=" + got.at("/next_page");
  } while (!page.empty());
  EXPECT_EQ(seen, made);
}

TEST_F(WebhookRoutesTest, AForeignOneIsNotFound) {
  const Got foreign = post("/v1/tenants/other/webhooks", R"({"url":"https://a.b"})");
  for (const std::string& id : {foreign.at("/id"), std::string("whk_"), std::string("%2e"),
                                std::string("whk_%27"), std::string(4'000, 'w')}) {
    for (const char* method : {"GET", "PATCH", "DELETE"}) {
      EXPECT_EQ(send({method, kHooks + "/" + id, operator_}).outcome(), "404 not_found") << id;
    }
  }
  EXPECT_EQ(get("/v1/tenants/other/webhooks/" + foreign.at("/id")).outcome(), "200");
}

}  // namespace
}  // namespace bitvault::api
