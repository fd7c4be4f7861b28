#include "net/http_lines.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <set>

#include "net/http_client_test_server.h"

namespace bitvault::net {
namespace {

using Kind = HttpFailure::Kind;
using Reply = TestServer::Reply;

constexpr Duration kLong = std::chrono::seconds(30);

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  return request;
}

HttpClient::Options options(int stop_fd = -1) {
  return {.user_agent = "BitVault-Events/test", .ca_file = "", .stop_fd = stop_fd};
}

TEST(HttpLines, CarriesARequestOnEachLine) {
  TestServer slow([](const TestServer::Request&) { return Reply{.kind = Reply::Kind::kHang}; });
  TestServer quick([](const TestServer::Request& request) {
    return Reply{.body = request.body + " to " + request.target};
  });
  HttpLines lines(options(), 2);
  lines.send(0, get(slow.url()));
  for (int i = 0; i < 3; ++i) {  // the other line goes on meanwhile
    const std::string body = "body " + std::to_string(i);
    HttpRequest request = get(quick.url() + "/x");
    request.method = "POST";
    request.body = body;
    ASSERT_TRUE(lines.is_free(1));
    lines.send(1, request);
    EXPECT_FALSE(lines.is_free(1));
    const auto ended = lines.work(kLong);
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_EQ(ended[0].line, 1u);
    ASSERT_TRUE(ended[0].answer);
    EXPECT_EQ(ended[0].answer->body, body + " to /x");
  }
  EXPECT_FALSE(lines.is_free(0));
  EXPECT_EQ(quick.requests().back().connection, 1u) << "connections are kept";
}

TEST(HttpLines, TellsWhyThereIsNoAnswer) {
  TestServer rude([](const TestServer::Request&) { return Reply{.kind = Reply::Kind::kHangUp}; });
  TestServer slow([](const TestServer::Request&) { return Reply{.kind = Reply::Kind::kHang}; });
  HttpLines lines(options(), 3);
  HttpRequest request = get(slow.url());
  request.timeout = std::chrono::milliseconds(50);
  lines.send(0, get(rude.url()));
  lines.send(1, request);
  lines.send(2, get("ftp://127.0.0.1/"));
  std::set<std::pair<std::size_t, Kind>> seen;
  while (seen.size() < 3) {
    for (const auto& [line, answer] : lines.work(kLong)) {
      ASSERT_FALSE(answer);
      seen.emplace(line, answer.error().kind);
    }
  }
  EXPECT_EQ(seen, (std::set<std::pair<std::size_t, Kind>>{
                      {0, Kind::kBroken}, {1, Kind::kTimeout}, {2, Kind::kBadUrl}}));
}

TEST(HttpLines, WaitsNoLongerThanToldTo) {
  TestServer slow([](const TestServer::Request&) { return Reply{.kind = Reply::Kind::kHang}; });
  HttpLines lines(options(), 1);
  EXPECT_TRUE(lines.work(std::chrono::microseconds(300)).empty()) << "nothing is on its way";
  lines.send(0, get(slow.url()));
  EXPECT_TRUE(lines.work(Duration::zero()).empty());
  EXPECT_TRUE(lines.work(Duration(-1)).empty());
  EXPECT_TRUE(lines.work(std::chrono::microseconds(300)).empty());
  EXPECT_FALSE(lines.is_free(0));
}

TEST(HttpLines, ComesBackWhenItIsToStop) {
  std::array<int, 2> stop{};
  ASSERT_EQ(pipe(stop.data()), 0);
  {
    TestServer server([&](const TestServer::Request&) {
      EXPECT_EQ(write(stop[1], "x", 1), 1);
      return Reply{.kind = Reply::Kind::kHang};
    });
    HttpLines lines(options(stop[0]), 1);
    lines.send(0, get(server.url()));
    EXPECT_TRUE(lines.work(kLong).empty());
  }
  close(stop[0]);
  close(stop[1]);
}

TEST(HttpLines, StreamsBesideRequests) {
  constexpr const char* kHeader = "Content-Type: text/event-stream\r\n";
  TestServer streaming([&](const TestServer::Request&) {
    return Reply{.kind = Reply::Kind::kStream, .body = "some", .headers = kHeader};
  });
  TestServer quick([](const TestServer::Request&) { return Reply{}; });
  HttpLines lines(options(), 2);
  std::string came;
  const HttpClient::Sink sink = [&](std::string_view piece) {
    came += piece;
    return true;
  };
  HttpRequest request = get(streaming.url());
  request.timeout = std::chrono::milliseconds(200);
  lines.stream(0, request, "text/event-stream", sink);
  lines.send(1, get(quick.url()));
  std::set<std::size_t> ended;
  while (ended.size() < 2) {
    for (const auto& [line, answer] : lines.work(kLong)) {
      ended.insert(line);
      EXPECT_EQ(answer.has_value(), line == 1);
      EXPECT_TRUE(answer || answer.error().kind == Kind::kTimeout) << "silence ends a stream";
    }
  }
  EXPECT_EQ(came, "some");
}

}  // namespace
}  // namespace bitvault::net
