#include <boost/json.hpp>

#include "api/api_fixture.h"

namespace bitvault::api {
namespace {

using namespace std::chrono_literals;

const std::string kKeys = "/v1/tenants/acme/keys";

class KeyRoutesTest : public ApiTest {
 protected:
  Got create(const std::string& body) { return post(kKeys, body); }
  std::string feed(const std::string& token) {
    return send({"GET", "/v1/tenants/acme/events", token}).outcome();
  }
};

TEST_F(KeyRoutesTest, ShowsAKeyOnce) {
  const WallTime expires = world_.clock().wall() + 24h;
  const Got made = create(R"({"name":"ci \"1\"","scopes":["events:write","events:read"],)"
                          R"("expires_at":")" +
                          format_time(expires) + "\"}");
  EXPECT_EQ(made.outcome(), "201");
  EXPECT_EQ(made.header("Cache-Control"), "no-store");
  const std::string id = made.at("/id");
  EXPECT_EQ(made.at("/key").rfind("bvk_acme_" + id.substr(4) + "_", 0), 0u);
  EXPECT_EQ(made.at("/name"), "ci \"1\"");
  EXPECT_EQ(made.at("/scopes"), R"(["events:read","events:write"])");
  EXPECT_EQ(made.at("/created_at"), format_time(world_.clock().wall()));
  EXPECT_EQ(made.at("/expires_at"), format_time(expires));
  EXPECT_EQ(made.at("/user"), "");

  const Got list = get(kKeys);
  EXPECT_EQ(list.at("/items/0/id"), id);
  EXPECT_EQ(list.at("/items/0/name"), "ci \"1\"");
  EXPECT_EQ(list.body.find(made.at("/key")), std::string::npos);
  EXPECT_EQ(list.body.find("hash"), std::string::npos);
  EXPECT_EQ(feed(made.at("/key")), "200");
}

TEST_F(KeyRoutesTest, RefusesWhatIsNoDescriptionOfAKey) {
  const std::string now = format_time(world_.clock().wall());
  const std::pair<std::string, std::string> wrong[] = {
      {"", "name"},
      {"{}", "name"},
      {R"({"scopes":["admin"]})", "name"},
      {R"({"name":"","scopes":["admin"]})", "name"},
      {R"({"name":5,"scopes":["admin"]})", "name"},
      {R"({"name":null,"scopes":["admin"]})", "name"},
      {R"({"name":")" + std::string(Keys::kNameBytesMax + 1, 'n') + R"(","scopes":["admin"]})",
       "name"},
      {R"({"name":"k"})", "scopes"},
      {R"({"name":"k","scopes":[]})", "scopes"},
      {R"({"name":"k","scopes":"admin"})", "scopes"},
      {R"({"name":"k","scopes":{"admin":true}})", "scopes"},
      {R"({"name":"k","scopes":["operator"]})", "scopes"},
      {R"({"name":"k","scopes":["admin","nonsense"]})", "scopes"},
      {R"({"name":"k","scopes":["Admin"]})", "scopes"},
      {R"({"name":"k","scopes":[1]})", "scopes"},
      {R"({"name":"k","scopes":[null]})", "scopes"},
      {R"({"name":"k","scopes":["admin"],"expires_at":"soon"})", "expires_at"},
      {R"({"name":"k","scopes":["admin"],"expires_at":1795406523})", "expires_at"},
      {R"({"name":"k","scopes":["admin"],"expires_at":"2001-01-01T00:00:00Z"})", "expires_at"},
      {R"({"name":"k","scopes":["admin"],"expires_at":")" + now + "\"}", "expires_at"},
      {R"({"name":"k","scopes":["inbox:read"]})", "user"},
      {R"({"name":"k","scopes":["admin"],"user":"u"})", "user"},
      {R"({"name":"k","scopes":["inbox:read"],"user":""})", "user"},
      {R"({"name":"k","scopes":["inbox:read"],"user":5})", "user"},
      {R"({"name":"k","scopes":["inbox:read"],"user":")" + std::string(129, 'u') + "\"}", "user"},
      {R"({"name":"k","scopes":["admin"],"id":"key_mine"})", "id"},
      {R"({"name":"k","scopes":["admin"],"key":"bvk_mine"})", "key"},
  };
  for (const auto& [body, path] : wrong) {
    const Got got = create(body);
    EXPECT_EQ(got.outcome(), "422 invalid") << body;
    EXPECT_EQ(got.at("/errors/0/path"), path) << body;
  }
  EXPECT_EQ(get(kKeys).at("/items"), "[]");
}

