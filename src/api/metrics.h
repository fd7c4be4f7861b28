// What the server counts, for Prometheus. No label names a tenant, a subscription or a URL.
// Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace bitvault::api {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  void answered(unsigned http_status);
  void published(std::size_t events, std::size_t duplicates);
  void fed(std::size_t events);

  // A value that is read when the metrics are.
  void gauge(const std::string& name, const std::string& help, std::function<double()> read);

  // The Prometheus text format 0.0.4.
  [[nodiscard]] std::string render();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitvault::api
