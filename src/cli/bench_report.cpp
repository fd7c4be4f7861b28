#include "cli/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/text.h"
#include "cli/console.h"

namespace bitvault::cli {
namespace {

struct Quantile {
  unsigned per_mille;
  const char* title;
  const char* member;
};
constexpr std::array<Quantile, 5> kQuantiles = {{{500, "p50", "p50"},
                                                 {900, "p90", "p90"},
                                                 {990, "p99", "p99"},
                                                 {999, "p99.9", "p99_9"},
                                                 {1000, "max", "max"}}};

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
double milliseconds(Duration duration) { return seconds(duration) * 1e3; }

double per_second(std::uint64_t count, const BenchTally& tally) {
  return static_cast<double>(count) / std::max(seconds(tally.elapsed), 1e-6);
}

// Three digits that count: "0.04 ms", "8.2 ms", "1.25 s".
std::string latency_text(Duration latency) {
  const double ms = milliseconds(latency);
  return ms < 1      ? fmt::format("{:.2f} ms", ms)
         : ms < 100  ? fmt::format("{:.1f} ms", ms)
         : ms < 1000 ? fmt::format("{:.0f} ms", ms)
                     : fmt::format("{:.2f} s", ms / 1e3);
}

// "41,210"
std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) {
    text.insert(at - 3, ",");
  }
  return text;
}

std::string grouped_rate(std::uint64_t count, const BenchTally& tally) {
  const double rate = per_second(count, tally);
  return rate < 100 ? fmt::format("{:.1f}", rate)
                    : grouped(static_cast<std::uint64_t>(std::llround(rate)));
}

std::vector<std::string> row(const std::string& name, std::uint64_t count, const BenchTally& tally,
                             const LatencyHistogram* latencies) {
  std::vector<std::string> cells = {name, grouped(count), grouped_rate(count, tally)};
  if (latencies != nullptr && latencies->count() > 0) {
    for (const Quantile& quantile : kQuantiles) {
      cells.push_back(latency_text(latencies->quantile(quantile.per_mille)));
    }
  }
  return cells;
}

std::string heading(const BenchPlan& plan, const BenchTally& tally) {
  const std::string pace = plan.rate == 0 ? "as fast as answers come"
                                          : fmt::format("{} requests a second", grouped(plan.rate));
  return fmt::format("{}: {:.1f} s{}, {} connection{}, {} {} a {}, {}\n", name_of(plan.mode),
                     seconds(tally.elapsed), tally.interrupted ? " (interrupted)" : "",
                     plan.connections, plan.connections == 1 ? "" : "s", grouped(plan.batch),
                     plan.batch == 1 ? "event" : "events",
                     plan.mode == BenchMode::kFeed ? "page" : "request", pace);
}

std::string complaints(const BenchPlan& plan, const BenchTally& tally) {
  std::string text;
  if (tally.errors.empty()) {
    text += "errors: none\n";
  } else {
    text += fmt::format("errors: {} requests\n", grouped(tally.failed()));
    std::vector<std::vector<std::string>> rows;
    rows.reserve(tally.errors.size());
    for (const auto& [code, count] : tally.errors) {
      rows.push_back({"  " + printable(code), grouped(count)});
    }
    text += table(rows);
  }
  if (tally.missing > 0) {
    text += fmt::format("missing: {} events were published and not seen on the stream\n",
                        grouped(tally.missing));
  }
  if (tally.overdue > 0) {
    text += fmt::format(
        "not sent: {} requests were due at this rate, but all {} connections were busy; they are "
        "in no latency above\n",
        grouped(tally.overdue), plan.connections);
  }
  return text;
}

std::string json_latencies(const LatencyHistogram& latencies) {
  std::string text = fmt::format(R"({{"count":{},"mean":{:.3f})", latencies.count(),
                                 milliseconds(latencies.mean()));
  for (const Quantile& quantile : kQuantiles) {
    text += fmt::format(R"(,"{}":{:.3f})", quantile.member,
                        milliseconds(latencies.quantile(quantile.per_mille)));
  }
  return text + "}";
}

}  // namespace

std::uint64_t BenchTally::failed() const {
  return std::accumulate(errors.begin(), errors.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& error) { return sum + error.second; });
}

std::string_view name_of(BenchMode mode) {
  switch (mode) {
    case BenchMode::kPublish:
      return "publish";
    case BenchMode::kFeed:
      return "feed";
    case BenchMode::kLatency:
      return "latency";
  }
  return "";
}

std::string bench_progress(const BenchPlan& plan, const BenchTally& tally) {
  const LatencyHistogram& latencies =
      plan.mode == BenchMode::kLatency ? tally.seen : tally.answered;
  return fmt::format("{:.0f} of {:.0f} s: {} events, {} a second, p99 {}, {} errors",
                     seconds(std::min(tally.elapsed, plan.duration)), seconds(plan.duration),
                     grouped(tally.events), grouped_rate(tally.events, tally),
                     latency_text(latencies.quantile(990)), grouped(tally.failed()));
}

std::string bench_table(const BenchPlan& plan, const BenchTally& tally) {
  std::vector<std::vector<std::string>> rows = {{"", "count", "a second"}};
  for (const Quantile& quantile : kQuantiles) {
    rows.front().emplace_back(quantile.title);
  }
  const bool reads = plan.mode == BenchMode::kFeed;
  rows.push_back(row(reads ? "pages" : "requests", tally.answered.count(), tally, &tally.answered));
  rows.push_back(row("events", tally.events, tally, nullptr));
  if (plan.mode == BenchMode::kLatency) {
    rows.push_back(row("seen on a stream", tally.seen.count(), tally, &tally.seen));
  }
  return heading(plan, tally) + table(rows) +
         fmt::format("{:.1f} MB a second\n", per_second(tally.bytes, tally) / 1e6) +
         complaints(plan, tally);
}

std::string bench_json(const BenchPlan& plan, const BenchTally& tally) {
  std::string text = fmt::format(
      R"({{"mode":"{}","connections":{},"batch":{},"rate":{},"seconds":{:.3f},"interrupted":{},)"
      R"("requests":{},"requests_per_second":{:.1f},"events":{},"events_per_second":{:.1f},)"
      R"("bytes":{},"latency_ms":{})",
      name_of(plan.mode), plan.connections, plan.batch,
      plan.rate == 0 ? "null" : std::to_string(plan.rate), seconds(tally.elapsed),
      tally.interrupted, tally.answered.count(), per_second(tally.answered.count(), tally),
      tally.events, per_second(tally.events, tally), tally.bytes, json_latencies(tally.answered));
  if (plan.mode == BenchMode::kLatency) {
    text += fmt::format(R"(,"seen":{{"missing":{},"latency_ms":{}}})", tally.missing,
                        json_latencies(tally.seen));
  }
  text += fmt::format(R"(,"not_sent":{},"errors":{{)", tally.overdue);
  for (const auto& [code, count] : tally.errors) {
    text += fmt::format("{}{}:{}", text.ends_with('{') ? "" : ",", json_string(code), count);
  }
  return text + "}}";
}

}  // namespace bitvault::cli
