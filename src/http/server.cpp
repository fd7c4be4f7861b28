#include "http/server.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "http/response_text.h"
#include "http/session.h"

namespace bitvault::http {
namespace {

namespace net = boost::asio;
using net::ip::tcp;

constexpr auto kToken = net::as_tuple(net::use_awaitable);
constexpr Duration kTick = std::chrono::milliseconds(500);
constexpr Duration kAcceptBackoff = std::chrono::milliseconds(100);
using ReusePort = net::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

struct Shared {
  const ServerOptions options;
  Handler& handler;
  World& world;
  std::atomic<std::size_t> connections = 0;
  std::atomic<std::size_t> body_bytes_in_flight = 0;
};

Result<tcp::acceptor> bind(net::io_context& context, const ServerOptions& options,
                           std::uint16_t port) {
  boost::system::error_code error;
  const auto address = net::ip::make_address(options.address, error);
  tcp::acceptor acceptor(context);
  if (!error) {
    const tcp::endpoint endpoint(address, port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) {
      acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    }
    if (!error) {
      acceptor.set_option(ReusePort(true), error);
    }
    if (!error) {
      acceptor.bind(endpoint, error);
    }
  }
  if (!error) {
    acceptor.listen(net::socket_base::max_listen_connections, error);
  }
  if (error) {
    return fail(Code::kUnavailable,
                fmt::format("cannot listen on {}:{}: {}", options.address, port, error.message()));
  }
  return acceptor;
}

// SO_REUSEPORT would let another server of this user share the port unseen: the first socket is
// bound without it once, to learn whether the port is free.
Status check_free(const ServerOptions& options) {
  if (options.port == 0) {
    return {};
  }
  net::io_context context;
  boost::system::error_code error;
  const auto address = net::ip::make_address(options.address, error);
  if (error) {
    return {};  // bind() says it better
  }
  tcp::acceptor acceptor(context);
  const tcp::endpoint endpoint(address, options.port);
  acceptor.open(endpoint.protocol(), error);
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  acceptor.bind(endpoint, error);
  if (error) {
    return fail(Code::kUnavailable, fmt::format("cannot listen on {}:{}: {}", options.address,
                                                options.port, error.message()));
  }
  return {};
}

}  // namespace

// One thread with its io_context, its acceptor and its connections. Everything but start(), stop()
// and join() runs on that thread.
class Worker {
 public:
  Worker(Shared& shared, std::unique_ptr<net::io_context> context, tcp::acceptor acceptor)
      : shared_(shared),
        context_(std::move(context)),
        acceptor_(std::move(acceptor)),
        ticker_(*context_),
        sessions_context_{shared.options, shared.handler, shared.world, shared.body_bytes_in_flight,
                          http_date(shared.world.clock().wall())} {}

  void start() {
    spawn(accept());
    spawn(tick());
    thread_ = std::thread([this] { context_->run(); });
  }

  void stop() {
    net::post(*context_, [this] {
      sessions_context_.stopping = true;
      drain_until_ = shared_.world.clock().monotonic() + shared_.options.drain;
      boost::system::error_code ignored;
      acceptor_.close(ignored);
      ticker_.cancel();
      for (Entry& entry : sessions_) {
        entry.session.wind_up();
      }
    });
  }

  void join() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }

 private:
  struct Entry {
    Entry(tcp::socket socket, SessionContext& context) : session(std::move(socket), context) {}
    Session session;
  };

  // The worker's own two coroutines end with stop(), before the io_context runs out of work.
  void spawn(Task<> task) {
    net::co_spawn(*context_, std::move(task), [](std::exception_ptr failure) {
      if (failure) {
        std::rethrow_exception(failure);
      }
    });
  }

  Task<> accept() {
    while (!sessions_context_.stopping) {
      auto [error, socket] = co_await acceptor_.async_accept(kToken);
      if (sessions_context_.stopping) {
        co_return;
      }
      if (error) {  // no descriptors left: waiting is better than spinning
        spdlog::warn("accepting a connection: {}", error.message());
        net::steady_timer pause(*context_, kAcceptBackoff);
        const auto [ended] = co_await pause.async_wait(kToken);
        static_cast<void>(ended);
        continue;
      }
      admit(std::move(socket));
    }
  }

