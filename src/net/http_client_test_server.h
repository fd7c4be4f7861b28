// A tiny HTTP server on a free loopback port, for tests of clients: real sockets, one connection at
// a time, answers from a function. Only linked into tests.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bitvault::net {

class TestServer {
 public:
  struct Request {
    std::string method;
    std::string target;
    std::string head;  // with the request line, as it came
    std::string body;
    unsigned connection = 0;  // counted from 1
  };
  struct Reply {
    // Hang: until the client goes or the server stops. Stream: the answer's body goes on, and
    // hangs.
    enum class Kind { kAnswer, kStream, kHang, kHangUp };
    Kind kind = Kind::kAnswer;
    unsigned status = 200;
    std::string body{};
    std::string headers{};  // more of them, each with "\r\n"
    // Of a stream: what comes `pause` after what was before, each; then it ends.
    std::vector<std::string> later{};
    std::chrono::milliseconds pause{0};
  };
  // Called on the server's thread.
  using Handler = std::function<Reply(const Request&)>;

  explicit TestServer(Handler handler);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  // http://127.0.0.1:<port>
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::vector<Request> requests() const;

 private:
  void run();
  void serve(int connection, unsigned number);
  // Waits for input; false when the server stops.
  [[nodiscard]] bool readable(int fd) const;
  void send_stream(int connection, const Reply& reply) const;
  [[nodiscard]] bool read_request(int connection, std::string& buffer, Request& request) const;

  Handler handler_;
  int listener_ = -1;
  int wake_read_ = -1;
  int wake_write_ = -1;
  unsigned short port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace bitvault::net
