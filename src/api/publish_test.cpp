#include <fmt/format.h>

#include <boost/json.hpp>

#include "api/api_fixture.h"

namespace bitvault::api {
namespace {

constexpr const char* kOne = "application/cloudevents+json";
constexpr const char* kBatch = "application/cloudevents-batch+json";
constexpr const char* kLines = "application/x-ndjson";
const std::string kEvents = "/v1/tenants/acme/events";

class PublishTest : public ApiTest {
 protected:
  // An event by its id.
  static std::string of(const std::string& id, const std::string& name = "a.txt") {
    return node_created(R"("id":")" + id + "\",", name);
  }
  std::string head() { return get("/v1/tenants/acme").at("/head"); }
};

TEST_F(PublishTest, FillsInWhatIsNotGiven) {
  const Got got = publish(node_created());
  EXPECT_EQ(got.outcome(), "201");
  EXPECT_EQ(got.at("/events/0/sequence"), "1");
  EXPECT_EQ(got.at("/events/0/duplicate"), "false");
  const Got event = get(kEvents + "/" + got.at("/events/0/id"));
  EXPECT_EQ(event.at("/specversion"), "1.0");
  EXPECT_EQ(event.at("/id").size(), 36u);  // a UUID
  EXPECT_EQ(event.at("/source"), "/tenants/acme");
  EXPECT_EQ(event.at("/subject"), "/a.txt");
  EXPECT_EQ(event.at("/time"), format_time(world_.clock().wall()));
  EXPECT_EQ(event.at("/recordedtime"), format_time(world_.clock().wall()));
  EXPECT_EQ(event.at("/datacontenttype"), "application/json");
  EXPECT_EQ(event.at("/dataschema"), "urn:bitvault:schema:bitvault.node.created.v1:1");
  EXPECT_EQ(event.at("/tenant"), "acme");
  EXPECT_EQ(event.at("/partitionkey"), "n_1");
  EXPECT_EQ(event.at("/epoch"), get("/v1/tenants/acme").at("/epoch"));
  EXPECT_EQ(event.at("/sequence"), "00000000000000000001");
  // The cursor stands behind what was published.
  EXPECT_EQ(get(kEvents + "?cursor=" + got.at("/cursor")).at("/events"), "[]");
}

TEST_F(PublishTest, KeepsWhatIsGiven) {
  const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const Got got = publish(node_created(
      R"("specversion":"1.0","id":"A-Za-z0-9_:-","source":"urn:x","subject":"ünï \"q\"",)"
      R"("time":"2020-02-29T23:59:60.5+01:00","partitionkey":"p","traceparent":")" +
      trace + R"(","datacontenttype":"application/json","zone":"eu","n":5,"flag":true,)"));
  EXPECT_EQ(got.outcome(), "201") << got.body;
  const Got event = get(kEvents + "/A-Za-z0-9_:-");
  EXPECT_EQ(event.at("/source"), "urn:x");
  EXPECT_EQ(event.at("/subject"), "ünï \"q\"");
  EXPECT_EQ(event.at("/time"), "2020-02-29T23:00:00.500000Z");
  EXPECT_EQ(event.at("/partitionkey"), "p");
  EXPECT_EQ(event.at("/traceparent"), trace);
  EXPECT_EQ(event.at("/zone") + event.at("/n") + event.at("/flag"), "eu5true");
}

TEST_F(PublishTest, PassesTheRequestsTraceOn) {
  const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const auto traced = [&](const std::string& id, const std::string& header) {
    const Got got = send({"POST", kEvents, operator_, of(id), kOne, {{"traceparent", header}}});
    EXPECT_EQ(got.outcome(), "201");
    return get(kEvents + "/" + id).at("/traceparent");
  };
  EXPECT_EQ(traced("a", trace), trace);
  EXPECT_EQ(traced("b", "nonsense"), "") << "a header that is none is not passed on";
}

