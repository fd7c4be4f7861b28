// Answers that go on, over real sockets: what is sent comes, what is not taken is bounded, and both
// ends may end it.
#include <gtest/gtest.h>

#include "http/server_fixture.h"

namespace bitvault::http {
namespace {

class StreamTest : public ServerTest {
 protected:
  // A connection whose stream is open and whose head has been read.
  [[nodiscard]] Client open_stream(const std::string& path = "/stream",
                                   const std::string& headers = "") {
    const int before = handler_.streaming;
    Client socket = connect();
    send(socket, "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
    await([&] { return handler_.streaming > before; });
    return socket;
  }

  [[nodiscard]] static std::string read_some(Client& socket, std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t have = 0;
    for (std::size_t count = 1; count > 0 && have < size; have += count) {
      count = socket.read_some(bytes.data() + have, size - have);
    }
    bytes.resize(have);
    return bytes;
  }
};

TEST_P(StreamTest, SendsWhatIsTold) {
  start();
  Client socket = open_stream();
  handler_.stream("hello ");
  handler_.stream("world");
  handler_.stream("end");
  const std::string answer = read_all(socket);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_EQ(answer.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhello world")) << answer;
  await([&] { return handler_.streaming == 0; });
  EXPECT_EQ(server_->counters().streams_open.value(), 0u);
}

TEST_P(StreamTest, AnswersHeadWithoutOne) {
  start();
  const std::string answer = talk("HEAD /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  EXPECT_EQ(handler_.streaming, 0);
}

TEST_P(StreamTest, EndsWhenTheClientLeaves) {
  start();
  Client socket = open_stream();
  socket.close();
  await([&] { return handler_.streaming == 0; });
  await([&] { return server_->connections() == 0; });
  EXPECT_EQ(server_->counters().clients_gone.value(), 1u);
}

TEST_P(StreamTest, EndsWhenTheServerStops) {
  start();
  Client socket = open_stream();
  handler_.stream("last");
  await([&] { return server_->counters().bytes_sent.value() > 0; });
  server_->stop();
  EXPECT_EQ(handler_.streaming, 0);
  EXPECT_EQ(handler_.cancelled, 1);
  EXPECT_TRUE(read_all(socket).starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_P(StreamTest, GivesUpOnAClientThatDoesNotRead) {
  start({.threads = 1, .write_timeout = std::chrono::milliseconds(50)});
  Client socket = open_stream("/flood");
  await([&] { return handler_.streaming == 0; });
  EXPECT_EQ(server_->counters().streams_too_slow.value(), 1u);
  await([&] { return server_->connections() == 0; });
}

TEST_P(StreamTest, SendsEverythingToAClientThatReadsLate) {
  start();
  Client socket = open_stream();
  const std::string text(32 * 1024 * 1024, 'y');
  handler_.stream(text);
  const std::string head = read_some(socket, 64);
  handler_.stream("end");
  const std::string answer = head + read_all(socket);
  EXPECT_TRUE(answer.ends_with(text));
}

TEST_P(StreamTest, KeepsNoMoreThanTheBudgetAllows) {
  start({.threads = 1, .answer_bytes_in_flight_max = 64 * 1024});
  Client socket = open_stream();
  handler_.stream(std::string(32 * 1024 * 1024, 'y'));
  await([&] { return handler_.streaming == 0; });
  EXPECT_LT(read_all(socket).size(), 32u * 1024 * 1024);
}

TEST_P(StreamTest, PaysOnceForWhatManyAreSent) {
  constexpr std::size_t kSize = 32 * 1024 * 1024;
  start({.threads = 1, .answer_bytes_in_flight_max = kSize + kSize / 2});
  std::vector<Client> sockets;
  for (int i = 0; i < 3; ++i) {
    sockets.push_back(open_stream());
  }
  handler_.stream(std::string(kSize, 'y'));
  for (Client& socket : sockets) {
    EXPECT_FALSE(read_some(socket, 64).empty());
  }
  handler_.stream("end");
  for (Client& socket : sockets) {
    EXPECT_GT(read_all(socket).size(), kSize);
  }
  Client after = open_stream();
  handler_.stream(std::string(kSize, 'y'));
  EXPECT_FALSE(read_some(after, 64).empty());
  handler_.stream("end");
  EXPECT_GT(read_all(after).size(), kSize) << "all of it was given back";
}

TEST_P(StreamTest, APayerHasItsShareAndNoMore) {
  constexpr std::size_t kSize = 32 * 1024 * 1024;
  start({.threads = 1, .answer_bytes_share_max = kSize + kSize / 2});
  Client hoards = open_stream("/stream", "x-payer: a\r\n");
  handler_.stream(std::string(kSize, 'y'));
  EXPECT_FALSE(read_some(hoards, 64).empty());
  Client too_much = open_stream("/stream", "x-payer: a\r\n");
  Client others = open_stream("/stream", "x-payer: b\r\n");
  handler_.stream(std::string(kSize, 'z'));
  EXPECT_LT(read_all(too_much).size(), kSize);
  EXPECT_FALSE(read_some(others, 64).empty());
  handler_.stream("end");
  EXPECT_GT(read_all(others).size(), kSize);
}

TEST_P(StreamTest, ReadsOverWhatTheClientSends) {
  start();
  Client socket = open_stream();
  send(socket, std::string(100'000, 'z'));
  handler_.stream("still here");
  handler_.stream("end");
  EXPECT_TRUE(read_all(socket).ends_with("still here"));
}

TEST_P(StreamTest, IsCutWhateverItDoes) {
  start();
  Client resting = open_stream();
  Client flushing = open_stream();
  handler_.stream(std::string(32 * 1024 * 1024, 'y'));
  EXPECT_FALSE(read_some(resting, 32 * 1024 * 1024).empty());
  handler_.stream("cut");
  await([&] { return handler_.streaming == 0; });
  EXPECT_LT(read_all(flushing).size(), 32u * 1024 * 1024);
}

TEST_P(StreamTest, KeepsNoOtherRequestWaiting) {
  start();
  Client socket = open_stream();
  handler_.stream("block");
  EXPECT_TRUE(talk(get("/")).starts_with("HTTP/1.1 200 OK\r\n"));
  handler_.unblock();
  handler_.stream("end");
  EXPECT_TRUE(read_all(socket).starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_P(StreamTest, TicksWhileItRests) {
  start();
  Client socket = open_stream();
  await([&] { return handler_.ticked > 3; });
}

TEST_P(StreamTest, ManyShareAThread) {
  start();
  std::vector<Client> sockets;
  for (int i = 0; i < 200; ++i) {
    sockets.push_back(open_stream());
  }
  EXPECT_EQ(server_->counters().streams_open.value(), 200u);
  handler_.stream("to all");
  handler_.stream("end");
  for (Client& socket : sockets) {
    EXPECT_TRUE(read_all(socket).ends_with("\r\n\r\nto all"));
  }
}

INSTANTIATE_TEST_SUITE_P(Wires, StreamTest, kWires, wire_name);

}  // namespace
}  // namespace bitvault::http
