// What the server counts, for Prometheus. No label names a tenant, a subscription or a URL.
// Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "http/counters.h"

namespace bitvault::api {

// A distribution: how many values were at most each bound and more than the one before, then how
// many were beyond all.
struct Histogram {
  std::vector<double> bounds;         // ascending
  std::vector<std::uint64_t> counts;  // one more than bounds
  double sum = 0;                     // of the values
};

class Metrics {
 public:
  Metrics();
  ~Metrics();

  void published(std::size_t events, std::size_t duplicates);
  void fed(std::size_t events);

  // A value that is read when the metrics are. One whose name ends in _total only grows.
  void show(const std::string& name, const std::string& help, std::function<double()> read,
            const std::map<std::string, std::string>& labels = {});
  void show(const std::string& name, const std::string& help, std::function<Histogram()> read);
  // All that the server counts. The counters live as long as render() may be called.
  void show(const http::ServerCounters& counters);

  // The Prometheus text format 0.0.4.
  [[nodiscard]] std::string render();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitvault::api
