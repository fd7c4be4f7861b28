#include "http/server.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "http/frame_cache.h"
#include "http/response_text.h"
#include "http/session.h"

namespace bitvault::http {
namespace {

namespace net = boost::asio;
using net::ip::tcp;
using Acceptor = net::basic_socket_acceptor<tcp, net::io_context::executor_type>;

constexpr auto kToken = net::as_tuple(net::use_awaitable);
constexpr Duration kAcceptBackoff = std::chrono::milliseconds(100);
// Of each worker: so many connections too many are told so at a time, the others just closed.
constexpr std::size_t kTurnedAwayMax = 64;
using ReusePort = net::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

struct Shared {
  Shared(ServerOptions given, Handler& its_handler, World& its_world)
      : options(std::move(given)), handler(its_handler), world(its_world) {}

  const ServerOptions options;
  Handler& handler;
  World& world;
  ServerCounters counters;
  Budget bodies{options.body_bytes_in_flight_max, options.body_bytes_share_max};
  Budget answers{options.answer_bytes_in_flight_max, options.answer_bytes_share_max};
};

Result<Acceptor> bind(net::io_context& context, const ServerOptions& options, std::uint16_t port) {
  boost::system::error_code error;
  const auto address = net::ip::make_address(options.address, error);
  Acceptor acceptor(context);
  if (!error) {
    const tcp::endpoint endpoint(address, port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) {
      acceptor.set_option(net::socket_base::reuse_address(true), error);
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
  Acceptor acceptor(context);
  const tcp::endpoint endpoint(address, options.port);
  acceptor.open(endpoint.protocol(), error);
  acceptor.set_option(net::socket_base::reuse_address(true), error);
  acceptor.bind(endpoint, error);
  if (error) {
    return fail(Code::kUnavailable, fmt::format("cannot listen on {}:{}: {}", options.address,
                                                options.port, error.message()));
  }
  return {};
}

}  // namespace

// One thread with its io_context and its connections: those that its acceptor gives it, or, having
// none, streams. Everything but start(), adopt(), stop() and join() runs on that thread.
class Worker {
 public:
  Worker(Shared& shared, std::unique_ptr<net::io_context> context, std::optional<Acceptor> acceptor)
      : shared_(shared),
        context_(std::move(context)),
        work_(context_->get_executor()),
        acceptor_(std::move(acceptor)),
        ticker_(*context_),
        accept_pause_(*context_),
        sessions_context_{shared.options,
                          shared.handler,
                          shared.world,
                          shared.counters,
                          shared.bodies,
                          shared.answers,
                          http_date(shared.world.clock().wall())} {}

  // `streamers` take turns at the streams that begin here.
  void start(std::span<const std::unique_ptr<Worker>> streamers) {
    streamers_ = streamers;
    if (acceptor_) {
      spawn(accept());
    }
    spawn(tick());
    thread_ = std::thread([this] { context_->run(); });
  }

  void stop() {
    net::post(*context_, [this] {
      sessions_context_.stopping = true;
      drain_until_ = shared_.world.clock().monotonic() + shared_.options.drain;
      boost::system::error_code ignored;
      if (acceptor_) {
        acceptor_->close(ignored);
      }
      accept_pause_.cancel();
      ticker_.cancel();
      for (Session& session : sessions_) {
        session.wind_up();
      }
    });
  }

  // After stop(), when nobody calls adopt() any more.
  void join() {
    work_.reset();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  // A connection that goes on as a stream; it ends here when the server stops.
  void adopt(Session::Streaming streaming) {
    net::post(*context_, [this, taken = std::move(streaming)]() mutable {
      if (sessions_context_.stopping) {
        shared_.counters.connections_open.subtract();
        return;
      }
      run(sessions_.emplace(sessions_.end(), std::move(taken), *context_, sessions_context_));
    });
  }

 private:
  // The worker's own two coroutines end with stop(), before the io_context runs out of work.
  void spawn(Task<> task) {
    net::co_spawn(*context_, std::move(task), [](std::exception_ptr failure) {
      if (failure) {
        std::rethrow_exception(failure);
      }
    });
  }

  Task<> accept() {
    bool failing = false;
    while (!sessions_context_.stopping) {
      auto [error, socket] = co_await acceptor_->async_accept(kToken);
      if (sessions_context_.stopping) {
        co_return;
      }
      if (!error) {
        failing = false;
        admit(std::move(socket));
        continue;
      }
      // No descriptors left, for example: waiting is better than spinning.
      shared_.counters.accept_failures.add();
      if (!std::exchange(failing, true)) {
        spdlog::warn("accepting a connection: {}", error.message());
      }
      accept_pause_.expires_after(kAcceptBackoff);
      const auto [ended] = co_await accept_pause_.async_wait(kToken);
      static_cast<void>(ended);
    }
  }

  void admit(Socket socket) {
    ServerCounters& counters = shared_.counters;
    counters.connections_open.add();
    if (counters.connections_open.value() <= shared_.options.connections_max) {
      counters.connections_accepted.add();
      serve(std::move(socket), Session::Welcome::kServe);
      return;
    }
    counters.connections_open.subtract();
    counters.connections_turned_away.add();
    if (turned_away_ < kTurnedAwayMax) {
      ++turned_away_;
      serve(std::move(socket), Session::Welcome::kTurnAway);
    }
  }

  void serve(Socket socket, Session::Welcome welcome) {
    run(sessions_.emplace(sessions_.end(), std::move(socket), sessions_context_, welcome));
  }

  void run(std::list<Session>::iterator session) {
    free_cached_frames();
    net::co_spawn(
        *context_, session->run(),
        net::bind_cancellation_slot(session->slot(), [this, session](std::exception_ptr failure) {
          ended(session, failure);
        }));
  }

  void ended(std::list<Session>::iterator session, const std::exception_ptr& failure) {
    if (failure) {
      spdlog::error("a connection ended with an exception");
    }
    auto streaming = failure ? std::nullopt : session->hand_over();
    if (streaming) {
      streamers_[turn_++ % streamers_.size()]->adopt(*std::move(streaming));
    } else if (session->welcome() == Session::Welcome::kServe) {
      shared_.counters.connections_open.subtract();
    } else {
      --turned_away_;
    }
    sessions_.erase(session);
    if (sessions_context_.stopping && sessions_.empty()) {
      ticker_.cancel();
    }
  }

  Task<> tick() {
    while (!sessions_context_.stopping || !sessions_.empty()) {
      ticker_.expires_after(shared_.options.tick);
      const auto [ended] = co_await ticker_.async_wait(kToken);
      static_cast<void>(ended);
      const MonotonicTime now = shared_.world.clock().monotonic();
      sessions_context_.date = http_date(shared_.world.clock().wall());
      const bool drained = drain_until_ && *drain_until_ <= now;
      for (Session& session : sessions_) {
        session.tick(now);
        if (drained) {
          session.close_now();
        }
      }
    }
  }

  Shared& shared_;
  std::unique_ptr<net::io_context> context_;
  net::executor_work_guard<net::io_context::executor_type> work_;
  std::optional<Acceptor> acceptor_;
  std::span<const std::unique_ptr<Worker>> streamers_;
  std::size_t turn_ = 0;
  net::steady_timer ticker_;
  net::steady_timer accept_pause_;
  SessionContext sessions_context_;
  std::list<Session> sessions_;
  std::size_t turned_away_ = 0;  // of sessions_
  std::optional<MonotonicTime> drain_until_;
  std::thread thread_;
};

class Server::Impl {
 public:
  Impl(ServerOptions options, Handler& handler, World& world)
      : shared_(std::move(options), handler, world) {}

  Status start() {
    if (Status is_free = check_free(shared_.options); !is_free) {
      return is_free;
    }
    port_ = shared_.options.port;
    for (unsigned i = 0; i < std::max(1u, shared_.options.threads); ++i) {
      auto context = std::make_unique<net::io_context>(1);
      Result<Acceptor> acceptor = bind(*context, shared_.options, port_);
      if (!acceptor) {
        return fail(std::move(acceptor.error()));
      }
      port_ = acceptor->local_endpoint().port();
      workers_.push_back(
          std::make_unique<Worker>(shared_, std::move(context), std::move(*acceptor)));
    }
    for (unsigned i = 0; i < std::max(1u, shared_.options.stream_threads); ++i) {
      streamers_.push_back(
          std::make_unique<Worker>(shared_, std::make_unique<net::io_context>(1), std::nullopt));
    }
    for (const auto& worker : streamers_) {
      worker->start({});
    }
    for (const auto& worker : workers_) {
      worker->start(streamers_);
    }
    return {};
  }

  void stop() {
    const std::lock_guard lock(stop_mutex_);
    if (stopped_) {
      return;
    }
    stopped_ = true;
    for (const auto* workers : {&workers_, &streamers_}) {
      for (const auto& worker : *workers) {
        worker->stop();
      }
    }
    for (const auto* workers : {&workers_, &streamers_}) {
      for (const auto& worker : *workers) {
        worker->join();
      }
    }
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const ServerCounters& counters() const { return shared_.counters; }

 private:
  Shared shared_;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<Worker>> streamers_;
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

std::size_t Server::connections() const { return impl_->counters().connections_open.value(); }

const ServerCounters& Server::counters() const { return impl_->counters(); }

void Server::stop() { impl_->stop(); }

std::string_view Request::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &Header::name);
  return found == headers.end() ? std::string_view() : found->value;
}

}  // namespace bitvault::http