TEST_F(PublishTest, TakesFourForms) {
  EXPECT_EQ(publish(of("one"), kOne).outcome(), "201");
  EXPECT_EQ(publish(of("one-2"), "application/CloudEvents+json; charset=utf-8").outcome(), "201");
  const Got batch = publish("[" + of("two") + "," + of("three") + "]", kBatch);
  EXPECT_EQ(batch.outcome(), "201");
  EXPECT_EQ(batch.at("/events/1/id"), "three");
  EXPECT_EQ(batch.at("/events/1/sequence"), "4");
  EXPECT_EQ(publish("\n" + of("four") + "\r\n \n" + of("five"), kLines).outcome(), "201");
  const std::string data = of("x").substr(of("x").find("\"data\":") + 7);
  const Got binary = send({"POST",
                           kEvents,
                           operator_,
                           data.substr(0, data.size() - 1),
                           "application/json",
                           {{"ce-id", "six"},
                            {"ce-type", "bitvault.node.created.v1"},
                            {"ce-subject", "Euro%20%E2%82%AC"},
                            {"ce-specversion", "1.0"}}});
  EXPECT_EQ(binary.outcome(), "201") << binary.body;
  EXPECT_EQ(get(kEvents + "/six").at("/subject"), "Euro €");
  EXPECT_EQ(head(), "7");
}

TEST_F(PublishTest, TakesNoOtherForm) {
  for (const char* type : {"", "application/json", "text/plain", "application/cloudevents",
                           "application/cloudevents+xml",
                           "application/cloudevents+json; "
                           "charset=latin1",
                           "application/x-www-form-urlencoded", "*/*"}) {
    EXPECT_EQ(publish(of("a"), type).outcome(), "415 unsupported_media_type") << type;
  }
  const Got binary = send(
      {"POST", kEvents, operator_, "x", "text/plain", {{"ce-type", "bitvault.node.created.v1"}}});
  EXPECT_EQ(binary.outcome(), "415 unsupported_media_type");
  EXPECT_EQ(head(), "0");
}

TEST_F(PublishTest, RefusesWhatIsNoJson) {
  const std::pair<std::string, const char*> wrong[] = {
      {"{", kOne},
      {"[]", kOne},
      {"5", kOne},
      {"\xff", kOne},
      {of("a") + "x", kOne},
      {"{}", kBatch},
      {"[1]", kBatch},
      {"[{]", kBatch},
      {"[" + of("a") + ",]", kBatch},
      {"{", kLines},
      {"[]", kLines},
      {of("a") + "\n{\n", kLines},
      {of("a") + of("b"), kLines},
      {std::string(100, '['), kBatch},
  };
  for (const auto& [body, type] : wrong) {
    EXPECT_EQ(publish(body, type).outcome(), "400 malformed") << body;
  }
  EXPECT_EQ(publish("", "application/cloudevents+json").outcome(), "415 unsupported_media_type")
      << "nothing was sent, nor said what it is";
  EXPECT_EQ(head(), "0");
}

