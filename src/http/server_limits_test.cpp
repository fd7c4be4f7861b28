// The server over real sockets: its limits, its time-outs, its end.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "http/server_fixture.h"

namespace bitvault::http {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;

class ServerLimitsTest : public ServerTest {
 protected:
  [[nodiscard]] std::jthread stop_in_background() {
    return std::jthread([this] { server_->stop(); });
  }
};

TEST_P(ServerLimitsTest, RefusesALargeHead) {
  start({.threads = 1, .header_bytes_max = 1024, .headers_max = 10});
  EXPECT_TRUE(talk(get("/", "A: " + std::string(2000, 'a') + "\r\n")).starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(talk(get("/" + std::string(2000, 'a'))).starts_with("HTTP/1.1 431 "));
  std::string many;
  for (int i = 0; i < 20; ++i) {
    many += "A: b\r\n";
  }
  EXPECT_TRUE(talk(get("/", many)).starts_with("HTTP/1.1 431 "));
}

TEST_P(ServerLimitsTest, RefusesALargeBodyBeforeReadingIt) {
  start();
  EXPECT_TRUE(talk(post("/small", "Content-Length: 11\r\n", "")).starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(
      talk(post("/small", "Transfer-Encoding: chunked\r\n", "b\r\n")).starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(
      talk(post("/small", "Content-Length: 10\r\n", "0123456789")).ends_with("[] 0123456789"));
}

TEST_P(ServerLimitsTest, LetsAClientReadTheRefusalOfWhatItStillSends) {
  start();
  const std::string body(8 * 1024 * 1024, 'b');
  const std::string head = "Content-Length: " + std::to_string(body.size()) + "\r\n";
  EXPECT_TRUE(talk(post("/", head, body)).starts_with("HTTP/1.1 413 "));
}

TEST_P(ServerLimitsTest, BoundsTheBodiesInFlight) {
  start({.threads = 1, .body_bytes_in_flight_max = 50'000});
  Client first = connect();
  send(first,
       "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
       "Connection: close\r\nContent-Length: 40000\r\n\r\n");
  EXPECT_EQ(read_answer(first), "HTTP/1.1 100 Continue\r\n\r\n");
  const std::string body(40'000, 'b');
  send(first, body.substr(0, 30'000));
  const std::string sized = post("/", "Content-Length: 40000\r\n", body);
  const std::string chunked =
      post("/", "Transfer-Encoding: chunked\r\n", "9c40\r\n" + body + "\r\n0\r\n\r\n");
  await([&] { return talk(sized).starts_with("HTTP/1.1 503 "); });
  const std::string refused = talk(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
      "\r\n9c40\r\n" +
      body);
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 ")) << refused;
  EXPECT_NE(refused.find("\r\nRetry-After: 1\r\n"), std::string::npos);
  EXPECT_TRUE(talk(post("/", "Content-Length: 5\r\n", "hello")).starts_with("HTTP/1.1 200 "))
      << "one that came with its head needs no room";
  send(first, body.substr(30'000));
  EXPECT_TRUE(read_all(first).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(talk(sized).starts_with("HTTP/1.1 200 ")) << "the budget is given back";
  EXPECT_TRUE(talk(chunked).starts_with("HTTP/1.1 200 "));
}

TEST_P(ServerLimitsTest, ReadsNoBodyThatIsNotAdmitted) {
  start();
  for (const std::string headers : {"Content-Length: 800000\r\n", "Transfer-Encoding: chunked\r\n",
                                    "Expect: 100-continue\r\nContent-Length: 8\r\n"}) {
    Client socket = connect();
    send(socket, "POST /no HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
    const std::string answer = read_all(socket);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
  }
  EXPECT_TRUE(talk(post("/no", "Content-Length: 5\r\n", "hello")).starts_with("HTTP/1.1 200 "))
      << "one that came with its head is handled at once";
}

TEST_P(ServerLimitsTest, GivesNoPayerAllTheRoom) {
  start({.threads = 1, .body_bytes_in_flight_max = 100'000, .body_bytes_share_max = 50'000});
  std::vector<Client> slow;
  std::string answer;
  while (answer.empty() && slow.size() < 10) {
    slow.push_back(connect());
    send(slow.back(),
         "POST / HTTP/1.1\r\nHost: x\r\nx-payer: acme\r\nContent-Length: 40000\r\n\r\n" +
             std::string(30'000, 'b'));
    const std::string probe =
        post("/", "x-payer: acme\r\nContent-Length: 40000\r\n", std::string(40'000, 'b'));
    const std::string refused = talk(probe);
    answer = refused.starts_with("HTTP/1.1 503 ") ? refused : "";
  }
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  const std::string other =
      post("/", "x-payer: other\r\nContent-Length: 40000\r\n", std::string(40'000, 'b'));
  EXPECT_TRUE(talk(other).starts_with("HTTP/1.1 200 "));
}

TEST_P(ServerLimitsTest, AnAnnouncedBodyTakesNoRoomYet) {
  start({.threads = 1, .body_bytes_in_flight_max = 10 * 16 * 1024});
  std::vector<Client> announced;
  for (std::uint64_t i = 0; i < 9; ++i) {
    announced.push_back(connect());
    send(announced.back(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  }
  const std::string answer = talk(post("/", "Content-Length: 5\r\n", "hello"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
}

TEST_P(ServerLimitsTest, BoundsTheAnswersInFlight) {
  start({.threads = 1, .answer_bytes_in_flight_max = EchoHandler::kBigBytes});
  Client slow = connect();
  send(slow, get("/big"));
  await([&] { return server_->counters().answers[1].value() == 1; });
  const std::string refused = talk(get("/big"));
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 ")) << refused.substr(0, 100);
  EXPECT_NE(refused.find("\r\nRetry-After: 1\r\n"), std::string::npos);
  EXPECT_TRUE(talk(get("/")).starts_with("HTTP/1.1 200 ")) << "small ones go on";
  EXPECT_GT(read_all(slow).size(), EchoHandler::kBigBytes);
  await([&] { return server_->connections() == 0; });
  EXPECT_TRUE(talk(get("/big")).starts_with("HTTP/1.1 200 "));
}

TEST_P(ServerLimitsTest, EndsSlowHeadsAndBodies) {
  start({.threads = 1, .header_timeout = 500ms, .body_timeout = 1ms});
  EXPECT_TRUE(talk("GET / HT").starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(talk(post("/", "Content-Length: 5\r\n", "hel")).starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(
      talk(post("/", "Transfer-Encoding: chunked\r\n", "5\r\nhel")).starts_with("HTTP/1.1 408 "));
}

TEST_P(ServerLimitsTest, EachByteGainsNoTime) {
  start({.threads = 1, .header_timeout = 50ms});
  Client socket = connect();
  send(socket, "GET / HTTP/1.1\r\nHost: ");
  while (!socket.is_readable()) {
    send(socket, "x");
  }
  EXPECT_TRUE(read_all(socket).starts_with("HTTP/1.1 408 "));
}

TEST_P(ServerLimitsTest, ClosesIdleConnections) {
  start({.threads = 1, .idle_timeout = 1ms});
  EXPECT_EQ(talk(""), "");
  EXPECT_TRUE(talk("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_P(ServerLimitsTest, ParksIdleConnectionsAndWakesThem) {
  start();
  Client socket = connect();
  for (int i = 0; i < 3; ++i) {
    await([&] { return server_->counters().connections_parked.value() == 1; });
    send(socket, "GET /woken HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(read_answer(socket).ends_with("GET /woken? [] "));
  }
}

TEST_P(ServerLimitsTest, ClosesParkedConnections) {
  start({.threads = 1, .idle_timeout = 30ms});
  EXPECT_EQ(talk(""), "");
  EXPECT_EQ(server_->counters().connections_parked.value(), 0u);
}

TEST_P(ServerLimitsTest, ClosesOnAClientThatDoesNotRead) {
  start({.threads = 1, .write_timeout = 1ms});
  Client socket = connect();
  send(socket, get("/big"));
  await([&] { return server_->counters().answers[1].value() == 1 && server_->connections() == 0; });
  EXPECT_LT(read_all(socket).size(), EchoHandler::kBigBytes);
}

TEST_P(ServerLimitsTest, ClosesOnAClientThatReadsTooSlowly) {
  start({.threads = 1, .write_timeout = 50ms, .write_bytes_per_second_min = 1'000'000'000});
  Client socket = connect();
  send(socket, get("/big"));
  std::size_t read = 0;
  await([&] {
    char byte = 0;
    read += socket.read_some(&byte, 1);
    return server_->counters().answers[1].value() == 1 && server_->connections() == 0;
  });
  EXPECT_LT(read + read_all(socket).size(), EchoHandler::kBigBytes);
}

TEST_P(ServerLimitsTest, TurnsAwayConnectionsBeyondTheLimit) {
  start({.threads = 1, .connections_max = 1});
  {
    const Client kept = connect_waiting();
    const std::string refused = talk(get("/"));
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 ")) << refused;
    EXPECT_NE(refused.find("\r\nRetry-After: 1\r\n"), std::string::npos);
    EXPECT_NE(refused.find("\r\nX-Request-Id: req_"), std::string::npos);
    EXPECT_EQ(server_->counters().connections_turned_away.value(), 1u);
  }
  await([&] { return server_->connections() == 0; });
  EXPECT_TRUE(talk(get("/")).starts_with("HTTP/1.1 200 "));
}

TEST_P(ServerLimitsTest, CancelsTheHandlerOfAClientThatLeft) {
  start();
  static_cast<void>(connect_waiting());
  await([&] { return server_->connections() == 0; });
  EXPECT_EQ(handler_.cancelled, 1);
  EXPECT_EQ(server_->counters().clients_gone.value(), 1u);
}

TEST_P(ServerLimitsTest, AnswersAClientThatOnlySendsNoMore) {
  start();
  Client socket = connect_waiting();
  socket.finish();
  EXPECT_TRUE(read_all(socket).ends_with("woken"));
}

TEST_P(ServerLimitsTest, GoesOnWhenDescriptorsAreThereAgain) {
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "its check of virtual calls opens pipes, and here none can be opened";
#endif
  start();
  tcp::socket socket(context_);
  socket.open(tcp::v4());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest_free = dup(0);
  close(lowest_free);
  const rlimit none{static_cast<rlim_t>(lowest_free), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  socket.connect({boost::asio::ip::address_v4::loopback(), server_->port()});
  const Counter& failures = server_->counters().accept_failures;
  await([&] { return failures.value() >= 1; });
  const MonotonicTime first = world_.clock().monotonic();
  await([&] { return failures.value() >= 3; });
  const Duration passed = world_.clock().monotonic() - first;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_GT(passed, 100ms) << "it does not spin";
  Client client(std::move(socket));
  ASSERT_TRUE(client.greet({.tls = GetParam() == Wire::kTls}));
  send(client, get("/"));
  EXPECT_TRUE(read_all(client).starts_with("HTTP/1.1 200 "));
}

TEST_P(ServerLimitsTest, StopAnswersWhatWaitsAndClosesWhatIdles) {
  start();
  Client idle = connect();
  Client parked = connect();
  await([&] { return server_->counters().connections_parked.value() == 2; });
  send(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(read_answer(idle).starts_with("HTTP/1.1 200 "));
  Client waiting = connect_waiting();
  server_->stop();
  const std::string answer = read_all(waiting);
  EXPECT_TRUE(answer.ends_with("woken")) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_EQ(handler_.cancelled, 1);
  EXPECT_EQ(read_all(idle), "");
  EXPECT_EQ(read_all(parked), "");
  EXPECT_EQ(server_->connections(), 0u);
  server_->stop();
}

TEST_P(ServerLimitsTest, StopLetsACommitEnd) {
  start();
  Client idle = connect();
  Client committing = connect_waiting("/commit");
  const std::jthread stopping = stop_in_background();
  EXPECT_EQ(read_all(idle), "") << "the stop has begun";
  handler_.finish_commits();
  const std::string answer = read_all(committing);
  EXPECT_TRUE(answer.ends_with("committed")) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
}

TEST_P(ServerLimitsTest, StopLetsAnUploadEndAndThenCancels) {
  start();
  Client idle = connect();
  Client uploading = connect();
  send(uploading,
       "POST /wait HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
       "Content-Length: 5\r\n\r\n");
  EXPECT_EQ(read_answer(uploading), "HTTP/1.1 100 Continue\r\n\r\n");
  const std::jthread stopping = stop_in_background();
  EXPECT_EQ(read_all(idle), "");
  send(uploading, "hello");
  const std::string answer = read_all(uploading);
  EXPECT_TRUE(answer.ends_with("woken")) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
}

TEST_P(ServerLimitsTest, StopLetsAnAnswerBeRead) {
  start();
  Client idle = connect();
  Client reading = connect();
  send(reading, get("/big"));
  await([&] { return server_->counters().answers[1].value() == 1; });
  const std::jthread stopping = stop_in_background();
  EXPECT_EQ(read_all(idle), "");
  EXPECT_GT(read_all(reading).size(), EchoHandler::kBigBytes);
}

TEST_P(ServerLimitsTest, StopEndsWithTheDrain) {
  start({.threads = 2, .drain = 20ms});
  std::vector<Client> stuck;
  for (int i = 0; i < 10; ++i) {
    stuck.push_back(connect());
    send(stuck.back(),
         "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
         "Content-Length: 800\r\n\r\n");
    EXPECT_EQ(read_answer(stuck.back()), "HTTP/1.1 100 Continue\r\n\r\n");
  }
  server_->stop();
  EXPECT_EQ(server_->connections(), 0u);
  for (Client& socket : stuck) {
    EXPECT_EQ(read_all(socket), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Wires, ServerLimitsTest, kWires, wire_name);

}  // namespace
}  // namespace bitvault::http
