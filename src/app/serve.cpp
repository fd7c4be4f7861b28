#include "app/serve.h"

#include <fmt/core.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <thread>

#include "access/keys.h"
#include "api/api.h"
#include "api/metrics.h"
#include "api/page_cache.h"
#include "api/rate_limits.h"
#include "app/data_folder.h"
#include "app/deliveries.h"
#include "app/log.h"
#include "app/new_epochs.h"
#include "app/watchers.h"
#include "bus/head_bus.h"
#include "catalog/catalog.h"
#include "event/cursor.h"
#include "feed/feed.h"
#include "feed/live_feed.h"
#include "http/server.h"
#include "http/tls.h"
#include "retention/retention.h"
#include "store/block_summarizer.h"
#include "store/sqlite/sqlite_store.h"
#include "world/reconciler.h"
#include "world/task_group.h"

namespace bitvault::app {
namespace {

namespace net = boost::asio;

constexpr unsigned kReaderThreads = 4;
constexpr unsigned kFileThreads = 2;
// For the store, the watchers and the log, beside the connections.
constexpr rlim_t kFilesKept = 128;
constexpr Duration kPurgePeriod = std::chrono::seconds(1);
constexpr Duration kRestPeriod = std::chrono::seconds(2);

// What this version does not have yet is refused, not ignored.
Status check_supported(const cli::ServeOptions& options) {
  if (!options.store.empty()) {
    return fail(Code::kInvalid, "--store: this version keeps its journal in SQLite only");
  }
  if (!options.bus.empty()) {
    return fail(Code::kInvalid, "--bus: this version has the in-process bus only");
  }
  return {};
}

// Raises the limit of open files as far as it goes, and says how many connections fit below it.
std::size_t connections_max(std::size_t wanted) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) {
    return wanted;
  }
  if (files.rlim_cur < files.rlim_max) {
    const rlimit raised{files.rlim_max, files.rlim_max};
    files = ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised : files;
  }
  const std::size_t room = files.rlim_cur - std::min<rlim_t>(files.rlim_cur, kFilesKept);
  if (room < wanted / 2) {
    spdlog::warn("{} files may be open: at most {} connections are taken (raise ulimit -n)",
                 files.rlim_cur, room);
  }
  return std::min(wanted, room);
}

// Each commit writes in the data folder: watched, it would make events for ever.
Status check_apart(const cli::ServeOptions& options) {
  std::error_code error;
  const auto data = std::filesystem::canonical(options.data, error);
  for (const cli::Watch& watch : options.watches) {
    const auto directory = std::filesystem::canonical(watch.directory, error);
    const auto [rest, inside] = std::ranges::mismatch(directory, data);
    if (!error && rest == directory.end()) {
      return fail(Code::kInvalid,
                  fmt::format("--watch {}={}: the data folder {} lies in it; give another --data",
                              watch.tenant.str(), watch.directory.string(), data.string()));
    }
  }
  return {};
}

// The parts of the server, in the order in which they are built; they go in the other order.
class EmbeddedServer {
 public:
  EmbeddedServer(const cli::ServeOptions& options, World& world, const Executor& control)
      : options_(options), world_(world), control_(control), tasks_(control) {}

  ~EmbeddedServer() {
    server_.reset();
    api_.reset();
    deliveries_.reset();
    store_.reset();
    files_.join();
    readers_.join();
    writer_.join();
  }
  EmbeddedServer(const EmbeddedServer&) = delete;
  EmbeddedServer& operator=(const EmbeddedServer&) = delete;

  [[nodiscard]] Task<Status> start(std::optional<std::string> master_key_file) {
    if (Status loaded = load_tls(); !loaded) {
      co_return loaded;
    }
    if (Status opened = open_store(); !opened) {
      co_return opened;
    }
    if (Status apart = check_apart(options_); !apart) {
      co_return apart;
    }
    keys_.emplace(world_, *store_);
    Result<SecretKey> master = co_await open_master_key(
        master_key_file.value_or((options_.data / "master.key").string()), world_, *store_);
    if (!master) {
      co_return fail(std::move(master.error()));
    }
    Status begun = co_await begin_epochs(options_.new_epochs, *store_);
    if (!begun) {
      co_return begun;
    }
    cursors_.emplace(*master);
    Result<OperatorKeyFile> operator_key =
        co_await open_operator_key(options_.data / "operator.key", *keys_);
    if (!operator_key) {
      co_return fail(std::move(operator_key.error()));
    }
    limits_.emplace(world_, *store_,
                    api::RateDefaults{.requests_per_second = options_.rate_limit_requests,
                                      .events_per_second = options_.rate_limit_events,
                                      .scanned_per_second = options_.rate_limit_scanned});
    feed_.emplace(world_, *store_, bus_, *cursors_);
    live_.emplace(
        world_, *feed_, bus_, *cursors_,
        [this](TenantName tenant, std::string token) {
          return keys_->still_open(std::move(token), std::move(tenant), Scope::kEventsRead);
        },
        [this](TenantName tenant, std::size_t looked_at) {
          return limits_->charge(std::move(tenant), api::RateLimits::Kind::kScanned, looked_at);
        });
    Status delivering = co_await start_deliveries(*master);
    if (!delivering) {
      co_return delivering;
    }
    const WatchersContext context{.world = world_,
                                  .store = *store_,
                                  .catalog = Catalog::builtin(),
                                  .tasks = tasks_,
                                  .strand = control_,
                                  .blocking = files_.get_executor()};
    Status watching = co_await watchers_.start(options_.watches, context);
    if (!watching) {
      co_return watching;
    }
    begin_background();
    Status listening = listen();
    if (listening) {
      tell_where(*operator_key);
    }
    co_return listening;
  }