TEST_F(PublishTest, TellsWhichMemberIsWrong) {
  const std::pair<std::string, const char*> wrong[] = {
      {R"("id":"a.b",)", "id"},
      {R"("id":"",)", "id"},
      {R"("id":")" + std::string(129, 'i') + "\",", "id"},
      {R"("id":5,)", "id"},
      {R"("id":"a","id":"a",)", "id"},
      {R"("source":"",)", "source"},
      {R"("source":"a b",)", "source"},
      {R"("source":"%41",)", "source"},
      {R"("subject":"",)", "subject"},
      {R"("subject":"a\u0000b",)", "subject"},
      {R"("time":"yesterday",)", "time"},
      {R"("partitionkey":"a\"b",)", "partitionkey"},
      {R"("partitionkey":")" + std::string(257, 'p') + "\",", "partitionkey"},
      {R"("specversion":"0.3",)", "specversion"},
      {R"("datacontenttype":"text/xml",)", "datacontenttype"},
      {R"("dataschema":"urn:other",)", "dataschema"},
      {R"("traceparent":"00-0-0-0",)", "traceparent"},
      {R"("data_base64":"AA==",)", "data_base64"},
      {R"("tenant":"acme",)", "tenant"},
      {R"("epoch":"abcdefghijkl",)", "epoch"},
      {R"("sequence":"00000000000000000001",)", "sequence"},
      {R"("recordedtime":"2026-11-23T04:22:02.123456Z",)", "recordedtime"},
      {R"("salt":"AAAAAAAAAAAAAAAAAAAAAA",)", "salt"},
      {R"("Upper":"x",)", "Upper"},
      {R"("a_b":"x",)", "a_b"},
      {R"("extension":1.5,)", "extension"},
      {R"("extension":{},)", "extension"},
      {R"("extension":2147483648,)", "extension"},
  };
  for (const auto& [members, path] : wrong) {
    const Got one = publish(node_created(members));
    EXPECT_EQ(one.outcome(), "422 invalid") << members;
    EXPECT_EQ(one.at("/errors/0/path"), path) << members;
    EXPECT_EQ(one.at("/errors/0/index"), "0");
    const Got second = publish("[" + of("a") + "," + node_created(members) + "]", kBatch);
    EXPECT_EQ(second.outcome(), "422 invalid") << members;
    EXPECT_EQ(second.at("/errors/0/index"), "1") << members;
  }
  EXPECT_EQ(publish("{}").at("/errors/0/path"), "type");
  EXPECT_EQ(publish("{}").at("/errors/1/path"), "data");
  EXPECT_EQ(head(), "0") << "all or nothing";
}

TEST_F(PublishTest, TakesTypesOfTheCatalogAlone) {
  for (const char* type : {"bitvault.node.created.v2", "bitvault.x.y.v1"}) {
    const Got got = publish(fmt::format(R"({{"type":"{}","data":{{}}}})", type));
    EXPECT_EQ(got.outcome(), "422 type_unknown") << type;
    EXPECT_EQ(got.at("/errors/0/path"), "type");
  }
  EXPECT_EQ(publish(R"({"type":"com.example.x","data":{}})").outcome(), "422 invalid");
}

TEST_F(PublishTest, TakesDataOfItsSchemaAlone) {
  const std::pair<const char*, const char*> wrong[] = {
      {"{}", "data.actor"},
      {R"({"actor":{"kind":"ACTOR_KIND_USER","id":"u"}})", "data.node"},
      {R"({"actor":{"kind":"ACTOR_KIND_USER","id":"u"},"node":5})", "data.node"},
      {R"({"nonsense":1})", "data.nonsense"},
  };
  for (const auto& [data, path] : wrong) {
    const Got got =
        publish(fmt::format(R"({{"type":"bitvault.node.created.v1","data":{}}})", data));
    EXPECT_EQ(got.outcome(), "422 event_invalid") << data;
    EXPECT_NE(got.body.find(fmt::format("\"path\":\"{}\"", path)), std::string::npos) << got.body;
  }
  EXPECT_EQ(publish(R"({"type":"bitvault.node.created.v1","data":[]})").outcome(), "422 invalid");
  EXPECT_EQ(publish(R"({"type":"bitvault.node.created.v1","data":null})").outcome(), "422 invalid");
}

TEST_F(PublishTest, IsAllOrNothing) {
  const Got got = publish("[" + of("a") + R"(,{"type":"bitvault.x.y.v1","data":{}},)" +
                              R"({"type":"bitvault.node.created.v1","data":{}}])",
                          kBatch);
  EXPECT_EQ(got.outcome(), "422 type_unknown") << "the first wrong event decides the code";
  EXPECT_EQ(got.at("/errors/0/index"), "1");
  EXPECT_EQ(got.at("/errors/1/index"), "2");
  EXPECT_EQ(head(), "0");
}

