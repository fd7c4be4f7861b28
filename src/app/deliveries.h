// What takes events to tenants' targets, put together: the delivery engine on a thread of its own,
// the webhooks it serves, the log of attempts and the way out.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>

#include "api/metrics.h"
#include "base/crypto.h"
#include "base/error.h"
#include "catalog/catalog.h"
#include "delivery/engine.h"
#include "net/courier.h"
#include "store/sqlite/attempt_log.h"
#include "store/store.h"
#include "webhooks/webhooks.h"
#include "world/task_group.h"

namespace bitvault::app {

class Deliveries {
 public:
  struct Options {
    std::string folder;  // of the data
    net::AddressPolicy targets;
    std::string version;
    bool delivers = true;  // or only keeps the configuration
  };

  // What is given outlives it.
  Deliveries(World& world, Store& store, const Catalog& catalog, const SecretKey& master,
             Options options);
  ~Deliveries();  // stop() came before
  Deliveries(const Deliveries&) = delete;
  Deliveries& operator=(const Deliveries&) = delete;

  [[nodiscard]] Task<Status> start();
  // Lets attempts end for a while, and keeps what is known. When nobody uses the webhooks any more.
  [[nodiscard]] Task<> stop();

  // From any thread.
  void advanced(const TenantName& tenant) { engine_.advanced(tenant); }

  [[nodiscard]] webhooks::Webhooks& webhooks() { return webhooks_; }
  [[nodiscard]] AttemptLog& attempts() { return attempts_; }
  // `metrics` does not outlive it.
  void show(api::Metrics& metrics) const;

 private:
  void show_counters(api::Metrics& metrics) const;
  void show_census(api::Metrics& metrics) const;
  [[nodiscard]] Task<Status> start_here();
  [[nodiscard]] Task<> stop_here();

  const Options options_;
  World& world_;
  boost::asio::thread_pool thread_{1};  // the engine's
  boost::asio::thread_pool files_{1};   // of the log of attempts
  TaskGroup tasks_;
  SqliteAttemptLog attempts_;
  net::Courier courier_;
  webhooks::Webhooks webhooks_;
  delivery::Engine engine_;
};

}  // namespace bitvault::app
