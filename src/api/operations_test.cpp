// The routes that need no key: the catalog, and what operators watch.

#include <boost/json.hpp>

#include "api/api_fixture.h"
#include "tests/store/memory_vfs.h"

namespace bitvault::api {
namespace {

class OpenRoutesTest : public ApiTest {
 protected:
  Got open(const std::string& target) { return send({"GET", target}); }
};

TEST_F(OpenRoutesTest, TheCatalogTellsEverythingOfEachType) {
  const Got list = open("/v1/catalog");
  EXPECT_EQ(list.type, "application/json");
  EXPECT_NE(list.at("/revision"), "");
  ASSERT_FALSE(list.json.at("items").as_array().empty());
  for (const auto& item : list.json.at("items").as_array()) {
    const std::string type(item.at("type").as_string());
    const Got one = open("/v1/catalog/" + type);
    EXPECT_EQ(one.outcome(), "200");
    for (const char* member : {"/type", "/description", "/lifecycle", "/producer", "/dataschema",
                               "/revision", "/schema/$schema", "/example", "/versions/0/type"}) {
      EXPECT_NE(one.at(member), "") << type << member;
    }
    const Got schema = open("/v1/catalog/" + type + "/schema.json");
    EXPECT_EQ(schema.type, "application/schema+json");
    EXPECT_EQ(schema.json, one.json.at("schema"));
    // "example" is valid data.
    const Got published =
        publish(R"({"type":")" + type + R"(","data":)" + one.at("/example") + "}");
    EXPECT_EQ(published.outcome(), one.at("/producer") == "system" ? "403 type_reserved" : "201")
        << published.body;
  }
}

TEST_F(OpenRoutesTest, TheCatalogHasNoOtherTypes) {
  for (const char* type : {"bitvault.node.created", "bitvault.node.created.v2", "x", "",
                           "bitvault.node.created.v1%20", "Bitvault.node.created.v1"}) {
    EXPECT_EQ(open(std::string("/v1/catalog/") + type).outcome(), "404 not_found") << type;
    EXPECT_EQ(open(std::string("/v1/catalog/") + type + "/schema.json").outcome(), "404 not_found");
  }
}

TEST_F(OpenRoutesTest, TellsThatItIsUpAndReady) {
  const Got health = open("/healthz");
  EXPECT_EQ(health.at("/status"), "ok");
  EXPECT_EQ(health.at("/version"), "1.2.3");
  const Got ready = open("/readyz");
  EXPECT_EQ(ready.outcome(), "200");
  EXPECT_EQ(ready.at("/status"), "ready");
  EXPECT_EQ(ready.header("Retry-After"), "");
}

TEST_F(OpenRoutesTest, IsUpButNotReadyWhileTheDiskIsFull) {
  test::MemoryVfs vfs(1);
  auto opened = SqliteStore::open({.folder = "data",
                                   .writer = thread_.executor(),
                                   .readers = thread_.executor(),
                                   .vfs = vfs.name()},
                                  world_, [](const TenantName&, const JournalHead&) {});
  ASSERT_TRUE(opened);
  Keys keys(world_, **opened);
  Feed feed(world_, **opened, bus_, cursors_);
  LiveFeed live(world_, feed, bus_, cursors_,
                [](TenantName, std::string) -> Task<bool> { co_return true; });
  api_.emplace(Services{.world = world_,
                        .store = **opened,
                        .feed = feed,
                        .live = live,
                        .keys = keys,
                        .catalog = Catalog::builtin(),
                        .cursors = cursors_,
                        .metrics = metrics_,
                        .version = "1.2.3"});
  ASSERT_TRUE(run(keys.set_operator_key(operator_)));
  EXPECT_EQ(open("/readyz").outcome(), "200");
  vfs.decide_by([](const test::VfsCall& call) {
    return test::VfsFault{.kind = call.op == test::VfsCall::Op::kWrite
                                      ? test::VfsFault::Kind::kBefore
                                      : test::VfsFault::Kind::kNone,
                          .disk_full = true};
  });
  EXPECT_EQ(send({"PUT", "/v1/tenants/new", operator_}).outcome(), "503 outcome_unknown");
  const Got refused = send({"PUT", "/v1/tenants/new", operator_});
  EXPECT_EQ(refused.outcome(), "503 unavailable");
  EXPECT_EQ(refused.at("/detail"), "nothing was changed; try again shortly");
  const Got ready = open("/readyz");
  EXPECT_EQ(ready.outcome(), "503");
  EXPECT_EQ(ready.at("/status"), "unavailable");
  EXPECT_EQ(ready.header("Retry-After"), "1");
  EXPECT_EQ(open("/healthz").outcome(), "200");
  vfs.decide_by({});
  world_.manual_clock().advance(Writer::kRecoverEvery);
  open("/readyz");  // it is by being asked that the store finds out
  EXPECT_EQ(open("/readyz").outcome(), "200");
  EXPECT_EQ(send({"PUT", "/v1/tenants/new", operator_}).outcome(), "201");
  api_.reset();
}

TEST_F(OpenRoutesTest, ShowsItsMetrics) {
  ASSERT_EQ(publish(node_created(R"("id":"a",)")).outcome(), "201");
  ASSERT_EQ(publish(node_created(R"("id":"a",)")).outcome(), "201");
  ASSERT_EQ(get("/v1/tenants/acme/events").outcome(), "200");
  const Got got = get("/metrics");
  EXPECT_EQ(got.type, "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"\nbitvault_events_published_total 1\n", "\nbitvault_events_duplicate_total 1\n",
        "\nbitvault_events_fed_total 1\n"}) {
    EXPECT_NE(got.body.find(line), std::string::npos) << line << got.body;
  }
  EXPECT_EQ(got.body.find("acme"), std::string::npos) << "no label names a tenant";
}

}  // namespace
}  // namespace bitvault::api
