// A receiver of webhooks for benchmarks: one thread, HTTP/1.1 with connections kept, 200 to all.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace bitvault::bench {

class DeliveryReceiver {
 public:
  // Called on the receiver's thread with what stands behind "e-" in webhook-id, and the body.
  using Received = std::function<void(std::uint64_t number, std::string_view body)>;

  // Answers each request after `delay`.
  explicit DeliveryReceiver(Received received, std::chrono::seconds delay = {});
  ~DeliveryReceiver();
  DeliveryReceiver(const DeliveryReceiver&) = delete;
  DeliveryReceiver& operator=(const DeliveryReceiver&) = delete;

  [[nodiscard]] std::string url() const;

 private:
  [[nodiscard]] boost::asio::awaitable<void> accept();
  [[nodiscard]] boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);
  // Takes the whole requests off the buffer; how many there were.
  std::size_t take(std::string& buffer);

  const Received received_;
  const std::chrono::seconds delay_;
  boost::asio::io_context context_{1};
  boost::asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace bitvault::bench
