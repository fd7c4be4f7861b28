// Reading: the change feed, single events and cursors.

#include <boost/json.hpp>

#include "api/api_fixture.h"
#include "base/text.h"

namespace bitvault::api {
namespace {

using namespace std::chrono_literals;

const std::string kFeed = "/v1/tenants/acme/events";
const std::string kCursor = "/v1/tenants/acme/cursor";

class EventsTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    for (const char* id : {"one", "two", "three"}) {
      ASSERT_EQ(publish(node_created(std::string(R"("id":")") + id + "\",", id)).outcome(), "201");
      world_.manual_clock().advance(1s);
    }
  }
  Got read(const std::string& query, const std::string& accept = "") {
    Sent call{"GET", kFeed + query, operator_};
    if (!accept.empty()) {
      call.headers = {{"accept", accept}};
    }
    return send(call);
  }
  // The ids of a page, a blank behind each.
  std::string ids(const std::string& query) {
    const Got got = read(query);
    std::string all;
    for (const auto& event : got.json.at("events").as_array()) {
      all += std::string(event.at("id").as_string()) + " ";
    }
    return all;
  }
  std::string sealed(const std::string& tenant, std::uint64_t sequence) {
    const TenantName name = TenantName::parse(tenant).value();
    const JournalHead head = run(store_->head(name)).value();
    return cursors_.seal(name, {head.epoch, Sequence{sequence}});
  }
};

TEST_F(EventsTest, GivesTheJournalsBytesInOrder) {
  const Got all = read("");
  EXPECT_EQ(all.outcome(), "200");
  EXPECT_EQ(all.type, "application/json");
  EXPECT_EQ(all.header("Cache-Control"), "no-store");
  EXPECT_EQ(all.at("/has_more"), "false");
  EXPECT_EQ(all.at("/erased"), "");
  std::string bytes;
  for (const char* id : {"one", "two", "three"}) {
    const Got one = get(kFeed + "/" + id);
    EXPECT_EQ(one.outcome(), "200");
    EXPECT_EQ(one.type, "application/cloudevents+json");
    bytes += (bytes.empty() ? "" : ",") + one.body;
  }
  EXPECT_EQ(all.body, "{\"events\":[" + bytes + "],\"next_cursor\":\"" + all.at("/next_cursor") +
                          "\",\"has_more\":false}\n");
  EXPECT_EQ(all.at("/events/2/sequence"), "00000000000000000003");
}

TEST_F(EventsTest, GoesOnFromItsCursor) {
  std::string cursor;
  std::string seen;
  std::string more;
  do {
    const Got page = read("?limit=1" + (cursor.empty() ? "" : "&cursor=" + cursor));
    seen += page.at("/events/0/id") + " ";
    cursor = page.at("/next_cursor");
    more = page.at("/has_more");
  } while (more == "true");
  EXPECT_EQ(seen, "one two three ");
  const Got end = read("?cursor=" + cursor);
  EXPECT_EQ(end.at("/events"), "[]");
  EXPECT_NE(end.at("/next_cursor"), "") << "an empty answer carries a cursor, too";
  const Got waited = read("?wait=60&cursor=" + cursor);
  EXPECT_EQ(waited.outcome(), "200");
  EXPECT_EQ(waited.at("/events"), "[]");
  EXPECT_NE(waited.at("/next_cursor"), "");
}

TEST_F(EventsTest, SpeaksTheFormThatIsAskedFor) {
  const Got json = read("?limit=2");
  const std::string one = get(kFeed + "/one").body;
  const std::string two = get(kFeed + "/two").body;
  const std::pair<std::string, std::pair<std::string, std::string>> forms[] = {
      {"application/x-ndjson", {"application/x-ndjson", one + "\n" + two + "\n"}},
      {"application/cloudevents-batch+json",
       {"application/cloudevents-batch+json", "[" + one + "," + two + "]\n"}},
      {"application/json;q=0.5, application/x-ndjson",
       {"application/x-ndjson", one + "\n" + two + "\n"}},
      {"*/*", {"application/json", json.body}},
      {"application/*", {"application/json", json.body}},
      {"text/html", {"application/json", json.body}},
  };
  for (const auto& [accept, form] : forms) {
    const Got got = read("?limit=2", accept);
    EXPECT_EQ(got.outcome(), "200") << accept;
    EXPECT_EQ(got.type, form.first) << accept;
    EXPECT_EQ(got.body, form.second) << accept;
    const bool in_body = form.first == "application/json";
    EXPECT_EQ(got.header("BitVault-Next-Cursor"), in_body ? "" : json.at("/next_cursor"));
    EXPECT_EQ(got.header("BitVault-Has-More"), in_body ? "" : "true");
  }
  EXPECT_EQ(read("?cursor=" + sealed("acme", 3), "application/x-ndjson").body, "");
  EXPECT_EQ(read("?cursor=" + sealed("acme", 3), "application/cloudevents-batch+json").body,
            "[]\n");
}

