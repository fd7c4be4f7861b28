#include "delivery_receiver.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <exception>
#include <utility>

namespace bitvault::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// What nobody awaits and cannot fail ends the benchmark if it does.
constexpr auto kOrEnd = [](const std::exception_ptr& error) {
  if (error) {
    std::rethrow_exception(error);
  }
};

// The number after a text of the head; 0 without it.
std::uint64_t number_after(std::string_view head, std::string_view text) {
  const std::size_t at = head.find(text);
  std::uint64_t number = 0;
  if (at != std::string_view::npos) {
    const std::string_view rest = head.substr(at + text.size());
    std::from_chars(rest.data(), rest.data() + rest.size(), number);
  }
  return number;
}

}  // namespace

DeliveryReceiver::DeliveryReceiver(Received received, std::chrono::seconds delay)
    : received_(std::move(received)),
      delay_(delay),
      acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
  asio::co_spawn(context_, accept(), kOrEnd);
  thread_ = std::thread([this] { context_.run(); });
}

DeliveryReceiver::~DeliveryReceiver() {
  context_.stop();
  thread_.join();
}

std::string DeliveryReceiver::url() const {
  return fmt::format("http://127.0.0.1:{}/hook", acceptor_.local_endpoint().port());
}

asio::awaitable<void> DeliveryReceiver::accept() {
  for (;;) {
    auto [error, socket] = co_await acceptor_.async_accept(kAwait);
    if (error) {
      co_return;
    }
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(context_, serve(std::move(socket)), kOrEnd);
  }
}

asio::awaitable<void> DeliveryReceiver::serve(tcp::socket socket) {
  asio::steady_timer timer(context_);
  std::string buffer;
  std::string piece(16 * 1024, '\0');
  for (;;) {
    const auto [error, bytes] = co_await socket.async_read_some(asio::buffer(piece), kAwait);
    if (error) {
      co_return;
    }
    buffer.append(piece, 0, bytes);
    for (std::size_t requests = take(buffer); requests > 0; --requests) {
      if (delay_ > std::chrono::seconds(0)) {
        timer.expires_after(delay_);
        co_await timer.async_wait(kAwait);
      }
      const auto [failed, written] =
          co_await asio::async_write(socket, asio::buffer(kAnswer), kAwait);
      if (failed) {
        co_return;
      }
    }
  }
}

std::size_t DeliveryReceiver::take(std::string& buffer) {
  std::string_view rest = buffer;
  std::size_t requests = 0;
  for (;;) {
    const std::size_t end = rest.find("\r\n\r\n");
    if (end == std::string_view::npos) {
      break;
    }
    const std::string_view head = rest.substr(0, end);
    const std::size_t body_bytes =
        number_after(head, "ontent-Length: ") + number_after(head, "ontent-length: ");
    if (rest.size() < end + 4 + body_bytes) {
      break;
    }
    received_(number_after(head, "ebhook-id: e-"), rest.substr(end + 4, body_bytes));
    rest.remove_prefix(end + 4 + body_bytes);
    ++requests;
  }
  buffer.erase(0, buffer.size() - rest.size());
  return requests;
}

}  // namespace bitvault::bench
