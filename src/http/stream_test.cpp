// Answers that go on, over real sockets: what is sent comes, what is not taken is bounded, and both
// ends may end it.
#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>

#include "http/server_fixture.h"

namespace bitvault::http {
namespace {

namespace net = boost::asio;

class StreamTest : public ServerTest {
 protected:
  // A connection whose stream is open and whose head has been read.
  [[nodiscard]] Socket open_stream(const std::string& path = "/stream") {
    const int before = handler_.streaming;
    Socket socket = connect();
    send(socket, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    await([&] { return handler_.streaming > before; });
    return socket;
  }

  [[nodiscard]] static std::string read_some(Socket& socket, std::size_t size) {
    std::string bytes(size, '\0');
    boost::system::error_code error;
    bytes.resize(net::read(socket, net::buffer(bytes), error));
    return bytes;
  }
};

TEST_F(StreamTest, SendsWhatIsTold) {
  start();
  Socket socket = open_stream();
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

TEST_F(StreamTest, AnswersHeadWithoutOne) {
  start();
  const std::string answer = talk("HEAD /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  EXPECT_EQ(handler_.streaming, 0);
}

TEST_F(StreamTest, EndsWhenTheClientLeaves) {
  start();
  Socket socket = open_stream();
  socket.close();
  await([&] { return handler_.streaming == 0; });
  await([&] { return server_->connections() == 0; });
  EXPECT_EQ(server_->counters().clients_gone.value(), 1u);
}

TEST_F(StreamTest, EndsWhenTheServerStops) {
  start();
  Socket socket = open_stream();
  handler_.stream("last");
  await([&] { return server_->counters().bytes_sent.value() > 0; });
  server_->stop();
  EXPECT_EQ(handler_.streaming, 0);
  EXPECT_EQ(handler_.cancelled, 1);
  EXPECT_TRUE(read_all(socket).starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_F(StreamTest, GivesUpOnAClientThatDoesNotRead) {
  start({.threads = 1, .write_timeout = std::chrono::milliseconds(50)});
  Socket socket = open_stream("/flood");
  await([&] { return handler_.streaming == 0; });
  EXPECT_EQ(server_->counters().streams_too_slow.value(), 1u);
  await([&] { return server_->connections() == 0; });
}

TEST_F(StreamTest, SendsEverythingToAClientThatReadsLate) {
  start();
  Socket socket = open_stream();
  const std::string text(32 * 1024 * 1024, 'y');
  handler_.stream(text);
  const std::string head = read_some(socket, 64);
  handler_.stream("end");
  const std::string answer = head + read_all(socket);
  EXPECT_TRUE(answer.ends_with(text));
}

TEST_F(StreamTest, KeepsNoMoreThanTheBudgetAllows) {
  start({.threads = 1, .answer_bytes_in_flight_max = 64 * 1024});
  Socket socket = open_stream();
  handler_.stream(std::string(32 * 1024 * 1024, 'y'));
  await([&] { return handler_.streaming == 0; });
  EXPECT_LT(read_all(socket).size(), 32u * 1024 * 1024);
}

TEST_F(StreamTest, ReadsOverWhatTheClientSends) {
  start();
  Socket socket = open_stream();
  send(socket, std::string(100'000, 'z'));
  handler_.stream("still here");
  handler_.stream("end");
  EXPECT_TRUE(read_all(socket).ends_with("still here"));
}

TEST_F(StreamTest, IsCutWhateverItDoes) {
  start();
  Socket resting = open_stream();
  Socket flushing = open_stream();
  handler_.stream(std::string(32 * 1024 * 1024, 'y'));
  EXPECT_FALSE(read_some(resting, 32 * 1024 * 1024).empty());
  handler_.stream("cut");
  await([&] { return handler_.streaming == 0; });
  EXPECT_LT(read_all(flushing).size(), 32u * 1024 * 1024);
}

TEST_F(StreamTest, TicksWhileItRests) {
  start();
  Socket socket = open_stream();
  await([&] { return handler_.ticked > 3; });
}

TEST_F(StreamTest, ManyShareAThread) {
  start();
  std::vector<Socket> sockets;
  for (int i = 0; i < 200; ++i) {
    sockets.push_back(open_stream());
  }
  EXPECT_EQ(server_->counters().streams_open.value(), 200u);
  handler_.stream("to all");
  handler_.stream("end");
  for (Socket& socket : sockets) {
    EXPECT_TRUE(read_all(socket).ends_with("\r\n\r\nto all"));
  }
}

}  // namespace
}  // namespace bitvault::http
