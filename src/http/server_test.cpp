// The server over real sockets, with raw bytes as clients and attackers send them.
#include "http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "net/real_world.h"

namespace bitvault::http {
namespace {

namespace net = boost::asio;
using net::ip::tcp;
using namespace std::string_literals;

// Echoes what it was given; /wait waits until the server stops; /big answers a lot.
class EchoHandler final : public Handler {
 public:
  explicit EchoHandler(World& world) : world_(world) {}

  std::size_t body_bytes_max(const Request& head) const override {
    return head.path == "/small" ? 10 : 1024 * 1024;
  }
  Task<Response> handle(const Request& request) override {
    Response response{200, "text/plain", {}, {}};
    if (request.path == "/wait") {
      ++waiting;
      co_await world_.sleep(std::chrono::hours(1));
      response.body = "woken";
      co_return response;
    }
    if (request.path == "/big") {
      ++waiting;
      response.body.assign(64 * 1024 * 1024, 'x');
      co_return response;
    }
    response.body = std::string(request.method) + " " + std::string(request.path) + "?" +
                    std::string(request.query) + " [" + std::string(request.header("x-test")) +
                    "] " + std::string(request.body);
    co_return response;
  }
  Response refuse(unsigned status, std::string_view why, std::string_view) const override {
    return {status, "text/plain", {}, std::string(why)};
  }

  std::atomic<int> waiting = 0;

 private:
  World& world_;
};

class ServerTest : public testing::Test {
 protected:
  void start(ServerOptions options) {
    options.port = 0;
    options.threads = 1;
    auto started = Server::start(options, handler_, world_);
    ASSERT_TRUE(started) << started.error().detail;
    server_ = std::move(*started);
  }

  tcp::socket connect() {
    tcp::socket socket(context_);
    socket.connect({net::ip::make_address("127.0.0.1"), server_->port()});
    return socket;
  }

  // Everything the server sends to `bytes` until it closes.
  std::string talk(const std::string& bytes) {
    tcp::socket socket = connect();
    boost::system::error_code error;
    net::write(socket, net::buffer(bytes), error);
    return read_all(socket);
  }

  static std::string read_all(tcp::socket& socket) {
    std::string answer;
    boost::system::error_code error;
    net::read(socket, net::dynamic_buffer(answer), error);
    return answer;
  }