TEST_F(PublishTest, AnIdIsOneEvent) {
  const Got first = publish("[" + of("a") + "," + of("b") + "]", kBatch);
  ASSERT_EQ(first.outcome(), "201");
  const Got again = publish("[" + of("c") + "," + of("a") + "]", kBatch);
  EXPECT_EQ(again.outcome(), "201");
  EXPECT_EQ(again.at("/events/0"), R"({"id":"c","sequence":3,"duplicate":false})");
  EXPECT_EQ(again.at("/events/1"), R"({"id":"a","sequence":1,"duplicate":true})");
  EXPECT_EQ(publish(of("a", "other.txt")).outcome(), "409 id_conflict");
  const Got conflict = publish("[" + of("d") + "," + of("a", "other.txt") + "]", kBatch);
  EXPECT_EQ(conflict.outcome(), "409 id_conflict");
  const Got twice = publish("[" + of("e") + "," + of("e") + "]", kBatch);
  EXPECT_EQ(twice.outcome(), "422 invalid");
  EXPECT_EQ(twice.at("/errors/0/path"), "id");
  EXPECT_EQ(twice.at("/errors/0/index"), "1");
  EXPECT_EQ(head(), "3") << "all or nothing";
  EXPECT_EQ(
      send({"POST", "/v1/tenants/other/events", operator_, of("a", "other.txt"), kOne}).outcome(),
      "201")
      << "another tenant's ids are its own";
}

TEST_F(PublishTest, HasLimitsOfARequest) {
  std::string lines;
  for (std::size_t i = 0; i < 1'000; ++i) {
    lines += node_created() + "\n";
  }
  EXPECT_EQ(publish(lines, kLines).outcome(), "201");
  EXPECT_EQ(head(), "1000");
  EXPECT_EQ(publish(lines + node_created(), kLines).outcome(), "413 too_large");
  EXPECT_EQ(publish("[]", kBatch).outcome(), "422 invalid");
  EXPECT_EQ(publish("\n \n", kLines).outcome(), "422 invalid");
  EXPECT_EQ(publish(of("a") + std::string(8 * 1024 * 1024 - of("a").size(), ' ')).outcome(), "201");
  EXPECT_EQ(publish(std::string(8 * 1024 * 1024 + 1, ' ')).outcome(), "413 too_large");
  EXPECT_EQ(head(), "1001");
}

TEST_F(PublishTest, HasALimitOfAnEvent) {
  const auto quotes = [](std::size_t count) {  // each takes two bytes
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      text += R"(\")";
    }
    return text;
  };
  const std::string large =
      fmt::format(R"({{"type":"bitvault.node.moved.v1","subject":"{1}","data":{{)"
                  R"("actor":{{"kind":"ACTOR_KIND_USER","id":"u"}},"node":{{"id":"n","kind":)"
                  R"("NODE_KIND_FILE","name":"n","path":"/{0}"}},"before":{{"path":"/{0}"}},)"
                  R"("after":{{"path":"/{0}"}}}}}})",
                  quotes(4'095), quotes(4'096));
  const Got one = publish(large);
  EXPECT_EQ(one.outcome(), "201") << one.body;
  std::string extensions;
  for (int i = 0; i < 16; ++i) {
    extensions += fmt::format("\"x{}\":\"{}\",", i, quotes(1'024));
  }
  const std::string too_large = "{" + extensions + large.substr(1);
  EXPECT_EQ(publish(too_large).outcome(), "413 too_large");
  const Got batch = publish("[" + of("a") + "," + too_large + "]", kBatch);
  EXPECT_EQ(batch.outcome(), "422 invalid");
  EXPECT_EQ(batch.at("/errors/0/index"), "1");
  EXPECT_EQ(head(), "1");
}

}  // namespace
}  // namespace bitvault::api
