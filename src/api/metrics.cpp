#include "api/metrics.h"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <mutex>
#include <vector>

namespace bitvault::api {

namespace {

prometheus::ClientMetric::Histogram collect(const Histogram& histogram) {
  prometheus::ClientMetric::Histogram collected;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    collected.sample_count += histogram.counts[i];
    const bool bounded = i < histogram.bounds.size();
    collected.bucket.push_back(
        {.cumulative_count = collected.sample_count,
         .upper_bound = bounded ? histogram.bounds[i] : std::numeric_limits<double>::infinity()});
  }
  collected.sample_sum = histogram.sum;
  return collected;
}

}  // namespace

struct Metrics::Impl {
  // One of the two is set.
  struct Shown {
    prometheus::Gauge* gauge;
    prometheus::Counter* counter;
    std::function<double()> read;
  };

  prometheus::Counter& counter(const std::string& name, const std::string& help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
  }

  prometheus::Registry registry;
  prometheus::Counter& events_published =
      counter("bitvault_events_published_total", "Events committed through the API");
  prometheus::Counter& events_duplicate =
      counter("bitvault_events_duplicate_total", "Published events that the journal already held");
  prometheus::Counter& events_fed =
      counter("bitvault_events_fed_total", "Events given out by the change feed");
  std::mutex mutex;
  std::vector<Shown> shown;  // guarded by mutex
  struct Distribution {
    std::string name;
    std::string help;
    std::function<Histogram()> read;
  };
  std::vector<Distribution> distributions;  // guarded by mutex
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::published(std::size_t events, std::size_t duplicates) {
  impl_->events_published.Increment(static_cast<double>(events));
  impl_->events_duplicate.Increment(static_cast<double>(duplicates));
}

void Metrics::fed(std::size_t events) { impl_->events_fed.Increment(static_cast<double>(events)); }

void Metrics::show(const std::string& name, const std::string& help, std::function<double()> read,
                   const std::map<std::string, std::string>& labels) {
  auto& registry = impl_->registry;
  const bool grows = name.ends_with("_total");
  const Impl::Shown shown{
      .gauge = grows
                   ? nullptr
                   : &prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels),
      .counter =
          grows ? &prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels)
                : nullptr,
      .read = std::move(read)};
  const std::lock_guard lock(impl_->mutex);
  impl_->shown.push_back(shown);
}

void Metrics::show(const std::string& name, const std::string& help,
                   std::function<Histogram()> read) {
  const std::lock_guard lock(impl_->mutex);
  impl_->distributions.push_back({name, help, std::move(read)});
}

void Metrics::show(const http::ServerCounters& counters) {
  const auto of = [](const http::Counter& counter) {
    return [&counter] { return static_cast<double>(counter.value()); };
  };
  show("bitvault_http_connections_open", "Connections that are open",
       of(counters.connections_open));
  show("bitvault_http_connections_parked", "Open connections that idle and have no buffer",
       of(counters.connections_parked));
  show("bitvault_http_connections_accepted_total", "Connections that were accepted",
       of(counters.connections_accepted));
  show("bitvault_http_connections_turned_away_total", "Connections beyond the limit",
       of(counters.connections_turned_away));
  show("bitvault_http_handshakes_failed_total", "Connections whose TLS handshake did not succeed",
       of(counters.handshakes_failed));
  show("bitvault_http_accept_failures_total", "Connections that could not be accepted",
       of(counters.accept_failures));
  show("bitvault_http_clients_gone_total",
       "Clients that left during a request that took long, or a stream", of(counters.clients_gone));
  show("bitvault_http_streams", "Event streams that are open", of(counters.streams_open));
  show("bitvault_http_streams_too_slow_total",
       "Streams ended because the client did not take what was sent",
       of(counters.streams_too_slow));
  for (std::size_t i = 0; i < counters.answers.size(); ++i) {
    show("bitvault_http_answers_total", "HTTP answers by class of status, refusals included",
         of(counters.answers[i]), {{"status", fmt::format("{}xx", i + 1)}});
  }
  show("bitvault_http_received_bytes_total", "Bytes received", of(counters.bytes_received));
  show("bitvault_http_sent_bytes_total", "Bytes sent", of(counters.bytes_sent));
}

std::string Metrics::render() {
  const std::lock_guard lock(impl_->mutex);
  for (const Impl::Shown& shown : impl_->shown) {
    if (shown.gauge != nullptr) {
      shown.gauge->Set(shown.read());
    } else {
      shown.counter->Increment(shown.read() - shown.counter->Value());
    }
  }
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  for (const Impl::Distribution& shown : impl_->distributions) {
    prometheus::ClientMetric metric;
    metric.histogram = collect(shown.read());
    families.push_back({.name = shown.name,
                        .help = shown.help,
                        .type = prometheus::MetricType::Histogram,
                        .metric = {std::move(metric)}});
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace bitvault::api
