// The server over real sockets: what HTTP asks for, with raw bytes as clients send them.
#include "http/server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <random>
#include <thread>

#include "http/server_fixture.h"

namespace bitvault::http {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using boost::asio::ip::tcp;

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    ++found;
  }
  return found;
}

TEST_P(ServerTest, AnswersARequest) {
  start();
  const std::string answer = talk(get("/a%20b?c=d", "X-Test: yes\r\nX-Request-Id: mine-1\r\n"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << answer;
  EXPECT_NE(answer.find("\r\nX-Request-Id: mine-1\r\n"), std::string::npos);
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("Server:"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nGET /a%20b?c=d [yes] ")) << answer;
}

TEST_P(ServerTest, MakesARequestIdWhenTheClientsIsNone) {
  start();
  for (const std::string& id :
       {""s, "X-Request-Id:\r\n"s, "X-Request-Id: bad id\r\n"s, "X-Request-Id: <script>\r\n"s,
        "X-Request-Id: " + std::string(65, 'a') + "\r\n"}) {
    EXPECT_NE(talk(get("/", id)).find("\r\nX-Request-Id: req_"), std::string::npos) << id;
  }
  const std::string longest(64, 'a');
  EXPECT_NE(talk(get("/", "X-Request-Id: " + longest + "\r\n")).find(longest), std::string::npos);
  EXPECT_NE(talk("nonsense\r\n\r\n").find("\r\nX-Request-Id: req_"), std::string::npos);
}

TEST_P(ServerTest, KeepsAliveAndAnswersPipelinedRequestsInOrder) {
  start();
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    bytes += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
    bytes +=
        "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nho\r\n0\r\n\r\n";
  }
  const std::string answer = talk(bytes + get("/last"));
  std::size_t at = 0;
  for (int i = 0; i < 1000; ++i) {
    at = answer.find("POST /" + std::to_string(i) + "? [] hi", at);
    ASSERT_NE(at, std::string::npos) << i;
    at = answer.find("POST /c? [] ho", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(answer.find("GET /last", at), std::string::npos);
  EXPECT_EQ(count(answer, "Connection: close"), 1u);
}

TEST_P(ServerTest, ReadsRequestsInAnyPieces) {
  start();
  for (
      const std::string& coding :
      {"Content-Length: 11\r\n\r\nhello world"s,
       "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nT: x\r\n\r\n"s}) {
    Client socket = connect();
    socket.socket().set_option(tcp::no_delay(true));
    for (const char byte : "POST /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + coding) {
      send(socket, std::string_view(&byte, 1));
    }
    EXPECT_TRUE(read_all(socket).ends_with("POST /p? [] hello world"));
  }
}

// Beast's own decoder ends the process at these bytes in these pieces.
TEST_P(ServerTest, ReadsAnEmptyChunkedBodyInPieces) {
  start();
  Client socket = connect();
  const std::string start_of_body =
      "POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  const Counter& received = server_->counters().bytes_received;
  send(socket, start_of_body);
  await([&] { return received.value() == start_of_body.size(); });
  send(socket, "\r");
  await([&] { return received.value() == start_of_body.size() + 1; });
  send(socket, "\n");
  EXPECT_TRUE(read_answer(socket).ends_with("POST /e? [] "));
}

TEST_P(ServerTest, ReadsLargeBodies) {
  start();
  const std::string body(EchoHandler::kBodyBytesMax, 'b');
  const std::string sized =
      talk(post("/l", "Content-Length: " + std::to_string(body.size()) + "\r\n", body));
  EXPECT_TRUE(sized.starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(sized.substr(sized.find("[] ") + 3), body);
  const std::string chunked =
      talk(post("/l", "Transfer-Encoding: chunked\r\n", "100000\r\n" + body + "\r\n0\r\n\r\n"));
  EXPECT_TRUE(chunked.starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(chunked.substr(chunked.find("[] ") + 3), body);
}

TEST_P(ServerTest, WritesLargeAnswers) {
  start();
  const std::string answer = talk(get("/big"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, EchoHandler::kBigBytes);
}

TEST_P(ServerTest, HeadHasNoBody) {
  start();
  Client socket = connect();
  send(socket, "HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n");
  send(socket, "HEAD /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n");
  const std::string answers = read_all(socket);
  EXPECT_NE(answers.find("Content-Length: 12\r\n"), std::string::npos) << answers;
  EXPECT_NE(answers.find("\r\n\r\nHTTP/1.1 413 "), std::string::npos) << answers;
  EXPECT_TRUE(answers.ends_with("\r\n\r\n")) << answers;
}

TEST_P(ServerTest, Http10ClosesAfterTheAnswer) {
  start();
  EXPECT_TRUE(talk("GET /old HTTP/1.0\r\n\r\n").ends_with("GET /old? [] "));
  const std::string kept = talk("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(kept.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(talk("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi")
                  .starts_with("HTTP/1.1 200 "))
      << "HTTP/1.0 knows no 100";
}

TEST_P(ServerTest, InvitesABodyThatItWillRead) {
  start();
  Client socket = connect();
  send(socket,
       "POST /small HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
       "Connection: close\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(read_answer(socket), "HTTP/1.1 100 Continue\r\n\r\n");
  send(socket, "hello");
  EXPECT_TRUE(read_all(socket).ends_with("hello"));
  EXPECT_TRUE(talk(post("/small", "Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"))
                  .starts_with("HTTP/1.1 200 "))
      << "not one that is here already";
  EXPECT_TRUE(talk(post("/small", "Expect: 100-continue\r\nContent-Length: 11\r\n", ""))
                  .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(talk(post("/", "Expect: miracles\r\nContent-Length: 5\r\n", ""))
                  .starts_with("HTTP/1.1 417 "));
}

TEST_P(ServerTest, RefusesWhatIsNotHttpAndGoesOn) {
  start();
  for (const std::string& bytes : {
           "GARBAGE\r\n\r\n"s, "GET / HTTP/1.1\n"s,
           "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"s,
           "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"s,
           "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"s, "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"s,
           post("/", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
           post("/", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
           post("/", "Transfer-Encoding: gzip\r\n", "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"),
           post("/", "Transfer-Encoding: chunked\r\n", "zz\r\n\r\n"),
           post("/", "Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n"),
           "\x16\x03\x01\x02\n"s,  // a client that speaks TLS
       }) {
    const std::string answer = talk(bytes);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << bytes << answer;
    EXPECT_EQ(count(answer, "\r\nX-Request-Id: "), 1u) << "one answer: " << answer;
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
  }
  EXPECT_TRUE(talk(get("/still")).ends_with("GET /still? [] "));
}

// Mutated requests: whatever comes, the server answers below 500 or closes, and goes on.
TEST_P(ServerTest, SurvivesNoise) {
  start();
  std::mt19937 random(20261123);
  const std::string seeds[] = {
      get("/path?query=1", "X-Test: value\r\n"),
      post("/p", "Content-Length: 5\r\n", "hello"),
      post("/p", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"),
      post("/small", "Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"),
  };
  constexpr std::string_view kAlphabet = "\r\n\0 :;,/*?#%0123456789abcdefABC\t\x7f\xff"sv;
  for (int round = 0; round < 400; ++round) {
    std::string bytes = seeds[random() % std::size(seeds)];
    for (unsigned change = random() % 4 + 1; change > 0; --change) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 3) {
        case 0:
          bytes[at] = kAlphabet[random() % kAlphabet.size()];
          break;
        case 1:
          bytes.insert(at, 1, kAlphabet[random() % kAlphabet.size()]);
          break;
        default:
          bytes.erase(at, random() % 8);
      }
      bytes += 'x';
    }
    Client socket = connect();
    send(socket, bytes);
    socket.finish();
    const std::string answer = read_all(socket);
    EXPECT_EQ(answer.find("HTTP/1.1 5"), std::string::npos) << bytes << "\n" << answer;
  }
  EXPECT_TRUE(talk(get("/still")).ends_with("GET /still? [] "));
}

TEST_P(ServerTest, ServesManyClientsOnSeveralThreads) {
  start({.threads = 3});
  constexpr int kClients = 8;
  constexpr int kRequests = 100;
  std::atomic<int> right = 0;
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([this, client, &right] {
      Client socket = connect();
      for (int i = 0; i < kRequests; ++i) {
        const std::string path = "/" + std::to_string(client) + "/" + std::to_string(i);
        send(socket, "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
        right += read_answer(socket).ends_with("POST " + path + "? [] body") ? 1 : 0;
      }
    });
  }
  for (std::thread& client : clients) {
    client.join();
  }
  EXPECT_EQ(right, kClients * kRequests);
  EXPECT_EQ(server_->counters().answers[1].value(), std::uint64_t{kClients * kRequests});
  server_->stop();
  EXPECT_EQ(server_->counters().connections_open.value(), 0u);
}

TEST_P(ServerTest, Counts) {
  start();
  const std::string good = talk(get("/"));
  const std::string bad = talk("GARBAGE\r\n\r\n");
  const ServerCounters& counters = server_->counters();
  await([&] { return counters.connections_open.value() == 0; });
  EXPECT_EQ(counters.connections_accepted.value(), 2u);
  EXPECT_EQ(counters.answers[1].value(), 1u);
  EXPECT_EQ(counters.answers[3].value(), 1u);
  EXPECT_EQ(counters.bytes_received.value(), get("/").size() + 11);
  EXPECT_EQ(counters.bytes_sent.value(), good.size() + bad.size());
}

TEST_P(ServerTest, ABusyPortIsAnError) {
  start();
  const auto second = Server::start({.port = server_->port()}, handler_, world_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_NE(second.error().detail.find("cannot listen on 127.0.0.1"), std::string::npos);
  EXPECT_FALSE(Server::start({.address = "nonsense"}, handler_, world_));
}

INSTANTIATE_TEST_SUITE_P(Wires, ServerTest, kWires, wire_name);

}  // namespace
}  // namespace bitvault::http