  RealWorld world_;
  EchoHandler handler_{world_};
  net::io_context context_;
  std::unique_ptr<Server> server_;
};

constexpr const char* kClose = "Connection: close\r\n\r\n";

std::string get(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + headers + kClose;
}

TEST_F(ServerTest, AnswersARequest) {
  start({});
  const std::string answer = talk(get("/a%20b?c=d", "X-Test: yes\r\nX-Request-Id: mine-1\r\n"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << answer;
  EXPECT_NE(answer.find("\r\nX-Request-Id: mine-1\r\n"), std::string::npos);
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nGET /a%20b?c=d [yes] ")) << answer;
}

TEST_F(ServerTest, MakesARequestIdWhenTheClientsIsNone) {
  start({});
  for (const char* id : {"", "X-Request-Id: bad id\r\n", "X-Request-Id: <script>\r\n"}) {
    EXPECT_NE(talk(get("/", id)).find("\r\nX-Request-Id: req_"), std::string::npos) << id;
  }
}

TEST_F(ServerTest, KeepsAliveAndAnswersPipelinedRequestsInOrder) {
  start({});
  std::string bytes;
  for (int i = 0; i < 50; ++i) {
    bytes += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
  }
  const std::string answer = talk(bytes + get("/last"));
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = answer.find("POST /" + std::to_string(i) + "? [] hi", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(answer.find("GET /last", at), std::string::npos);
}

TEST_F(ServerTest, ReadsChunkedBodiesInAnyPieces) {
  start({});
  tcp::socket socket = connect();
  const std::string bytes =
      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n";
  for (const char& byte : bytes) {
    net::write(socket, net::buffer(&byte, 1));
  }
  EXPECT_TRUE(read_all(socket).ends_with("POST /c? [] hello world"));
}

TEST_F(ServerTest, HeadHasNoBody) {
  start({});
  const std::string answer = talk("HEAD /h HTTP/1.1\r\nHost: x\r\n"s + kClose);
  EXPECT_NE(answer.find("Content-Length: 12\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(ServerTest, Http10ClosesAfterTheAnswer) {
  start({});
  EXPECT_TRUE(talk("GET /old HTTP/1.0\r\n\r\n").ends_with("GET /old? [] "));
}

TEST_F(ServerTest, AbsoluteFormIsUnderstood) {
  start({});
  EXPECT_TRUE(talk(get("http://x/abs?q")).ends_with("GET /abs?q [] "));
}

TEST_F(ServerTest, RefusesWhatIsNotHttp) {
  start({});
  for (const std::string& bytes : {
           "GARBAGE\r\n\r\n"s,
           "GET  / HTTP/1.1\r\n\r\n"s,
           "GET / HTTP/3.7\r\n\r\n"s,
           "GET /\0 HTTP/1.1\r\n\r\n"s,
           "GET / HTTP/1.1\r\nNo colon\r\n\r\n"s,
           "GET / HTTP/1.1\r\nBad Name: x\r\n\r\n"s,
           "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n"s,
           "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"s,
           "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"s,
           "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n"s,
           "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"s,
           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"s,
           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"s,
       }) {
    EXPECT_TRUE(talk(bytes).starts_with("HTTP/1.1 400 ")) << bytes;
  }
  EXPECT_TRUE(talk(get("/still")).ends_with("GET /still? [] "));
}

TEST_F(ServerTest, RefusesALargeHead) {
  start({.header_bytes_max = 1024});
  EXPECT_TRUE(talk(get("/", "A: " + std::string(2000, 'a') + "\r\n")).starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(talk(get("/" + std::string(2000, 'a'))).starts_with("HTTP/1.1 431 "));
}

TEST_F(ServerTest, RefusesALargeBodyBeforeReadingIt) {
  start({});
  const std::string head = "POST /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n";
  const std::string refused = talk(head + "Content-Length: 11\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 413 ")) << refused;
  const std::string chunked = talk(
      "POST /small HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n");
  EXPECT_TRUE(chunked.starts_with("HTTP/1.1 413 ")) << chunked;
}

TEST_F(ServerTest, InvitesABodyThatItWillRead) {
  start({});
  tcp::socket socket = connect();
  net::write(socket, net::buffer("POST /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                                 "Connection: close\r\nContent-Length: 5\r\n\r\n"s));
  std::string answer;
  net::read_until(socket, net::dynamic_buffer(answer), "\r\n\r\n");
  EXPECT_EQ(answer, "HTTP/1.1 100 Continue\r\n\r\n");
  net::write(socket, net::buffer("hello"s));
  EXPECT_TRUE(read_all(socket).ends_with("hello"));
}

TEST_F(ServerTest, BoundsTheBodiesInFlight) {
  start({.body_bytes_in_flight_max = 1000});
  tcp::socket first = connect();
  net::write(first, net::buffer("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                                "Connection: close\r\nContent-Length: 800\r\n\r\n"s));
  std::string invited;
  net::read_until(first, net::dynamic_buffer(invited), "\r\n\r\n");
  const std::string body(800, 'b');
  const std::string request =
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 800\r\n\r\n" + body;
  EXPECT_TRUE(talk(request).starts_with("HTTP/1.1 503 "));
  net::write(first, net::buffer(body));
  EXPECT_TRUE(read_all(first).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(talk(request).starts_with("HTTP/1.1 200 ")) << "the budget is given back";
}

TEST_F(ServerTest, EndsSlowHeadsAndBodies) {
  start({.header_timeout = std::chrono::milliseconds(1),
         .body_timeout = std::chrono::milliseconds(1)});
  EXPECT_TRUE(talk("GET / HT").starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(talk("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel").starts_with("HTTP/1.1 408 "));
}

TEST_F(ServerTest, ClosesIdleConnections) {
  start({.idle_timeout = std::chrono::milliseconds(1)});
  EXPECT_EQ(talk(""), "");
}

TEST_F(ServerTest, ClosesOnAClientThatDoesNotRead) {
  start({.write_timeout = std::chrono::milliseconds(1)});
  tcp::socket socket = connect();
  net::write(socket, net::buffer(get("/big")));
  while (handler_.waiting == 0 || server_->connections() > 0) {
    std::this_thread::yield();
  }
  EXPECT_LT(read_all(socket).size(), 64u * 1024 * 1024);
}

TEST_F(ServerTest, TurnsAwayConnectionsBeyondTheLimit) {
  start({.connections_max = 1});
  tcp::socket kept = connect();
  net::write(kept, net::buffer("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"s));
  while (handler_.waiting == 0) {
    std::this_thread::yield();
  }
  tcp::socket second = connect();
  EXPECT_TRUE(read_all(second).starts_with("HTTP/1.1 503 "));
}

TEST_F(ServerTest, StopAnswersWhatWaitsAndClosesWhatIdles) {
  start({});
  tcp::socket idle = connect();
  tcp::socket waiting = connect();
  net::write(waiting, net::buffer("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"s));
  while (handler_.waiting == 0) {
    std::this_thread::yield();
  }
  server_->stop();
  const std::string answer = read_all(waiting);
  EXPECT_TRUE(answer.ends_with("woken")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_EQ(read_all(idle), "");
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerTest, ABusyPortIsAnError) {
  start({});
  const auto second = Server::start({.port = server_->port()}, handler_, world_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_NE(second.error().detail.find("cannot listen on 127.0.0.1"), std::string::npos);
  EXPECT_FALSE(Server::start({.address = "nonsense"}, handler_, world_));
}

}  // namespace
}  // namespace bitvault::http