TEST_F(EventsTest, GivesWhatTheFilterWants) {
  ASSERT_EQ(publish(R"({"type":"bitvault.node.deleted.v1","id":"gone","data":)" +
                    get("/v1/catalog/bitvault.node.deleted.v1").at("/example") + "}")
                .outcome(),
            "201");
  EXPECT_EQ(ids("?type=bitvault.node.deleted.v1"), "gone ");
  EXPECT_EQ(ids("?type=bitvault.node.created.v1&type=bitvault.node.deleted.v1"),
            "one two three gone ");
  EXPECT_EQ(ids("?type=bitvault.share.*"), "");
  EXPECT_EQ(ids("?subject_prefix=/t"), "two three ");
  EXPECT_EQ(ids("?partitionkey=n_1"), "one two three ");
  EXPECT_EQ(ids("?partitionkey=n"), "");
  EXPECT_EQ(ids("?type=bitvault.node.*&subject_prefix=%2Fth&partitionkey=n_1"), "three ");
  // What it skipped is behind its cursor.
  const Got nothing = read("?type=bitvault.share.*");
  EXPECT_EQ(nothing.at("/next_cursor"), sealed("acme", 4));
}

TEST_F(EventsTest, RefusesParametersThatCannotBe) {
  std::string types;
  for (int i = 0; i < 65; ++i) {
    types += "&type=bitvault.node.*";
  }
  const std::pair<std::string, const char*> wrong[] = {
      {"limit=0", "query.limit"},
      {"limit=1001", "query.limit"},
      {"limit=-1", "query.limit"},
      {"limit=1.5", "query.limit"},
      {"limit=", "query.limit"},
      {"limit=all", "query.limit"},
      {"limit=0x10", "query.limit"},
      {"limit=99999999999999999999", "query.limit"},
      {"limit=1&limit=2", "query.limit"},
      {"wait=61", "query.wait"},
      {"wait=-1", "query.wait"},
      {"wait=1s", "query.wait"},
      {"wait=", "query.wait"},
      {"type=", "query.type"},
      {"type=nonsense", "query.type"},
      {"type=bitvault.*.v1", "query.type"},
      {"type=bitvault.node.created.v1,bitvault.node.deleted.v1", "query.type"},
      {"type=*", "query.type"},
      {types.substr(1), "query.type"},
      {"cursor=a&cursor=b", "query.cursor"},
      {"partitionkey=a&partitionkey=b", "query.partitionkey"},
      {"subject_prefix=a&subject_prefix=b", "query.subject_prefix"},
      {"types=bitvault.node.*", "query.types"},
      {"Cursor=x", "query.Cursor"},
  };
  for (const auto& [query, path] : wrong) {
    const Got got = read("?" + query);
    EXPECT_EQ(got.outcome(), "422 invalid") << query;
    EXPECT_EQ(got.at("/errors/0/path"), path) << query;
  }
  EXPECT_EQ(read("?limit=1000&wait=60").outcome(), "200");
}