TEST_F(KeyRoutesTest, TakesWhatIsJustWithinTheLimits) {
  const Got made = create(R"({"name":")" + std::string(Keys::kNameBytesMax, 'n') +
                          R"(","scopes":["inbox:read","inbox:read"],"user":")" +
                          std::string(128, 'u') + R"(","expires_at":null})");
  EXPECT_EQ(made.outcome(), "201");
  EXPECT_EQ(made.at("/scopes"), R"(["inbox:read"])");
  EXPECT_EQ(made.at("/user"), std::string(128, 'u'));
  EXPECT_EQ(made.at("/expires_at"), "null");
}

TEST_F(KeyRoutesTest, GrantsNothingThatTheGranterLacks) {
  const std::string admin = key("acme", {"admin", "events:read"});
  const auto grant = [&](const std::string& scopes) {
    return send({"POST", kKeys, admin, R"({"name":"k","scopes":[)" + scopes + "]}"}).outcome();
  };
  EXPECT_EQ(grant("\"events:read\""), "201");
  EXPECT_EQ(grant("\"admin\",\"events:read\""), "201");
  for (const char* scopes : {"\"events:write\"", "\"events:read\",\"events:write\"",
                             "\"admin\",\"log:read\"", "\"webhooks:manage\""}) {
    EXPECT_EQ(grant(scopes), "403 forbidden") << scopes;
  }
  EXPECT_EQ(get(kKeys).json.at("items").as_array().size(), 3u);
}

TEST_F(KeyRoutesTest, ARevokedKeyEndsAtOnce) {
  const Got made = create(R"({"name":"k","scopes":["events:read"]})");
  const std::string token = made.at("/key");
  EXPECT_EQ(feed(token), "200");
  const Got gone = send({"DELETE", kKeys + "/" + made.at("/id"), operator_});
  EXPECT_EQ(gone.outcome(), "204");
  EXPECT_EQ(gone.body, "");
  EXPECT_EQ(gone.type, "");
  EXPECT_EQ(feed(token), "401 unauthenticated");
  EXPECT_EQ(send({"DELETE", kKeys + "/" + made.at("/id"), operator_}).outcome(), "404 not_found");
  EXPECT_EQ(get(kKeys).at("/items"), "[]");
}

TEST_F(KeyRoutesTest, AnAdminRevokesItselfButNobodyElsesKeys) {
  const std::string admin = key("acme", {"admin"});
  const std::string own = get(kKeys).at("/items/0/id");
  const std::string foreign = [&] {
    key("other", {"admin"});
    return get("/v1/tenants/other/keys").at("/items/0/id");
  }();
  EXPECT_EQ(send({"DELETE", kKeys + "/" + foreign, admin}).outcome(), "404 not_found");
  for (const char* id : {"", "key_", "%00x", "x%2Fy", "key_%27%20OR%201=1"}) {
    const std::string outcome = send({"DELETE", kKeys + "/" + id, admin}).outcome();
    EXPECT_EQ(outcome, std::string(id) == "%00x" ? "400 malformed" : "404 not_found") << id;
  }
  EXPECT_EQ(send({"DELETE", kKeys + "/" + own, admin}).outcome(), "204");
  EXPECT_EQ(send({"GET", kKeys, admin}).outcome(), "401 unauthenticated");
  EXPECT_EQ(get("/v1/tenants/other/keys").at("/items/0/id"), foreign);
}

TEST_F(KeyRoutesTest, AnExpiredKeyIsNone) {
  const std::string token = create(R"({"name":"k","scopes":["events:read"],"expires_at":")" +
                                   format_time(world_.clock().wall() + 1s) + "\"}")
                                .at("/key");
  EXPECT_EQ(feed(token), "200");
  world_.manual_clock().advance(1s);
  EXPECT_EQ(feed(token), "401 unauthenticated");
  EXPECT_NE(get(kKeys).at("/items/0/id"), "") << "but it is still listed";
}

TEST_F(KeyRoutesTest, ListsPageByPage) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(create(R"({"name":"k","scopes":["admin"]})").outcome(), "201");
  }
  std::size_t seen = 0;
  std::string page;
  do {
    const Got got = get(kKeys + "?limit=2" + page);
    seen += got.json.at("items").as_array().size();
    page = got.at("/next_page") == "null" ? "" : "&page=" + got.at("/next_page");
  } while (!page.empty());
  EXPECT_EQ(seen, 5u);
}

}  // namespace
}  // namespace bitvault::api
