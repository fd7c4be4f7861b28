#include "http/server_fixture.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <thread>
#include <utility>

namespace bitvault::http {

namespace net = boost::asio;
using net::ip::tcp;

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

void ServerTest::start(ServerOptions options) {
  options.port = 0;
  options.tick = std::chrono::milliseconds(5);
  auto started = Server::start(options, handler_, world_);
  ASSERT_TRUE(started) << started.error().detail;
  server_ = std::move(*started);
}

ServerTest::Socket ServerTest::connect() {
  Socket socket(context_);
  socket.connect({net::ip::address_v4::loopback(), server_->port()});
  return socket;
}

void ServerTest::send(Socket& socket, std::string_view bytes) {
  boost::system::error_code error;  // that the server does not want it shows in its answer
  net::write(socket, net::buffer(bytes), error);
}

std::string ServerTest::read_all(Socket& socket) {
  std::string answer;
  boost::system::error_code error;
  net::read(socket, net::dynamic_buffer(answer), error);
  return answer;
}

std::string ServerTest::read_answer(Socket& socket) {
  std::string answer;
  boost::system::error_code error;
  const std::size_t head = net::read_until(socket, net::dynamic_buffer(answer), "\r\n\r\n", error);
  const std::size_t length = answer.find("Content-Length: ");
  if (error || length >= head) {
    return answer;
  }
  const std::size_t whole = head + std::stoul(answer.substr(length + 16));
  if (answer.size() < whole) {
    net::read(socket, net::dynamic_buffer(answer), net::transfer_exactly(whole - answer.size()),
              error);
  }
  return answer;
}

std::string ServerTest::talk(std::string_view bytes) {
  Socket socket = connect();
  send(socket, bytes);
  return read_all(socket);
}

void ServerTest::await(const std::function<bool()>& condition) {
  while (!condition()) {
    std::this_thread::yield();
  }
}

ServerTest::Socket ServerTest::connect_waiting(const std::string& path) {
  const int before = handler_.waiting;
  Socket socket = connect();
  send(socket, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  await([&] { return handler_.waiting > before; });
  return socket;
}

std::string get(const std::string& target, const std::string& headers) {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n";
}

std::string post(const std::string& target, const std::string& headers, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n" +
         body;
}

}  // namespace bitvault::http