TEST_F(EventsTest, RefusesACursorItDidNotMake) {
  std::string forged = sealed("acme", 1);
  forged[20] = forged[20] == 'A' ? 'B' : 'A';
  for (const std::string& cursor :
       {std::string(), std::string("0"), std::string("x"), forged, sealed("acme", 1).substr(1),
        sealed("acme", 1) + "A", sealed("acme", 1) + "%3D", sealed("other", 0),
        std::string(8'000, 'A')}) {
    EXPECT_EQ(read("?cursor=" + cursor).outcome(), "400 cursor_invalid") << cursor.substr(0, 80);
  }
}

TEST_F(EventsTest, TellsWhyACursorCannotGoOn) {
  const auto reset = [&](const std::string& cursor, const std::string& reason) {
    const Got got = read("?cursor=" + cursor);
    EXPECT_EQ(got.outcome(), "409 cursor_reset");
    EXPECT_EQ(got.at("/reason"), reason);
    EXPECT_EQ(got.at("/earliest_cursor"), get(kCursor + "?at=earliest").at("/cursor"));
    EXPECT_EQ(got.at("/latest_cursor"), get(kCursor + "?at=latest").at("/cursor"));
  };
  reset(sealed("acme", 4), "ahead_of_journal");
  const std::string former = sealed("acme", 1);
  by_hand(
      "UPDATE tenant SET floor=3 WHERE name='acme'; UPDATE journal SET bytes=NULL WHERE"
      " sequence<3");
  reset(former, "expired");
  EXPECT_EQ(ids("?cursor=" + sealed("acme", 2)), "three ");
  EXPECT_EQ(ids(""), "three ") << "from the oldest retained";
  begin_deleting("acme");
  purge();
  make_tenant("acme");
  reset(former, "epoch_changed");
}

TEST_F(EventsTest, TellsWhatIsGone) {
  by_hand(
      "UPDATE tenant SET floor=2 WHERE name='acme'; UPDATE journal SET bytes=NULL WHERE"
      " sequence IN (1, 2)");
  const std::pair<const char*, const char*> gone[] = {{"one", "event_pruned"},
                                                      {"two", "event_erased"}};
  std::uint64_t sequence = 0;
  for (const auto& [id, code] : gone) {
    const Got got = get(kFeed + "/" + id);
    EXPECT_EQ(got.outcome(), std::string("410 ") + code);
    EXPECT_EQ(got.at("/sequence"), std::to_string(++sequence));
    EXPECT_EQ(got.at("/leaf_hash").size(), 44u);  // SHA-256 in base64
  }
  const Got page = read("");
  EXPECT_EQ(page.at("/erased"), "[2]");
  EXPECT_EQ(page.at("/events/0/id"), "three");
  EXPECT_EQ(read("", "application/x-ndjson").header("BitVault-Erased"), "2");
}

TEST_F(EventsTest, HasNoOtherEvents) {
  for (const char* id : {"four", "", "ONE", "a.b", "%C3%A4", "one%20", "one%2Ftwo"}) {
    EXPECT_EQ(get(kFeed + "/" + id).outcome(), "404 not_found") << id;
  }
  EXPECT_EQ(get(kFeed + "/" + std::string(129, 'a')).outcome(), "404 not_found");
  EXPECT_EQ(get("/v1/tenants/other/events/one").outcome(), "404 not_found");
}

TEST_F(EventsTest, MakesACursorForAPlace) {
  const auto cursor = [&](const std::string& at) { return get(kCursor + "?at=" + at); };
  EXPECT_EQ(cursor("earliest").at("/cursor"), sealed("acme", 0));
  EXPECT_EQ(cursor("latest").at("/cursor"), sealed("acme", 3));
  const WallTime after_two = world_.clock().wall() - 1500ms;
  EXPECT_EQ(cursor(format_time(after_two)).at("/cursor"), sealed("acme", 2));
  EXPECT_EQ(cursor("2001-01-01T00:00:00%2B01:00").at("/cursor"), sealed("acme", 0));
  EXPECT_EQ(cursor("2001-01-01T00:00:00+01:00").at("/cursor"), sealed("acme", 0));
  EXPECT_EQ(cursor("9999-12-31T23:59:59Z").at("/cursor"), sealed("acme", 3));
  EXPECT_EQ(ids("?cursor=" + cursor("earliest").at("/cursor")), "one two three ");
}

TEST_F(EventsTest, RefusesAPlaceThatIsNone) {
  for (const char* query : {"", "?at=", "?at=now", "?at=Latest", "?at=2026-11-23", "?at=17",
                            "?at=2026-13-01T00:00:00Z"}) {
    const Got got = get(kCursor + query);
    EXPECT_EQ(got.outcome(), "422 invalid") << query;
    EXPECT_EQ(got.at("/errors/0/path"), "query.at") << query;
  }
}

}  // namespace
}  // namespace bitvault::api
