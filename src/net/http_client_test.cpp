#include "net/http_client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "net/http_client_test_server.h"

namespace bitvault::net {
namespace {

using Kind = HttpFailure::Kind;
using Reply = TestServer::Reply;

HttpClient make_client(int stop_fd = -1) {
  return HttpClient({.user_agent = "BitVault-Events/test", .ca_file = "", .stop_fd = stop_fd});
}

HttpRequest get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  return request;
}

TEST(HttpClient, SendsAndReceives) {
  TestServer server([](const TestServer::Request&) {
    return Reply{
        .status = 201, .body = "{\"a\":1}", .headers = "X-Request-ID:  r1 \r\nX-Two: b\r\n"};
  });
  HttpClient client = make_client();
  const std::string body(300'000, 'x');  // needs several packets, and no 100 Continue
  HttpRequest request = get(server.url() + "/v1/x?y=%2F");
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}};
  request.body = body;
  const auto answer = client.send(request);
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->status, 201u);
  EXPECT_EQ(answer->body, "{\"a\":1}");
  EXPECT_EQ(answer->header("x-request-id"), "r1");
  EXPECT_EQ(answer->header("absent"), "");
  const auto seen = server.requests();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].method, "POST");
  EXPECT_EQ(seen[0].target, "/v1/x?y=%2F");
  EXPECT_EQ(seen[0].body, body);
  EXPECT_NE(seen[0].head.find("User-Agent: BitVault-Events/test\r\n"), std::string::npos);
  EXPECT_NE(seen[0].head.find("Content-Type: application/json\r\n"), std::string::npos);
  EXPECT_NE(seen[0].head.find("X-Empty:"), std::string::npos);
  EXPECT_EQ(seen[0].head.find("Expect:"), std::string::npos);
}

TEST(HttpClient, KeepsTheConnectionAndForgetsTheLastRequest) {
  TestServer server([](const TestServer::Request& request) {
    return Reply{.status = request.method == "DELETE" ? 204u : 200u, .body = ""};
  });
  HttpClient client = make_client();
  HttpRequest put = get(server.url() + "/put");
  put.method = "PUT";
  put.body = "{}";
  ASSERT_TRUE(client.send(put));
  HttpRequest remove = get(server.url() + "/delete");
  remove.method = "DELETE";
  ASSERT_TRUE(client.send(remove));
  ASSERT_TRUE(client.send(get(server.url() + "/get")));
  const auto seen = server.requests();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].body, "{}");
  EXPECT_EQ(seen[1].method, "DELETE");
  EXPECT_EQ(seen[1].body, "");
  EXPECT_EQ(seen[2].method, "GET");
  EXPECT_EQ(seen[2].connection, 1u);
}

TEST(HttpClient, DoesNotFollowRedirects) {
  TestServer server([](const TestServer::Request&) {
    return Reply{.status = 302, .headers = "Location: http://127.0.0.1:1/\r\n"};
  });
  const auto answer = make_client().send(get(server.url()));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 302u);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpClient, BoundsTheAnswer) {
  TestServer server(
      [](const TestServer::Request&) { return Reply{.body = std::string(1001, 'x')}; });
  HttpClient client = make_client();
  HttpRequest request = get(server.url());
  request.answer_bytes_max = 1000;
  const auto refused = client.send(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Kind::kTooLarge);
  request.answer_bytes_max = 1001;
  EXPECT_TRUE(client.send(request));
}

TEST(HttpClient, TellsWhyThereIsNoAnswer) {
  std::string gone;
  {
    TestServer server([](const TestServer::Request&) { return Reply{}; });
    gone = server.url();
  }
  HttpClient client = make_client();
  EXPECT_EQ(client.send(get(gone)).error().kind, Kind::kRefused);
  EXPECT_EQ(client.send(get("file:///etc/hostname")).error().kind, Kind::kBadUrl);
  EXPECT_EQ(client.send(get("http://")).error().kind, Kind::kBadUrl);

  TestServer rude([](const TestServer::Request&) { return Reply{.kind = Reply::Kind::kHangUp}; });
  EXPECT_EQ(client.send(get(rude.url())).error().kind, Kind::kBroken);

  TestServer slow([](const TestServer::Request&) { return Reply{.kind = Reply::Kind::kHang}; });
  HttpRequest request = get(slow.url());
  request.timeout = std::chrono::milliseconds(50);
  EXPECT_EQ(client.send(request).error().kind, Kind::kTimeout);
}

