#include "net/http_client_test_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/check.h"
#include "base/text.h"

namespace bitvault::net {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

std::size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "Content-Length: ";
  const auto at = head.find(kName);
  if (at == std::string_view::npos) {
    return 0;
  }
  const std::string_view rest = head.substr(at + kName.size());
  return static_cast<std::size_t>(parse_uint(rest.substr(0, rest.find('\r'))).value_or(0));
}

void send_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return;  // the client has gone
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace

TestServer::TestServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  std::array<int, 2> wake{};
  const bool ready = bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                     listen(listener_, 16) == 0 &&
                     getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
                     pipe(wake.data()) == 0;
  check(ready, "a test server listens");
  wake_read_ = wake[0];
  wake_write_ = wake[1];
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

TestServer::~TestServer() {
  close(wake_write_);  // makes the other end readable
  thread_.join();
  close(wake_read_);
  close(listener_);
}

std::string TestServer::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

std::vector<TestServer::Request> TestServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool TestServer::readable(int fd) const {
  std::array<pollfd, 2> fds = {
      {{.fd = fd, .events = POLLIN, .revents = 0}, {.fd = wake_read_, .events = 0, .revents = 0}}};
  while (poll(fds.data(), fds.size(), -1) < 0) {
  }
  return fds[1].revents == 0;
}

void TestServer::run() {
  for (unsigned number = 1; readable(listener_); ++number) {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) {
      serve(connection, number);
      close(connection);
    }
  }
}

bool TestServer::read_request(int connection, std::string& buffer, Request& request) const {
  std::array<char, 16 * 1024> chunk;
  while (true) {
    const auto end = buffer.find(kHeadEnd);
    if (end != std::string::npos) {
      const std::size_t head_bytes = end + kHeadEnd.size();
      const std::size_t bytes = head_bytes + content_length(buffer.substr(0, head_bytes));
      if (buffer.size() >= bytes) {
        request.head = buffer.substr(0, head_bytes);
        request.body = buffer.substr(head_bytes, bytes - head_bytes);
        request.method = request.head.substr(0, request.head.find(' '));
        const auto target = request.method.size() + 1;
        request.target = request.head.substr(target, request.head.find(' ', target) - target);
        buffer.erase(0, bytes);
        return true;
      }
    }
    if (!readable(connection)) {
      return false;
    }
    const ssize_t received = recv(connection, chunk.data(), chunk.size(), 0);
    if (received <= 0) {
      return false;
    }
    buffer.append(chunk.data(), static_cast<std::size_t>(received));
  }
}

void TestServer::send_stream(int connection, const Reply& reply) const {
  send_all(connection, fmt::format("HTTP/1.1 {} Whatever\r\n{}\r\n{}", reply.status, reply.headers,
                                   reply.body));
  if (reply.later.empty()) {
    static_cast<void>(readable(connection));
  }
  for (const std::string& piece : reply.later) {
    pollfd stop{.fd = wake_read_, .events = 0, .revents = 0};
    if (poll(&stop, 1, static_cast<int>(reply.pause.count())) > 0) {
      return;
    }
    send_all(connection, piece);
  }
}

void TestServer::serve(int connection, unsigned number) {
  std::string buffer;
  Request request;
  request.connection = number;
  while (read_request(connection, buffer, request)) {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const Reply reply = handler_(request);
    if (reply.kind == Reply::Kind::kHangUp) {
      return;
    }
    if (reply.kind == Reply::Kind::kHang) {
      static_cast<void>(readable(connection));  // the client closes, or we stop
      return;
    }
    if (reply.kind == Reply::Kind::kStream) {
      send_stream(connection, reply);
      return;
    }
    send_all(connection, fmt::format("HTTP/1.1 {} Whatever\r\nContent-Length: {}\r\n{}\r\n{}",
                                     reply.status, reply.body.size(), reply.headers, reply.body));
  }
}

}  // namespace bitvault::net