  void admit(tcp::socket socket) {
    if (shared_.connections.fetch_add(1) >= shared_.options.connections_max) {
      shared_.connections.fetch_sub(1);
      turn_away(std::move(socket));
      return;
    }
    const auto entry = sessions_.emplace(sessions_.end(), std::move(socket), sessions_context_);
    net::co_spawn(*context_, entry->session.run(),
                  net::bind_cancellation_slot(
                      entry->session.slot(), [this, entry](std::exception_ptr failure) {
                        if (failure) {
                          spdlog::error("a connection ended with an exception");
                        }
                        sessions_.erase(entry);
                        shared_.connections.fetch_sub(1);
                        if (sessions_context_.stopping && sessions_.empty()) {
                          ticker_.cancel();
                        }
                      }));
  }

  // A best effort, without waiting: the socket's buffer is empty.
  void turn_away(tcp::socket socket) {
    const Response response =
        shared_.handler.refuse(503, "the server has too many connections; try again shortly", "-");
    std::string out;
    append_response(out, response,
                    {.date = sessions_context_.date, .request_id = "-", .keep_alive = false});
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(net::buffer(out), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  Task<> tick() {
    while (!sessions_context_.stopping || !sessions_.empty()) {
      ticker_.expires_after(kTick);
      const auto [ended] = co_await ticker_.async_wait(kToken);
      static_cast<void>(ended);
      const MonotonicTime now = shared_.world.clock().monotonic();
      sessions_context_.date = http_date(shared_.world.clock().wall());
      for (Entry& entry : sessions_) {
        entry.session.expire(now);
        if (drain_until_ && *drain_until_ <= now) {
          entry.session.abort();
        }
      }
    }
  }

  Shared& shared_;
  std::unique_ptr<net::io_context> context_;
  tcp::acceptor acceptor_;
  net::steady_timer ticker_;
  SessionContext sessions_context_;
  std::list<Entry> sessions_;
  std::optional<MonotonicTime> drain_until_;
  std::thread thread_;
};

class Server::Impl {
 public:
  Impl(ServerOptions options, Handler& handler, World& world)
      : shared_{std::move(options), handler, world} {}

  Status start() {
    if (Status is_free = check_free(shared_.options); !is_free) {
      return is_free;
    }
    port_ = shared_.options.port;
    for (unsigned i = 0; i < std::max(1u, shared_.options.threads); ++i) {
      auto context = std::make_unique<net::io_context>(1);
      Result<tcp::acceptor> acceptor = bind(*context, shared_.options, port_);
      if (!acceptor) {
        return fail(std::move(acceptor.error()));
      }
      port_ = acceptor->local_endpoint().port();
      workers_.push_back(
          std::make_unique<Worker>(shared_, std::move(context), std::move(*acceptor)));
    }
    for (const auto& worker : workers_) {
      worker->start();
    }
    return {};
  }

  void stop() {
    const std::lock_guard lock(stop_mutex_);
    if (stopped_) {
      return;
    }
    stopped_ = true;
    for (const auto& worker : workers_) {
      worker->stop();
    }
    for (const auto& worker : workers_) {
      worker->join();
    }
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::size_t connections() const { return shared_.connections; }

 private:
  Shared shared_;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::mutex stop_mutex_;
  bool stopped_ = false;  // guarded by stop_mutex_
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { impl_->stop(); }

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler& handler,
                                              World& world) {
  auto impl = std::make_unique<Impl>(std::move(options), handler, world);
  if (Status started = impl->start(); !started) {
    return fail(std::move(started.error()));
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->port(); }

std::size_t Server::connections() const { return impl_->connections(); }

void Server::stop() { impl_->stop(); }

std::string_view Request::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &Header::name);
  return found == headers.end() ? std::string_view() : found->value;
}

}  // namespace bitvault::http