TEST(HttpClient, StopsInTheMiddleOfARequest) {
  std::array<int, 2> stop{};
  ASSERT_EQ(pipe(stop.data()), 0);
  {  // the server ends before the pipe does
    TestServer server([&](const TestServer::Request&) {
      EXPECT_EQ(write(stop[1], "x", 1), 1);
      return Reply{.kind = Reply::Kind::kHang};
    });
    HttpClient client = make_client(stop[0]);
    const auto answer = client.send(get(server.url()));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, Kind::kStopped);
    EXPECT_EQ(client.send(get(server.url())).error().kind, Kind::kStopped);  // and stays stopped
  }
  close(stop[0]);
  close(stop[1]);
}

constexpr const char* kStreamHeader = "Content-Type: text/Event-Stream; charset=utf-8\r\n";

TEST(HttpClientStream, GivesWhatComesUntilTheSinkIsFull) {
  TestServer server([](const TestServer::Request&) {
    return Reply{.kind = Reply::Kind::kStream, .body = "some", .headers = kStreamHeader};
  });
  std::string came;
  const auto answer =
      make_client().stream(get(server.url()), "text/event-stream", [&](std::string_view piece) {
        came += piece;
        return came.size() < 4;
      });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, Kind::kStopped);
  EXPECT_EQ(came, "some");
}

TEST(HttpClientStream, KeepsABodyThatIsNoStream) {
  for (const Reply& reply :
       {Reply{.body = "{}", .headers = "Content-Type: application/json\r\n"},
        Reply{.status = 409, .body = "{}", .headers = kStreamHeader}, Reply{.body = "{}"}}) {
    TestServer server([&](const TestServer::Request&) { return reply; });
    HttpClient client = make_client();
    const auto never = [](std::string_view) {
      ADD_FAILURE() << "it is no stream";
      return true;
    };
    const auto answer = client.stream(get(server.url()), "text/event-stream", never);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "{}");
    HttpRequest small = get(server.url());
    small.answer_bytes_max = 1;
    EXPECT_EQ(client.stream(small, "text/event-stream", never).error().kind, Kind::kTooLarge);
  }
}

TEST(HttpClientStream, EndsWhenNothingComes) {
  for (const auto kind : {Reply::Kind::kStream, Reply::Kind::kHang}) {
    TestServer server([&](const TestServer::Request&) {
      return Reply{.kind = kind, .body = "first", .headers = kStreamHeader};
    });
    HttpRequest request = get(server.url());
    request.timeout = std::chrono::milliseconds(50);
    const auto answer =
        make_client().stream(request, "text/event-stream", [](std::string_view) { return true; });
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, Kind::kTimeout);
  }
}

TEST(HttpClientStream, LastsAsLongAsAnythingComes) {
  TestServer server([](const TestServer::Request&) {
    return Reply{.kind = Reply::Kind::kStream,
                 .headers = std::string(kStreamHeader) + "Connection: close\r\n",
                 .later = {":", "\n", "\n", ":", "\n", "\n"},
                 .pause = std::chrono::milliseconds(150)};
  });
  HttpRequest request = get(server.url());
  request.timeout = std::chrono::milliseconds(750);  // a pause is a fifth, all of them are more
  std::string came;
  const auto answer =
      make_client().stream(request, "text/event-stream", [&](std::string_view piece) {
        came += piece;
        return true;
      });
  EXPECT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(came, ":\n\n:\n\n");
}

TEST(HttpClientStream, StopsWhileItIsOpen) {
  std::array<int, 2> stop{};
  ASSERT_EQ(pipe(stop.data()), 0);
  {
    TestServer server([](const TestServer::Request&) {
      return Reply{.kind = Reply::Kind::kStream, .body = "first", .headers = kStreamHeader};
    });
    const auto answer =
        make_client(stop[0]).stream(get(server.url()), "text/event-stream",
                                    [&](std::string_view) { return write(stop[1], "x", 1) == 1; });
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, Kind::kStopped);
  }
  close(stop[0]);
  close(stop[1]);
}

}  // namespace
}  // namespace bitvault::net
