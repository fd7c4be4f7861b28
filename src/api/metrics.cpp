#include "api/metrics.h"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <mutex>
#include <vector>

namespace bitvault::api {

struct Metrics::Impl {
  struct Gauge {
    prometheus::Gauge* gauge;
    std::function<double()> read;
  };

  prometheus::Counter& counter(const std::string& name, const std::string& help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
  }

  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& answers = prometheus::BuildCounter()
                                                         .Name("bitvault_http_answers_total")
                                                         .Help("HTTP answers by class of status")
                                                         .Register(registry);
  std::array<prometheus::Counter*, 6> answers_by_class{};
  prometheus::Counter& events_published =
      counter("bitvault_events_published_total", "Events committed through the API");
  prometheus::Counter& events_duplicate =
      counter("bitvault_events_duplicate_total", "Published events that the journal already held");
  prometheus::Counter& events_fed =
      counter("bitvault_events_fed_total", "Events given out by the change feed");
  std::mutex mutex;
  std::vector<Gauge> gauges;  // guarded by mutex
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {
  for (std::size_t i = 1; i < impl_->answers_by_class.size(); ++i) {
    impl_->answers_by_class[i] = &impl_->answers.Add({{"status", fmt::format("{}xx", i)}});
  }
}

Metrics::~Metrics() = default;

void Metrics::answered(unsigned http_status) {
  const unsigned status_class = http_status / 100;
  if (status_class >= 1 && status_class <= 5) {
    impl_->answers_by_class[status_class]->Increment();
  }
}

void Metrics::published(std::size_t events, std::size_t duplicates) {
  impl_->events_published.Increment(static_cast<double>(events));
  impl_->events_duplicate.Increment(static_cast<double>(duplicates));
}

void Metrics::fed(std::size_t events) { impl_->events_fed.Increment(static_cast<double>(events)); }

void Metrics::gauge(const std::string& name, const std::string& help,
                    std::function<double()> read) {
  auto& gauge = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry).Add({});
  const std::lock_guard lock(impl_->mutex);
  impl_->gauges.push_back({&gauge, std::move(read)});
}

std::string Metrics::render() {
  const std::lock_guard lock(impl_->mutex);
  for (const Impl::Gauge& gauge : impl_->gauges) {
    gauge.gauge->Set(gauge.read());
  }
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace bitvault::api