  // For connections to come; those that are open keep the certificate that they were shown.
  void reload_certificate() {
    if (!tls_) {
      return;
    }
    if (const Status reloaded = tls_->reload(); reloaded) {
      spdlog::info("the certificate was read again from {}", options_.tls_cert);
    } else {
      spdlog::error("the certificate stays as it was: {}", reloaded.error().detail);
    }
  }

  // Stop accepting, answer what waits, end the background work.
  [[nodiscard]] Task<> stop() {
    if (server_) {
      server_->stop();
    }
    tasks_.cancel();
    co_await tasks_.join(world_);
    if (deliveries_started_) {
      hears_heads_ = nullptr;
      co_await deliveries_->stop();
    }
  }

 private:
  Status load_tls() {
    if (options_.tls_cert.empty()) {
      return {};
    }
    auto tls = http::Tls::load({.certificate = options_.tls_cert, .key = options_.tls_key});
    if (!tls) {
      return fail(std::move(tls.error()));
    }
    tls_ = std::move(*tls);
    return {};
  }

  Status open_store() {
    SqliteOptions options;
    options.folder = options_.data.string();
    options.writer = writer_.get_executor();
    options.readers = readers_.get_executor();
    auto store =
        SqliteStore::open(options, world_, [this](const TenantName& tenant, const JournalHead&) {
          bus_.announce(tenant);
          if (Deliveries* const deliveries = hears_heads_; deliveries != nullptr) {
            deliveries->advanced(tenant);
          }
        });
    if (!store) {
      return fail(std::move(store.error()));
    }
    store_ = std::move(*store);
    return {};
  }

  void begin_background() {
    purge_.emplace(world_, control_, kPurgePeriod, [this] { return purge_round(); });
    tasks_.spawn(purge_->run());
    copy_at_rest_.emplace(world_, control_, kRestPeriod, [this] { return rest_round(); });
    tasks_.spawn(copy_at_rest_->run());
    retention_.emplace(world_, *store_,
                       RetentionPolicy{.max_age_seconds = options_.retention_age_seconds,
                                       .max_events = options_.retention_events});
    let_go_.emplace(world_, control_, Retention::kPeriod, [this] { return retention_round(); });
    tasks_.spawn(let_go_->run());
    summarizer_.emplace(world_, *store_);
    summarize_.emplace(world_, control_, BlockSummarizer::kPeriod,
                       [this] { return summarizer_round(); });
    tasks_.spawn(summarize_->run());
  }

  Task<Status> start_deliveries(SecretKey master) {
    deliveries_ = std::make_unique<Deliveries>(
        world_, *store_, Catalog::builtin(), master,
        Deliveries::Options{.folder = options_.data.string(),
                            .targets = options_.targets,
                            .version = BITVAULT_VERSION,
                            .delivers = options_.has(cli::Role::kDeliver)});
    deliveries_started_ = true;
    Status started = co_await deliveries_->start();
    if (started) {
      hears_heads_ = deliveries_.get();
    }
    co_return started;
  }

  static void tell_where(const OperatorKeyFile& key) {
    if (key.made) {
      spdlog::info("the operator's key was written to {}", key.path.string());
    } else if (std::filesystem::exists(key.path)) {
      spdlog::info("the operator's key is in {}", key.path.string());
    }
  }

