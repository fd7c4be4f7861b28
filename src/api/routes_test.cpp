// What holds for every route: who may take it, and what it says to whoever may not.

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "api/api_fixture.h"

namespace bitvault::api {
namespace {

enum class Caller : std::uint8_t { kAnybody, kLoopback, kOperator, kTenant };

// A call that is right in every way, where the tenant acme has an event "one", a key "key_one" and
// a webhook "whk_one" with a replay "rpl_one".
struct Route {
  std::string method;
  std::string target;
  Caller caller;
  std::string scope;  // of a tenant's key
  unsigned ok;
  std::string body = {};
  std::string type = "application/json";
  std::string of_nobody = "404 not_found";  // what is said of a tenant that is not there
};

void PrintTo(const Route& route, std::ostream* out) { *out << route.method << " " << route.target; }

const std::string kAcme = "/v1/tenants/acme";
const std::string kHooks = kAcme + "/webhooks";
const std::string kHook = kHooks + "/whk_one";

std::vector<Route> routes() {
  return {
      {"POST", kAcme + "/events", Caller::kTenant, "events:write", 201, node_created(),
       "application/cloudevents+json"},
      {"GET", kAcme + "/events", Caller::kTenant, "events:read", 200},
      {"GET", kAcme + "/events/one", Caller::kTenant, "events:read", 200},
      {"GET", kAcme + "/cursor?at=latest", Caller::kTenant, "events:read", 200},
      {"POST", kAcme + "/patterns/test", Caller::kTenant, "events:read", 200,
       R"({"pattern":{"a":[1]},"event":{"a":1}})"},
      {"GET", "/v1/tenants", Caller::kOperator, "", 200},
      {"PUT", kAcme, Caller::kOperator, "", 200, "{}", "application/json", "201"},
      {"GET", kAcme, Caller::kTenant, "admin", 200},
      {"DELETE", kAcme, Caller::kOperator, "", 202},
      {"POST", kAcme + "/keys", Caller::kTenant, "admin", 201,
       R"({"name":"k","scopes":["admin"]})"},
      {"GET", kAcme + "/keys", Caller::kTenant, "admin", 200},
      {"DELETE", kAcme + "/keys/key_one", Caller::kTenant, "admin", 204},
      {"POST", kHooks, Caller::kTenant, "webhooks:manage", 201, R"({"url":"https://a.b/"})"},
      {"GET", kHooks, Caller::kTenant, "webhooks:manage", 200},
      {"GET", kHook, Caller::kTenant, "webhooks:manage", 200},
      {"PATCH", kHook, Caller::kTenant, "webhooks:manage", 200, R"({"description":"d"})"},
      {"DELETE", kHook, Caller::kTenant, "webhooks:manage", 204},
      {"POST", kHook + "/secret/rotate", Caller::kTenant, "webhooks:manage", 200,
       R"({"overlap_seconds":60})"},
      {"POST", kHook + "/test", Caller::kTenant, "webhooks:manage", 200, "{}"},
      {"POST", kHook + "/enable", Caller::kTenant, "webhooks:manage", 200, R"({"resume":"skip"})"},
      {"POST", kHook + "/disable", Caller::kTenant, "webhooks:manage", 200, "{}"},
      {"GET", kHook + "/deliveries?event_id=one", Caller::kTenant, "webhooks:manage", 200},
      {"POST", kHook + "/deliveries/one/redeliver", Caller::kTenant, "webhooks:manage", 202, "{}"},
      {"GET", kHook + "/dead-letters", Caller::kTenant, "webhooks:manage", 200},
      {"POST", kHook + "/dead-letters/redeliver", Caller::kTenant, "webhooks:manage", 202,
       R"({"event_ids":["one"]})"},
      {"POST", kHook + "/dead-letters/discard", Caller::kTenant, "webhooks:manage", 202,
       R"({"all":true})"},
      {"POST", kHook + "/replay", Caller::kTenant, "webhooks:manage", 202,
       R"({"since":"2026-01-01T00:00:00Z"})"},
      {"GET", kHook + "/replays", Caller::kTenant, "webhooks:manage", 200},
      {"GET", kHook + "/replays/rpl_one", Caller::kTenant, "webhooks:manage", 200},
      {"POST", kHook + "/replays/rpl_one/cancel", Caller::kTenant, "webhooks:manage", 202, "{}"},
      {"GET", "/v1/catalog", Caller::kAnybody, "", 200},
      {"GET", "/v1/catalog/bitvault.node.created.v1", Caller::kAnybody, "", 200},
      {"GET", "/v1/catalog/bitvault.node.created.v1/schema.json", Caller::kAnybody, "", 200},
      {"GET", "/healthz", Caller::kAnybody, "", 200},
      {"GET", "/readyz", Caller::kAnybody, "", 200},
      {"GET", "/metrics", Caller::kLoopback, "", 200},
  };
}

std::string path_of(const Route& route) { return route.target.substr(0, route.target.find('?')); }

std::string with_query(const std::string& target, const std::string& query) {
  return target + (target.find('?') == std::string::npos ? "?" : "&") + query;
}

class RouteTest : public ApiTest, public testing::WithParamInterface<Route> {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    prepare();
  }
  // Acme as every route wants it, whatever was done to it.
  void prepare() {
    purge();
    make_tenant("acme");
    ASSERT_EQ(publish(node_created(R"("id":"one",)")).status, 201u);
    Transaction transaction(TenantName::parse("acme").value());
    transaction.put(Collection("key"), "key_one", R"({"hash":"","scopes":[]})");
    ASSERT_TRUE(run(store_->commit(std::move(transaction))));
    make_webhook("whk_one", "one", {1});
  }
  Sent sent(const std::string& key = "") const {
    const Route& route = GetParam();
    return {route.method, route.target, key, route.body, route.type};
  }
  Got send_as(const std::string& key) { return send(sent(key)); }
  Got send_to(const std::string& target, const std::string& key) {
    Sent other = sent(key);
    other.target = target;
    return send(other);
  }
  // The same call of another tenant.
  std::string target_of(const std::string& tenant) const {
    std::string target = GetParam().target;
    return target.replace(target.find("acme"), 4, tenant);
  }
  [[nodiscard]] std::string ok() const { return std::to_string(GetParam().ok); }
  [[nodiscard]] bool is(Caller caller) const { return GetParam().caller == caller; }
  [[nodiscard]] bool names_tenant() const {
    return GetParam().target.find("acme") != std::string::npos;
  }
};

TEST_P(RouteTest, AnswersWhoMayTakeIt) {
  const Got got = send_as(is(Caller::kAnybody) ? "" : operator_);
  EXPECT_EQ(got.outcome(), ok()) << got.body;
  if (is(Caller::kTenant)) {
    prepare();
    EXPECT_EQ(send_as(key("acme", {GetParam().scope})).outcome(), ok());
  }
  if (is(Caller::kLoopback)) {
    Sent near = sent("no key at all");
    near.from_loopback = true;
    EXPECT_EQ(send(near).outcome(), ok());
  }
}

TEST_P(RouteTest, HeadIsAnsweredAsGet) {
  if (GetParam().method == "GET") {
    const Got get = send_as(operator_);
    Sent head = sent(operator_);
    head.method = "HEAD";
    const Got got = send(head);
    EXPECT_EQ(got.outcome(), get.outcome());
    EXPECT_EQ(got.type, get.type);
    EXPECT_EQ(got.body.size(), get.body.size());
    EXPECT_EQ(got.headers, get.headers);
  }
}

TEST_P(RouteTest, NeedsAKey) {
  const std::string revoked = key("acme", all_scopes());
  const std::size_t id = std::string("bvk_acme_").size();
  ASSERT_TRUE(run(keys_->revoke(TenantName::parse("acme").value(),
                                "key_" + revoked.substr(id, revoked.rfind('_') - id))));
  const std::string expected = is(Caller::kAnybody) ? ok() : "401 unauthenticated";
  for (const std::string& wrong : {std::string(), std::string("x"), operator_ + "x", revoked,
                                   std::string("bvk_acme_one_two"), std::string(300, 'a')}) {
    EXPECT_EQ(send_as(wrong).outcome(), expected) << wrong;
  }
  for (const std::string& header :
       {std::string(), std::string("Bearer"), std::string("Bearer "), operator_,
        "Basic " + operator_, "Bearer\t" + operator_, "Bearer " + operator_ + ", Bearer x"}) {
    Sent call = sent();
    call.headers = {{"authorization", header}};
    EXPECT_EQ(send(call).outcome(), expected) << header;
  }
  // The scheme's case does not matter (RFC 9110, 11.1), nor how many blanks stand behind it.
  Sent call = sent();
  call.headers = {{"authorization", "bEARER   " + operator_}};
  EXPECT_EQ(send(call).outcome(), ok());
}

TEST_P(RouteTest, NeedsItsScope) {
  if (is(Caller::kTenant)) {
    std::vector<std::string> others = all_scopes();
    std::erase(others, GetParam().scope);
    EXPECT_EQ(send_as(key("acme", others)).outcome(), "403 forbidden");
    EXPECT_EQ(send_as(key("acme", {})).outcome(), "403 forbidden");
  }
  if (is(Caller::kOperator) || is(Caller::kLoopback)) {
    EXPECT_EQ(send_as(key("acme", all_scopes())).outcome(), "403 forbidden");
  }
}

TEST_P(RouteTest, TellsAnotherTenantNothing) {
  if (!names_tenant()) {
    return;
  }
  make_tenant("going");
  begin_deleting("going");
  const std::string stranger = key("other", all_scopes());
  std::set<std::string> answers;
  for (const char* tenant : {"acme", "nobody", "going", "NO-NAME", "", "%2e%2e", "a%2Fb"}) {
    const Got got = send_to(target_of(tenant), stranger);
    EXPECT_EQ(got.outcome(), "403 forbidden") << tenant;
    answers.insert(got.body);
  }
  EXPECT_EQ(answers.size(), 1u) << "the same whether or not the thing exists";
}

TEST_P(RouteTest, TellsTheOperatorWhichTenantIsNotThere) {
  if (names_tenant()) {
    EXPECT_EQ(send_to(target_of("nobody"), operator_).outcome(), GetParam().of_nobody);
    begin_deleting("acme");
    EXPECT_EQ(send_as(operator_).outcome(), "409 tenant_deleting");
    for (const char* name : {"NO-NAME", "", "-a", "a_b", "%C3%A4", "a%2Fb"}) {
      EXPECT_EQ(send_to(target_of(name), operator_).outcome(),
                GetParam().method == "PUT" ? "422 invalid" : "404 not_found")
          << name;
    }
  }
}

TEST_P(RouteTest, RefusesUnknownParameters) {
  const Got got = send_to(with_query(GetParam().target, "nonsense=1"), operator_);
  EXPECT_EQ(got.outcome(), "422 invalid");
  EXPECT_EQ(got.at("/errors/0/path"), "query.nonsense");
  EXPECT_EQ(send_to(with_query(GetParam().target, "Limit=1"), operator_).outcome(), "422 invalid");
  // Who may not take the route does not learn what it takes.
  if (!is(Caller::kAnybody)) {
    EXPECT_EQ(send_to(with_query(GetParam().target, "nonsense=1"), "").outcome(),
              "401 unauthenticated");
  }
}

TEST_P(RouteTest, RefusesATargetThatCannotBeRead) {
  for (const char* query : {"a=%", "a=%zz", "%00=1", "a=%ff", "a=%C3"}) {
    EXPECT_EQ(send_to(with_query(GetParam().target, query), operator_).outcome(), "400 malformed")
        << query;
  }
  EXPECT_EQ(send_to(path_of(GetParam()) + "/%zz", operator_).outcome(), "400 malformed");
}

TEST_P(RouteTest, NamesTheMethodsOfItsPath) {
  std::set<std::string> taken;
  for (const Route& route : routes()) {
    if (path_of(route) == path_of(GetParam())) {
      taken.insert(route.method);
      taken.insert(route.method == "GET" ? "HEAD" : route.method);
    }
  }
  for (const char* method :
       {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "X"}) {
    if (taken.contains(method)) {
      continue;
    }
    Sent call = sent();  // the methods are no secret
    call.method = method;
    const Got got = send(call);
    EXPECT_EQ(got.outcome(), "405 method_not_allowed") << method;
    std::set<std::string> allowed;
    std::string names = got.header("Allow");
    for (std::size_t at = 0; at != std::string::npos;) {
      at = names.find(", ");
      EXPECT_TRUE(allowed.insert(names.substr(0, at)).second) << got.header("Allow");
      names.erase(0, at == std::string::npos ? at : at + 2);
    }
    EXPECT_EQ(allowed, taken);
  }
}

TEST_P(RouteTest, IsUnavailableWhileItsStoreFails) {
  using Kind = Fault::Kind;
  for (const Kind kind : {Kind::kBefore, Kind::kAfter}) {
    std::string outcome;
    for (std::uint64_t failing = 1; outcome != ok(); ++failing) {
      ASSERT_LT(failing, 10u);
      fault_ = {};
      prepare();
      world_.manual_clock().advance(Keys::kCacheTime);  // no key is remembered
      const std::uint64_t before = store_->calls();
      fault_ = [&](test::FaultyStore::Call, std::uint64_t number) {
        return Fault{.kind = number == before + failing ? kind : Kind::kNone};
      };
      const Got got = send_as(is(Caller::kAnybody) ? "" : operator_);
      outcome = got.outcome();
      if (outcome != ok()) {
        EXPECT_TRUE(outcome == "503 unavailable" ||
                    (kind == Kind::kAfter && outcome == "503 outcome_unknown"))
            << outcome;
        EXPECT_EQ(got.header("Retry-After"), "1");
        EXPECT_EQ(got.body.find("injected"), std::string::npos) << "no internals";
      }
    }
  }
}

std::string name_of(const testing::TestParamInfo<Route>& info) {
  std::string name = info.param.method + path_of(info.param);
  std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Every, RouteTest, testing::ValuesIn(routes()), name_of);

// Routes whose body is one JSON object.
class BodyTest : public RouteTest {};

TEST_P(BodyTest, TakesJsonAlone) {
  const auto outcome = [&](const std::string& body, const std::string& type) {
    Sent call = sent(operator_);
    call.body = body;
    call.type = type;
    return send(call).outcome();
  };
  const std::string& good = GetParam().body;
  for (const char* type : {"", "application/json", "Application/JSON; charset=UTF-8"}) {
    EXPECT_EQ(outcome(good, type), ok()) << type;
  }
  for (const char* type : {"text/plain", "application/json; charset=latin1", "application/jsonx",
                           "application/x-www-form-urlencoded", "json", "application/xml"}) {
    EXPECT_EQ(outcome(good, type), "415 unsupported_media_type") << type;
  }
  for (const std::string& body :
       {std::string("{"), std::string("[]"), std::string("1"), std::string("null"), good + good,
        std::string("{\"name\":\"\xff\"}"), std::string("{'name':1}"), std::string(60'000, '[')}) {
    EXPECT_EQ(outcome(body, "application/json"), "400 malformed") << body.substr(0, 40);
  }
}

TEST_P(BodyTest, RefusesMembersItDoesNotKnow) {
  Sent call = sent(operator_);
  call.body = R"({"nonsense":1})";
  const Got got = send(call);
  EXPECT_EQ(got.outcome(), "422 invalid");
  EXPECT_EQ(got.at("/errors/0/path"), "nonsense");
}

TEST_P(BodyTest, HasALimit) {
  const std::string& target = GetParam().target;
  const std::size_t most = target.ends_with("/patterns/test") ? kPatternTestBodyBytesMax
                           : target.contains("/webhooks")     ? kWebhookBodyBytesMax
                                                              : kControlBodyBytesMax;
  Sent call = sent(operator_);
  call.body = GetParam().body + std::string(most - GetParam().body.size(), ' ');
  EXPECT_EQ(send(call).outcome(), ok());
  call.body += ' ';
  EXPECT_EQ(send(call).outcome(), "413 too_large");
}

std::vector<Route> routes_with_object() {
  std::vector<Route> some = routes();
  std::erase_if(some, [](const Route& route) {
    return !route.body.starts_with('{') || route.type != "application/json";
  });
  return some;
}

INSTANTIATE_TEST_SUITE_P(Every, BodyTest, testing::ValuesIn(routes_with_object()), name_of);

using RoutesTest = ApiTest;

TEST_F(RoutesTest, WhatIsNoRouteIsNotFound) {
  for (const char* target :
       {"/", "//", "/v1", "/v1/", "/v2/tenants", "/V1/tenants", "/v1/tenants/acme/", "/v1//tenants",
        "/v1/tenants/acme/nothing", "/v1/tenants/acme/events/one/two", "/healthz/", "/metrics/x",
        "/v1/tenants/acme/keys/key_one/x", "/v1%2Ftenants", "/favicon.ico", "/v1/catalog/x/y"}) {
    EXPECT_EQ(send({"GET", target}).outcome(), "404 not_found") << target;
    EXPECT_EQ(get(target).outcome(), "404 not_found") << target;
  }
}

TEST_F(RoutesTest, AnEscapeInAPathIsWhatItStandsFor) {
  EXPECT_EQ(get("/v1/%74enants/%61cme").outcome(), "200");
  EXPECT_EQ(get("/%68ealthz").outcome(), "200");
}

TEST_F(RoutesTest, WhatTheServerRefusesIsAProblemToo) {
  const std::map<unsigned, std::string> codes = {{400, "malformed"},         {408, "timeout"},
                                                 {413, "too_large"},         {429, "rate_limited"},
                                                 {431, "headers_too_large"}, {503, "unavailable"}};
  for (const auto& [status, code] : codes) {
    const http::Response refused = api_->refuse(status, "because", "r1");
    EXPECT_EQ(refused.status, status);
    EXPECT_EQ(refused.content_type, "application/problem+json");
    EXPECT_NE(refused.body.find("\"code\":\"" + code + "\""), std::string::npos) << refused.body;
    EXPECT_NE(refused.body.find("\"request_id\":\"r1\""), std::string::npos);
    EXPECT_EQ(!refused.headers.empty(), status == 429 || status == 503);
  }
}

}  // namespace
}  // namespace bitvault::api
