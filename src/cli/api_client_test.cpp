#include "cli/api_client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "cli/command.h"
#include "cli/publisher.h"
#include "cli/test_world.h"
#include "net/http_client_test_server.h"

namespace bitvault::cli {
namespace {

using net::TestServer;
using Reply = TestServer::Reply;

Settings settings(const std::string& url, std::string_view key = "", std::string tenant = "acme") {
  return check_settings({.url = url, .tenant = std::move(tenant)}, key).value();
}

// The failure of one call to a server that replies so.
Failure failure(const Reply& reply, Call call = {.path = "/v1/x"}) {
  TestServer server([&](const TestServer::Request&) { return reply; });
  ApiClient api(settings(server.url(), "bvk_acme_k1_hunter2"), -1);
  const auto answer = api.call(call);
  EXPECT_FALSE(answer);
  Failure why = answer ? Failure{} : answer.error();
  EXPECT_TRUE(Json::parse(why.json)) << why.json;
  EXPECT_EQ((why.text + why.json).find("hunter2"), std::string::npos);
  EXPECT_TRUE(why.text.starts_with("error: ")) << why.text;
  return why;
}

std::string code(const Failure& failure) { return Json::parse(failure.json)->text_of("code"); }

TEST(ApiClient, EncodesEverythingButUnreservedCharacters) {
  const std::string unreserved =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  EXPECT_EQ(percent_encoded(unreserved), unreserved);
  EXPECT_EQ(percent_encoded(" /?#%&=+\"\\"), "%20%2F%3F%23%25%26%3D%2B%22%5C");
  EXPECT_EQ(percent_encoded("\u00e9"), "%C3%A9");
  EXPECT_EQ(percent_encoded(std::string_view("\0\n\xff", 3)), "%00%0A%FF");
}

TEST(ApiClient, SendsWhatACallSays) {
  TestServer server([](const TestServer::Request&) { return Reply{.body = "{\"a\":1}\n\n"}; });
  ApiClient api(settings(server.url() + "/base/", "bvk_acme_k1_s"), -1);
  EXPECT_EQ(api.tenant_path("/keys"), "/v1/tenants/acme/keys");
  const auto answer = api.call({.method = "POST",
                                .path = "/v1/x",
                                .query = {{"a b", "c&d"}, {"e", ""}},
                                .body = "{}",
                                .content_type = "application/json"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "{\"a\":1}") << "without the line's end";
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/base/v1/x?a%20b=c%26d&e=");
  EXPECT_EQ(request.body, "{}");
  for (const char* header :
       {"Accept: application/json\r\n", "Authorization: Bearer bvk_acme_k1_s\r\n",
        "Content-Type: application/json\r\n", "User-Agent: BitVault-Events/"}) {
    EXPECT_NE(request.head.find(header), std::string::npos) << header;
  }
}

TEST(ApiClient, WithoutAKeyItSendsNone) {
  TestServer server([](const TestServer::Request&) { return Reply{.body = "[]"}; });
  ApiClient api(settings(server.url()), -1);
  EXPECT_TRUE(api.call({.path = "/"}));
  EXPECT_EQ(server.requests().at(0).head.find("Authorization"), std::string::npos);
  EXPECT_EQ(server.requests().at(0).head.find("Content-Type"), std::string::npos);
}

TEST(ApiClient, AnAnswerWithoutABodyIsOne) {
  TestServer server([](const TestServer::Request&) { return Reply{.status = 204}; });
  ApiClient api(settings(server.url()), -1);
  EXPECT_FALSE(api.reached());
  EXPECT_EQ(api.call({.path = "/"})->body, "");
  EXPECT_TRUE(api.reached());
}

TEST(ApiClient, ARefusalIsTheServersDocument) {
  const std::string problem = R"({"title":"Not found","status":404,"code":"not_found"})";
  const Failure why = failure({.status = 404, .body = problem});
  EXPECT_EQ(why.json, problem);
  EXPECT_EQ(why.problem->code, "not_found");
  EXPECT_FALSE(why.transport);
  EXPECT_FALSE(why.stopped());
}

TEST(ApiClient, ARefusalByAStrangerIsToldInOurForm) {
  for (const char* page : {"<html>\"</html>", "", "[1]", "5"}) {
    const Failure why = failure({.status = 502, .body = page});
    EXPECT_EQ(why.json, R"({"title":"the server answered 502","status":502})") << page;
  }
}

TEST(ApiClient, AnAnswerThatIsNoJsonIsAFailure) {
  for (const char* body : {"<html>", "{", "{} {}", "\xff"}) {
    const Failure why = failure({.body = body});
    EXPECT_NE(why.text.find("is it a server of BitVault Events?"), std::string::npos) << why.text;
    EXPECT_NE(why.text.find("hint: check --url, BITVAULT_URL"), std::string::npos) << why.text;
  }
}

TEST(ApiClient, TellsWhyThereIsNoAnswer) {
  EXPECT_EQ(code(failure({.kind = Reply::Kind::kHangUp})), "connection_broken");
  EXPECT_EQ(code(failure({.kind = Reply::Kind::kHang},
                         {.path = "/", .timeout = std::chrono::milliseconds(50)})),
            "timeout");
  EXPECT_EQ(code(failure({.body = std::string(16 * 1024 * 1024 + 1, ' ')})), "answer_too_large");
}

TEST(ApiClient, SaysHowToReachAServer) {
  std::string gone;
  {
    const TestServer short_lived([](const TestServer::Request&) { return Reply{}; });
    gone = short_lived.url();
  }
  const auto refused = ApiClient(settings(gone), -1).call({.path = "/"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(code(refused.error()), "unreachable");
  EXPECT_NE(refused.error().text.find("bitvault-events serve"), std::string::npos);
}

TEST(ApiClient, StopsAtOnceWhenItIsTold) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  TestServer server([](const TestServer::Request&) { return Reply{.kind = Reply::Kind::kHang}; });
  const auto answer = ApiClient(settings(server.url()), ends[0]).call({.path = "/"});
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().stopped());
  EXPECT_EQ(code(answer.error()), "stopped");
  close(ends[0]);
  close(ends[1]);
}

TEST(FetchList, GathersThePages) {
  TestServer server([](const TestServer::Request& request) {
    return request.target == "/v1/x" ? Reply{.body = R"({"items":[{"a": 1}],"next_page":"2"})"}
                                     : Reply{.body = R"({"items":[{"a":2}, 3],"next_page":null})"};
  });
  ApiClient api(settings(server.url()), -1);
  const auto list = fetch_list(api, "/v1/x");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->items().size(), 3u);
  EXPECT_EQ(list->json(), R"({"items":[{"a": 1},{"a":2},3],"next_page":null})");
}

TEST(FetchList, OnePageIsTheServersOwn) {
  const std::string body = R"({"items":[ ],"more":"members"})";
  EXPECT_EQ((List{.bodies = {body}}.json()), body);
  EXPECT_TRUE((List{.bodies = {body, "{}", "[]", R"({"items":5})"}}.items().empty()));
}

TEST(FetchList, EndsWithAServerWhoseListDoesNot) {
  TestServer server([](const TestServer::Request&) {
    return Reply{.body = R"({"items":[1],"next_page":"again"})"};
  });
  ApiClient api(settings(server.url()), -1);
  const auto list = fetch_list(api, "/v1/x");
  ASSERT_FALSE(list);
  EXPECT_NE(list.error().text.find("does not end"), std::string::npos);
  EXPECT_TRUE(Json::parse(list.error().json));
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST(Describe, IsALineAMember) {
  EXPECT_EQ(describe(R"({"name":"a\u001b[31m","none":null,"list":["x",1,"\n"],"empty":[],)"
                     R"("deep":{"er":{"flag":true}},"n":0.5})"),
            "name:          a\\x1b[31m\n"
            "none:          -\n"
            "list:          x, 1, \\x0a\n"
            "empty:\n"
            "deep.er.flag:  true\n"
            "n:             0.5\n");
  EXPECT_EQ(describe("{}"), "");
  EXPECT_EQ(describe("no json"), "");
}

TEST(Publisher, CountsAnAnswersEvents) {
  Published total;
  EXPECT_TRUE(count(R"({"events":[{"id":"a","duplicate":false},{"id":"b","duplicate":true},{}],)"
                    R"("cursor":"c1"})",
                    total));
  EXPECT_TRUE(count(R"({"events":[],"cursor":"c2"})", total));
  EXPECT_EQ(total.events, 3u);
  EXPECT_EQ(total.duplicates, 1u);
  EXPECT_EQ(total.cursor, "c2");
  for (const char* strange : {"", "{}", "[]", R"({"events":5})", R"({"events":{}})", "<html>"}) {
    EXPECT_FALSE(count(strange, total)) << strange;
  }
  EXPECT_EQ(total.events, 3u);
}

TEST(Publisher, MakesIdsOfItsOwn) {
  TestWorld world;
  const std::string first = make_event_id(world);
  EXPECT_EQ(first.size(), 36u);
  EXPECT_EQ(first[14], '7');  // UUIDv7
  EXPECT_NE(make_event_id(world), first);
}

}  // namespace
}  // namespace bitvault::cli