  Status listen() {
    metrics_.show("bitvault_feed_waiting", "Readers that wait for an event",
                  [this] { return static_cast<double>(bus_.listeners()); });
    metrics_.show("bitvault_feed_pages_shared_total",
                  "Pages that were answered with the bytes of an earlier answer",
                  [this] { return static_cast<double>(pages_.hits()); });
    metrics_.show("bitvault_feed_shared_bytes", "Memory of pages that are kept for others",
                  [this] { return static_cast<double>(pages_.bytes()); });
    metrics_.show("bitvault_retention_events_expired_total",
                  "Events that retention took out of the journals",
                  [this] { return static_cast<double>(retention_->events_expired()); });
    metrics_.show("bitvault_retention_events_pruned_total", "Events whose bytes retention deleted",
                  [this] { return static_cast<double>(retention_->events_pruned()); });
    api_ = std::make_unique<api::Api>(api::Services{.world = world_,
                                                    .store = *store_,
                                                    .feed = *feed_,
                                                    .live = *live_,
                                                    .keys = *keys_,
                                                    .catalog = Catalog::builtin(),
                                                    .cursors = *cursors_,
                                                    .metrics = metrics_,
                                                    .version = BITVAULT_VERSION,
                                                    .limits = &*limits_,
                                                    .pages = &pages_,
                                                    .tenant_changed = [this] { look_now(); },
                                                    .webhooks = &deliveries_->webhooks(),
                                                    .attempts = &deliveries_->attempts()});
    deliveries_->show(metrics_);
    http::ServerOptions options;
    options.address = options_.listen_address;
    options.port = options_.listen_port;
    options.tls = tls_.get();
    options.connections_max = connections_max(options.connections_max);
    options.threads = options_.threads != 0 ? options_.threads
                                            : std::max(1u, std::thread::hardware_concurrency());
    options.stream_threads = std::max(1u, options.threads / 2);
    auto server = http::Server::start(options, *api_, world_);
    if (!server) {
      return fail(std::move(server.error()));
    }
    server_ = std::move(*server);
    metrics_.show(server_->counters());
    const bool v6 = options_.listen_address.find(':') != std::string::npos;
    spdlog::info("listening on {}://{}{}{}:{}", tls_ ? "https" : "http", v6 ? "[" : "",
                 options_.listen_address, v6 ? "]" : "", server_->port());
    return {};
  }

  // From any thread.
  void look_now() {
    for (auto* work : {&purge_, &let_go_, &summarize_}) {
      (*work)->notify();
    }
  }

  Task<bool> purge_round() {
    const Result<bool> more = co_await store_->purge_deleted();
    if (!more) {
      spdlog::warn("deleting a tenant's rows: {}", more.error().detail);
    }
    co_return more.value_or(false);
  }

  Task<bool> rest_round() {
    store_->copy_at_rest();
    co_return false;
  }

  Task<bool> retention_round() {
    const Retention::Outcome outcome = co_await retention_->round();
    if (outcome.trouble) {
      spdlog::warn("letting go of old events: {}", outcome.trouble->detail);
    }
    co_return outcome.more;
  }

  Task<bool> summarizer_round() {
    const BlockSummarizer::Outcome outcome = co_await summarizer_->round();
    if (outcome.trouble) {
      spdlog::warn("summarizing events: {}", outcome.trouble->detail);
    }
    co_return outcome.more;
  }

  const cli::ServeOptions& options_;
  World& world_;
  const Executor control_;
  net::thread_pool writer_{1};
  net::thread_pool readers_{kReaderThreads};
  net::thread_pool files_{kFileThreads};
  HeadBus bus_;
  std::unique_ptr<SqliteStore> store_;
  std::optional<Keys> keys_;
  std::optional<CursorCodec> cursors_;
  std::optional<api::RateLimits> limits_;
  std::optional<Feed> feed_;
  std::optional<LiveFeed> live_;
  api::PageCache pages_;
  api::Metrics metrics_;
  std::unique_ptr<Deliveries> deliveries_;
  bool deliveries_started_ = false;
  std::atomic<Deliveries*> hears_heads_ = nullptr;
  Watchers watchers_;
  std::optional<Reconciler> purge_;
  std::optional<Reconciler> copy_at_rest_;
  std::optional<Retention> retention_;
  std::optional<Reconciler> let_go_;
  std::optional<BlockSummarizer> summarizer_;
  std::optional<Reconciler> summarize_;
  TaskGroup tasks_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<http::Tls> tls_;
  std::unique_ptr<http::Server> server_;
};

// The whole life of a server, on the main thread.
Task<int> live(const cli::ServeOptions& options, World& world,
               std::optional<std::string> master_key_file, net::signal_set& signals) {
  const Executor control = co_await net::this_coro::executor;
  EmbeddedServer server(options, world, control);
  const Status started = co_await server.start(std::move(master_key_file));
  if (!started) {
    co_await server.stop();
    fmt::print(stderr, "bitvault-events: {}\n", started.error().detail);
    co_return 2;
  }
  int number = SIGHUP;
  while (number == SIGHUP) {
    const auto [error, caught] = co_await signals.async_wait(net::as_tuple(net::use_awaitable));
    number = error ? SIGTERM : caught;
    if (number == SIGHUP) {
      server.reload_certificate();
    }
  }
  spdlog::info("{}: draining", ::strsignal(number));
  co_await server.stop();
  spdlog::info("stopped");
  co_return 0;
}

}  // namespace

int serve(const cli::ServeOptions& options, World& world,
          const std::optional<std::string>& master_key_file) {
  set_up_log(options);
  if (const Status supported = check_supported(options); !supported) {
    fmt::print(stderr, "bitvault-events: {}\n", supported.error().detail);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  net::io_context context(1);
  net::signal_set signals(context, SIGTERM, SIGINT);
  if (!options.tls_cert.empty()) {
    signals.add(SIGHUP);
  }
  int code = 1;
  net::co_spawn(context, live(options, world, master_key_file, signals),
                [&](std::exception_ptr failure, int result) {
                  code = result;
                  if (failure) {
                    std::rethrow_exception(failure);
                  }
                });
  context.run();
  return code;
}

}  // namespace bitvault::app
