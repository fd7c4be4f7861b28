// What the server counts, for Prometheus. No label names a tenant, a subscription or a URL.
// Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "http/counters.h"

namespace bitvault::api {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  void published(std::size_t events, std::size_t duplicates);
  void fed(std::size_t events);

  // A value that is read when the metrics are. One whose name ends in _total only grows.
  void show(const std::string& name, const std::string& help, std::function<double()> read,
            const std::map<std::string, std::string>& labels = {});
  // All that the server counts. The counters live as long as render() may be called.
  void show(const http::ServerCounters& counters);

  // The Prometheus text format 0.0.4.
  [[nodiscard]] std::string render();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitvault::api
