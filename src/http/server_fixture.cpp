#include "http/server_fixture.h"

#include <array>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <thread>
#include <utility>

namespace bitvault::http {

namespace net = boost::asio;
using net::ip::tcp;

// Sends what it is told; what the client does not take at once is flushed before it rests again.
class EchoHandler::EchoStream final : public Stream {
 public:
  EchoStream(EchoHandler& handler, std::string payer)
      : handler_(handler), payer_(std::move(payer)) {}

  Task<> run(Outlet& outlet) override {
    outlet_ = &outlet;
    executor_ = co_await net::this_coro::executor;
    {
      const std::lock_guard lock(handler_.mutex_);
      handler_.streams_.push_back(this);
    }
    ++handler_.streaming;
    bool open = true;
    while (open && !ended_) {
      open = co_await outlet.rest();
      if (open) {
        open = co_await outlet.flushed();
        sending_ = false;
      }
    }
    {
      const std::lock_guard lock(handler_.mutex_);
      std::erase(handler_.streams_, this);
    }
    --handler_.streaming;
    const bool was_cancelled = co_await is_cancelled();
    handler_.cancelled += was_cancelled ? 1 : 0;
  }

  std::string payer() const override { return payer_; }
  void tick(MonotonicTime) override { ++handler_.ticked; }

  void tell(const std::shared_ptr<const std::string>& text) {
    if (*text == "cut") {
      outlet_->cut();
      return;
    }
    if (*text == "block") {
      handler_.blocked_.acquire();
      return;
    }
    if (*text == "end") {
      ended_ = true;
      outlet_->rouse();
      return;
    }
    const std::array<std::string_view, 2> pieces{std::string_view(*text).substr(0, 1),
                                                 std::string_view(*text).substr(1)};
    if (!sending_ && !outlet_->send(pieces, text)) {
      sending_ = true;
      outlet_->rouse();
    }
  }

  [[nodiscard]] const Executor& executor() const { return executor_; }

 private:
  EchoHandler& handler_;
  const std::string payer_;
  Outlet* outlet_ = nullptr;
  Executor executor_;
  bool ended_ = false;
  bool sending_ = false;  // what the client has not taken yet
};

class EchoHandler::FloodStream final : public Stream {
 public:
  explicit FloodStream(EchoHandler& handler) : handler_(handler) {}

  Task<> run(Outlet& outlet) override {
    ++handler_.streaming;
    const auto owner = std::make_shared<const std::string>(1024 * 1024, 'x');
    const std::array<std::string_view, 1> pieces{*owner};
    bool open = true;
    while (open) {
      open = outlet.send(pieces, owner);
      if (!open) {
        open = co_await outlet.flushed();
      }
    }
    --handler_.streaming;
  }

  std::string payer() const override { return {}; }
  void tick(MonotonicTime) override {}

