// The limit for HTTP: Boost.Beast echoing POST bodies, without time-outs, limits or routes.
// http_echo THREADS: listens on a free port of 127.0.0.1, prints it, and serves until it is killed.

#include <fmt/core.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using net::ip::tcp;
using Context = net::io_context;
using Socket = net::basic_stream_socket<tcp, Context::executor_type>;
using Acceptor = net::basic_socket_acceptor<tcp, Context::executor_type>;
using ReusePort = net::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(Socket socket) : socket_(std::move(socket)) { buffer_.reserve(16 * 1024); }

  void read() {
    request_ = {};
    http::async_read(socket_, buffer_, request_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       if (!error) {
                         self->write();
                       }
                     });
  }

 private:
  void write() {
    response_ = {};
    response_.result(http::status::created);
    response_.set(http::field::content_type, "application/json");
    response_.body() = std::move(request_.body());
    response_.prepare_payload();
    http::async_write(socket_, response_,
                      [self = shared_from_this()](beast::error_code error, std::size_t) {
                        if (!error) {
                          self->read();
                        }
                      });
  }

  Socket socket_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
};

void accept(Acceptor& acceptor) {
  acceptor.async_accept([&acceptor](beast::error_code error, Socket socket) {
    if (!error) {
      socket.set_option(tcp::no_delay(true));
      std::make_shared<Connection>(std::move(socket))->read();
    }
    accept(acceptor);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  std::vector<std::unique_ptr<Context>> contexts;
  std::vector<std::unique_ptr<Acceptor>> acceptors;
  std::uint16_t port = 0;
  for (int i = 0; i < threads; ++i) {
    contexts.push_back(std::make_unique<Context>(1));
    auto acceptor = std::make_unique<Acceptor>(*contexts.back());
    acceptor->open(tcp::v4());
    acceptor->set_option(ReusePort(true));
    acceptor->bind({net::ip::address_v4::loopback(), port});
    acceptor->listen();
    port = acceptor->local_endpoint().port();
    accept(*acceptor);
    acceptors.push_back(std::move(acceptor));
  }
  fmt::print("{}\n", port);
  std::fflush(stdout);
  std::vector<std::thread> pool;
  pool.reserve(contexts.size());
  for (const auto& context : contexts) {
    pool.emplace_back([&context] { context->run(); });
  }
  for (std::thread& thread : pool) {
    thread.join();
  }
}
