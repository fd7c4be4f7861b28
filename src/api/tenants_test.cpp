#include <boost/json.hpp>

#include "api/api_fixture.h"

namespace bitvault::api {
namespace {

class TenantsTest : public ApiTest {
 protected:
  Got put(const std::string& name, const std::string& body) {
    return send({"PUT", "/v1/tenants/" + name, operator_, body});
  }
  Got remove(const std::string& name) { return send({"DELETE", "/v1/tenants/" + name, operator_}); }
};

TEST_F(TenantsTest, IsMadeThenChangedMemberByMember) {
  const Got made = put("new", R"({"display_name":"Nü","retention":{"max_events":10}})");
  EXPECT_EQ(made.outcome(), "201");
  EXPECT_EQ(made.at("/name"), "new");
  EXPECT_EQ(made.at("/display_name"), "Nü");
  EXPECT_EQ(made.at("/state"), "active");
  EXPECT_EQ(made.at("/created_at"), format_time(world_.clock().wall()));
  EXPECT_EQ(made.at("/epoch").size(), 12u);
  EXPECT_EQ(made.at("/head"), "0");
  EXPECT_EQ(made.at("/floor"), "1");
  EXPECT_EQ(made.at("/retention"), R"({"max_age_seconds":null,"max_events":10})");
  EXPECT_EQ(made.at("/rate_limit"), "null");
  EXPECT_EQ(made.at("/operational_events"), "false");

  const Got changed = put(
      "new", R"({"retention":{"max_age_seconds":60},"rate_limit":5,"operational_events":true})");
  EXPECT_EQ(changed.outcome(), "200");
  EXPECT_EQ(changed.at("/display_name"), "Nü");
  EXPECT_EQ(changed.at("/retention"), R"({"max_age_seconds":60,"max_events":10})");
  EXPECT_EQ(changed.at("/rate_limit"), "5");
  EXPECT_EQ(changed.at("/operational_events"), "true");
  EXPECT_EQ(changed.at("/epoch"), made.at("/epoch"));

  const Got back = put("new", R"({"retention":{"max_events":null},"rate_limit":null})");
  EXPECT_EQ(back.at("/retention"), R"({"max_age_seconds":60,"max_events":null})");
  EXPECT_EQ(back.at("/rate_limit"), "null");
  EXPECT_EQ(get("/v1/tenants/new").body, back.body);
  EXPECT_EQ(put("new", "").body, back.body) << "an empty body changes nothing";
}

TEST_F(TenantsTest, TellsWhatChanged) {
  const auto told = [&, before = tenant_changes_] { return tenant_changes_ - before; };
  EXPECT_EQ(put("new", "").outcome(), "201");
  EXPECT_EQ(told(), 1);
  EXPECT_EQ(put("new", R"({"retention":{"max_events":5}})").outcome(), "200");
  EXPECT_EQ(told(), 2);
  EXPECT_EQ(put("new", R"({"retention":5})").outcome(), "422 invalid");
  EXPECT_EQ(get("/v1/tenants/new").outcome(), "200");
  EXPECT_EQ(told(), 2);
  EXPECT_EQ(remove("new").outcome(), "202");
  EXPECT_EQ(told(), 3);
}

TEST_F(TenantsTest, RefusesSettingsThatCannotBe) {
  const std::pair<std::string, std::string> wrong[] = {
      {R"({"display_name":5})", "display_name"},
      {R"({"display_name":null})", "display_name"},
      {R"({"display_name":")" + std::string(kDisplayNameBytesMax + 1, 'x') + "\"}", "display_name"},
      {R"({"operational_events":"yes"})", "operational_events"},
      {R"({"operational_events":null})", "operational_events"},
      {R"({"rate_limit":0})", "rate_limit"},
      {R"({"rate_limit":-1})", "rate_limit"},
      {R"({"rate_limit":1.5})", "rate_limit"},
      {R"({"rate_limit":"5"})", "rate_limit"},
      {R"({"rate_limit":9223372036854775808})", "rate_limit"},
      {R"({"retention":5})", "retention"},
      {R"({"retention":null})", "retention"},
      {R"({"retention":[]})", "retention"},
      {R"({"retention":{"days":1}})", "retention.days"},
      {R"({"retention":{"max_events":0}})", "retention.max_events"},
      {R"({"retention":{"max_events":true}})", "retention.max_events"},
      {R"({"retention":{"max_age_seconds":-1}})", "retention.max_age_seconds"},
      {R"({"retention":{"max_age_seconds":1e3}})", "retention.max_age_seconds"},
      {R"({"name":"acme"})", "name"},
  };
  const std::string before = get("/v1/tenants/acme").body;
  for (const auto& [body, path] : wrong) {
    const Got got = put("acme", body);
    EXPECT_EQ(got.outcome(), "422 invalid") << body;
    EXPECT_EQ(got.at("/errors/0/path"), path) << body;
    EXPECT_EQ(put("new", body).outcome(), "422 invalid") << body;
  }
  EXPECT_EQ(get("/v1/tenants/acme").body, before);
  EXPECT_EQ(get("/v1/tenants/new").outcome(), "404 not_found");
}

TEST_F(TenantsTest, TakesWhatIsJustWithinTheLimits) {
  const std::string name(kDisplayNameBytesMax, 'x');
  EXPECT_EQ(put("acme", R"({"display_name":")" + name + "\"}").at("/display_name"), name);
  EXPECT_EQ(put("acme", R"({"display_name":""})").at("/display_name"), "");
  EXPECT_EQ(put("acme", R"({"rate_limit":9223372036854775807})").at("/rate_limit"),
            "9223372036854775807");
  EXPECT_EQ(put(std::string(63, 'a'), "").outcome(), "201");
  const Got long_name = put(std::string(64, 'a'), "");
  EXPECT_EQ(long_name.outcome(), "422 invalid");
  EXPECT_EQ(long_name.at("/errors/0/path"), "tenant");
}

