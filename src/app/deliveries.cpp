#include "app/deliveries.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace bitvault::app {
namespace asio = boost::asio;

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

void Deliveries::show(api::Metrics& metrics) const {
  show_counters(metrics);
  show_census(metrics);
  metrics.show("bitvault_delivery_latency_seconds", "Time an attempt took, whatever came of it",
               [this] {
                 using Counters = delivery::EngineCounters;
                 const Counters& counters = engine_.counters();
                 api::Histogram histogram;
                 for (const std::chrono::duration<double> most : Counters::kLatencyMost) {
                   histogram.bounds.push_back(most.count());
                 }
                 for (const auto& bucket : counters.latency) {
                   histogram.counts.push_back(bucket.load(std::memory_order_relaxed));
                 }
                 histogram.sum = static_cast<double>(counters.latency_micros.load()) / 1e6;
                 return histogram;
               });
}

void Deliveries::show_counters(api::Metrics& metrics) const {
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

void Deliveries::show_census(api::Metrics& metrics) const {
  using Report = delivery::CensusReport;
  const auto show = [&](const std::string& name, const std::string& help, auto read,
                        const std::map<std::string, std::string>& labels = {}) {
    metrics.show(
        name, help, [this, read] { return static_cast<double>(read(engine_.census())); }, labels);
  };
  const std::string all = "bitvault_delivery_subscriptions";
  const std::string help = "Subscriptions, webhooks among them";
  show(all, help, [](const Report& report) { return report.enabled; }, {{"state", "enabled"}});
  show(all, help, [](const Report& report) { return report.disabled; }, {{"state", "disabled"}});
  show("bitvault_delivery_failing", "Enabled subscriptions whose last attempts all failed",
       [](const Report& report) { return report.failing; });
  show("bitvault_delivery_breakers_open", "Enabled subscriptions that are only probed",
       [](const Report& report) { return report.breakers_open; });
  show("bitvault_delivery_replays", "Replays that are running",
       [](const Report& report) { return report.replays; });
  show("bitvault_delivery_retries_waiting", "Events that wait for another attempt",
       [](const Report& report) { return report.debts; });
  show("bitvault_delivery_tenants_waiting", "Tenants that wait for their journal to be read",
       [](const Report& report) { return report.tenants_waiting; });
  show("bitvault_delivery_slots_wanted", "Subscriptions that wait for an attempt to end",
       [](const Report& report) { return report.slots_wanted; });
  for (std::size_t i = 0; i < Report::kQuantiles.size(); ++i) {
    const std::map<std::string, std::string> label{
        {"quantile", fmt::format("{}", Report::kQuantiles[i])}};
    show(
        "bitvault_delivery_lag_events",
        "Events an enabled subscription has not settled, over all of them",
        [i](const Report& report) { return report.lag_events[i]; }, label);
    show(
        "bitvault_delivery_lag_seconds",
        "Age of the oldest event an enabled subscription has not settled, over all of them",
        [i](const Report& report) { return report.lag_seconds[i]; }, label);
  }
}

}  // namespace bitvault::app