 private:
  EchoHandler& handler_;
};

void EchoHandler::stream(const std::string& text) {
  const auto shared = std::make_shared<const std::string>(text);
  const std::lock_guard lock(mutex_);
  for (EchoStream* stream : streams_) {
    net::post(stream->executor(), [stream, shared] { stream->tell(shared); });
  }
}

std::size_t EchoHandler::body_bytes_max(const Request& head) const {
  return head.path == "/small" ? 10 : kBodyBytesMax;
}

Task<Admission> EchoHandler::admit(const Request& head) {
  if (head.path == "/no") {
    co_return Admission{.refusal = Response{401, "text/plain", {}, "no"}};
  }
  co_return Admission{.payer = std::string(head.header("x-payer"))};
}

Task<Response> EchoHandler::handle(const Request& request) {
  Response response{200, "text/plain", {}, {}};
  if (request.path == "/wait") {
    ++waiting;
    co_await world_.sleep(std::chrono::hours(1));
    response.body = "woken";
  } else if (request.path == "/commit") {
    ++waiting;
    co_await commit();
    response.body = "committed";
  } else if (request.path == "/stream") {
    response.stream = std::make_unique<EchoStream>(*this, std::string(request.header("x-payer")));
  } else if (request.path == "/flood") {
    response.stream = std::make_unique<FloodStream>(*this);
  } else if (request.path == "/big") {
    response.body.assign(kBigBytes, 'x');
  } else {
    response.body = std::string(request.method) + " " + std::string(request.path) + "?" +
                    std::string(request.query) + " [" + std::string(request.header("x-test")) +
                    "] " + std::string(request.body);
  }
  const bool was_cancelled = co_await is_cancelled();
  cancelled += was_cancelled ? 1 : 0;
  co_return response;
}

// Without a cancellation handler: it ends when it is finished.
Task<> EchoHandler::commit() {
  co_await net::async_initiate<const net::use_awaitable_t<>&, void()>(
      [this](auto handler) {
        const std::lock_guard lock(mutex_);
        commits_.push_back([finish = std::move(handler)]() mutable {
          const auto executor = net::get_associated_executor(finish);
          net::post(executor, std::move(finish));
        });
      },
      net::use_awaitable);
}

void EchoHandler::finish_commits() {
  const std::lock_guard lock(mutex_);
  for (auto& finish : std::exchange(commits_, {})) {
    finish();
  }
}

Response EchoHandler::refuse(unsigned status, std::string_view why, std::string_view id) const {
  return {status, "text/plain", {}, std::string(why) + " (" + std::string(id) + ")"};
}

// A client that writes to a closed connection is told so by an error.
ServerTest::ServerTest() { std::signal(SIGPIPE, SIG_IGN); }

void ServerTest::start(ServerOptions options) {
  options.port = 0;
  options.tick = std::chrono::milliseconds(5);
  if (GetParam() == Wire::kTls) {
    auto loaded = Tls::load(folder_.files());
    ASSERT_TRUE(loaded) << loaded.error().detail;
    tls_ = std::move(*loaded);
    options.tls = tls_.get();
  }
  auto started = Server::start(options, handler_, world_);
  ASSERT_TRUE(started) << started.error().detail;
  server_ = std::move(*started);
}

Client ServerTest::connect() {
  Client client = connect_raw();
  EXPECT_TRUE(client.greet({.tls = GetParam() == Wire::kTls}));
  return client;
}

Client ServerTest::connect_raw() {
  tcp::socket socket(context_);
  socket.connect({net::ip::address_v4::loopback(), server_->port()});
  return Client(std::move(socket));
}

void ServerTest::send(Client& client, std::string_view bytes) { client.send(bytes); }

std::string ServerTest::read_all(Client& client) {
  std::string answer;
  std::vector<char> buffer(64 * 1024);
  for (std::size_t count = 1; count > 0;) {
    count = client.read_some(buffer.data(), buffer.size());
    answer.append(buffer.data(), count);
  }
  return answer;
}

std::string ServerTest::read_answer(Client& client) {
  std::string answer;
  char byte = 0;
  while (!answer.ends_with("\r\n\r\n")) {
    if (client.read_some(&byte, 1) == 0) {
      return answer;
    }
    answer += byte;
  }
  const std::size_t length = answer.find("Content-Length: ");
  if (length != std::string::npos) {
    const std::size_t whole = answer.size() + std::stoul(answer.substr(length + 16));
    while (answer.size() < whole && client.read_some(&byte, 1) == 1) {
      answer += byte;
    }
  }
  return answer;
}

std::string ServerTest::talk(std::string_view bytes) {
  Client socket = connect();
  send(socket, bytes);
  return read_all(socket);
}

void ServerTest::await(const std::function<bool()>& condition) {
  while (!condition()) {
    std::this_thread::yield();
  }
}

Client ServerTest::connect_waiting(const std::string& path) {
  const int before = handler_.waiting;
  Client socket = connect();
  send(socket, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  await([&] { return handler_.waiting > before; });
  return socket;
}

std::string wire_name(const testing::TestParamInfo<Wire>& info) {
  return info.param == Wire::kTls ? "Tls" : "Plain";
}

std::string get(const std::string& target, const std::string& headers) {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n";
}

std::string post(const std::string& target, const std::string& headers, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n" +
         body;
}

}  // namespace bitvault::http