TEST_F(TenantsTest, ListsAllPageByPage) {
  put("b", "");
  std::string names;
  std::string page;
  do {
    const Got got = get("/v1/tenants?limit=2" + page);
    ASSERT_EQ(got.outcome(), "200");
    for (const auto& tenant : got.json.at("items").as_array()) {
      names += std::string(tenant.at("name").as_string()) + " ";
    }
    page = got.at("/next_page") == "null" ? "" : "&page=" + got.at("/next_page");
  } while (!page.empty());
  EXPECT_EQ(names, "acme b other ");
  EXPECT_EQ(get("/v1/tenants").at("/next_page"), "null");
}

TEST_F(TenantsTest, RefusesAPageThatIsNone) {
  const std::pair<const char*, const char*> wrong[] = {
      {"limit=0", "query.limit"},         {"limit=1001", "query.limit"},
      {"limit=-1", "query.limit"},        {"limit=ten", "query.limit"},
      {"limit=", "query.limit"},          {"limit=1.0", "query.limit"},
      {"limit=%201", "query.limit"},      {"page=!", "query.page"},
      {"page=_w", "query.page"},          {"page=YQ==", "query.page"},
      {"limit=1&limit=1", "query.limit"}, {"limit=18446744073709551617", "query.limit"},
  };
  for (const auto& [query, path] : wrong) {
    for (const char* list : {"/v1/tenants?", "/v1/tenants/acme/keys?"}) {
      const Got got = get(std::string(list) + query);
      EXPECT_EQ(got.outcome(), "422 invalid") << query;
      EXPECT_EQ(got.at("/errors/0/path"), path) << query;
    }
  }
  EXPECT_EQ(get("/v1/tenants?limit=1000").outcome(), "200");
}

TEST_F(TenantsTest, IsDeletedInTheBackgroundAndThenItsNameIsFree) {
  const std::string epoch = get("/v1/tenants/acme").at("/epoch");
  ASSERT_EQ(publish(node_created()).outcome(), "201");
  const Got deleted = remove("acme");
  EXPECT_EQ(deleted.outcome(), "202");
  EXPECT_EQ(deleted.at("/state"), "deleting");
  EXPECT_EQ(get("/v1/tenants").at("/items/0/state"), "deleting");
  for (const Got& got : {remove("acme"), put("acme", ""), get("/v1/tenants/acme")}) {
    EXPECT_EQ(got.outcome(), "409 tenant_deleting");
  }
  purge();
  EXPECT_EQ(remove("acme").outcome(), "404 not_found");
  const Got again = put("acme", "");
  EXPECT_EQ(again.outcome(), "201");
  EXPECT_NE(again.at("/epoch"), epoch);
  EXPECT_EQ(again.at("/head"), "0");
  EXPECT_EQ(get("/v1/tenants/acme/events").at("/events"), "[]");
}

TEST_F(TenantsTest, TheKeysOfADeletedTenantEndAtOnceAndForEver) {
  const std::string reader = key("acme", {"events:read"});
  const std::string stranger = key("other", {"events:read"});
  const auto read = [&](const std::string& tenant, const std::string& with) {
    return send({"GET", "/v1/tenants/" + tenant + "/events", with}).outcome();
  };
  EXPECT_EQ(read("acme", reader), "200");
  EXPECT_EQ(read("other", stranger), "200");
  remove("acme");
  EXPECT_EQ(read("acme", reader), "401 unauthenticated");
  purge();
  EXPECT_EQ(put("acme", "").outcome(), "201");
  EXPECT_EQ(read("acme", reader), "401 unauthenticated");
  EXPECT_EQ(read("other", stranger), "200");
}

}  // namespace
}  // namespace bitvault::api
