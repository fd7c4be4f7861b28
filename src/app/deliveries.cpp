#include "app/deliveries.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace bitvault::app {
namespace {

namespace asio = boost::asio;

}  // namespace

Deliveries::Deliveries(World& world, Store& store, const Catalog& catalog, const SecretKey& master,
                       Options options)
    : options_(std::move(options)),
      world_(world),
      tasks_(thread_.get_executor()),
      attempts_({.folder = options_.folder, .work = files_.get_executor()}, world,
                thread_.get_executor()),
      courier_({.user_agent = "BitVault-Events/" + options_.version}, options_.targets),
      webhooks_({.world = world,
                 .store = store,
                 .catalog = catalog,
                 .outgoing = courier_,
                 .attempts = attempts_,
                 .version = options_.version},
                master, [this](const TenantName& tenant) { engine_.changed(tenant); }),
      engine_(world, store, webhooks_, attempts_, thread_.get_executor()) {}

Deliveries::~Deliveries() {
  thread_.join();
  files_.join();
}

Task<Status> Deliveries::start() {
  Status started =
      co_await asio::co_spawn(thread_.get_executor(), start_here(), asio::use_awaitable);
  co_return started;
}

Task<Status> Deliveries::start_here() {
  tasks_.spawn(attempts_.run());
  if (!options_.delivers) {
    co_return Status();
  }
  Status started = co_await engine_.start();
  co_return started;
}

Task<> Deliveries::stop() {
  co_await asio::co_spawn(thread_.get_executor(), stop_here(), asio::use_awaitable);
}

Task<> Deliveries::stop_here() {
  if (options_.delivers) {
    co_await engine_.stop();
  }
  tasks_.cancel();
  co_await tasks_.join(world_);
}

void Deliveries::show(api::Metrics& metrics) {
  const delivery::EngineCounters& counters = engine_.counters();
  const auto show = [&metrics](const std::string& name, const std::string& help,
                               const std::atomic<std::uint64_t>& value,
                               const std::map<std::string, std::string>& labels = {}) {
    metrics.show(
        name, help, [&value] { return static_cast<double>(value.load(std::memory_order_relaxed)); },
        labels);
  };
  show("bitvault_delivery_attempts_total", "Attempts to deliver an event", counters.delivered,
       {{"outcome", "delivered"}});
  show("bitvault_delivery_attempts_total", "Attempts to deliver an event", counters.failed,
       {{"outcome", "failed"}});
  show("bitvault_delivery_dead_letters_total", "Deliveries that were given up",
       counters.dead_lettered);
  show("bitvault_delivery_in_flight", "Attempts that are under way", counters.in_flight);
  show("bitvault_delivery_commits_total", "Commits of the delivery state", counters.commits);
  metrics.show("bitvault_delivery_attempts_not_logged_total",
               "Attempts that are missing in the log of attempts",
               [this] { return static_cast<double>(attempts_.lost()); });
}

}  // namespace bitvault::app
