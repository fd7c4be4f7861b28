#include "api/metrics.h"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>

namespace bitvault::api {
namespace {

// The line of a sample, "" when there is none.
std::string sample(Metrics& metrics, const std::string& name) {
  std::istringstream lines(metrics.render());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) {
      return line;
    }
  }
  return "";
}

TEST(Metrics, CountsWhatItIsTold) {
  Metrics metrics;
  metrics.published(3, 1);
  metrics.published(1, 0);
  metrics.fed(5);
  EXPECT_EQ(sample(metrics, "bitvault_events_published_total"),
            "bitvault_events_published_total 4");
  EXPECT_EQ(sample(metrics, "bitvault_events_duplicate_total"),
            "bitvault_events_duplicate_total 1");
  EXPECT_EQ(sample(metrics, "bitvault_events_fed_total"), "bitvault_events_fed_total 5");
}

TEST(Metrics, ReadsWhatIsShownEachTime) {
  Metrics metrics;
  double value = 5;
  metrics.show("bitvault_test_waiting", "Waiting", [&] { return value; });
  metrics.show("bitvault_test_total", "All", [&] { return value; }, {{"kind", "a"}});
  EXPECT_EQ(sample(metrics, "bitvault_test_waiting"), "bitvault_test_waiting 5");
  EXPECT_EQ(sample(metrics, "bitvault_test_total{kind=\"a\"}"),
            "bitvault_test_total{kind=\"a\"} 5");
  value = 2;
  EXPECT_EQ(sample(metrics, "bitvault_test_waiting"), "bitvault_test_waiting 2");
  EXPECT_EQ(sample(metrics, "bitvault_test_total{kind=\"a\"}"), "bitvault_test_total{kind=\"a\"} 5")
      << "what only grows does not shrink";
  value = 7;
  EXPECT_EQ(sample(metrics, "bitvault_test_total{kind=\"a\"}"),
            "bitvault_test_total{kind=\"a\"} 7");
}

TEST(Metrics, ShowsAllThatTheServerCounts) {
  Metrics metrics;
  http::ServerCounters counters;
  metrics.show(counters);
  counters.connections_open.add(1);
  counters.connections_parked.add(2);
  counters.connections_accepted.add(3);
  counters.connections_turned_away.add(4);
  counters.accept_failures.add(5);
  counters.handshakes_failed.add(9);
  counters.clients_gone.add(6);
  for (std::size_t i = 0; i < counters.answers.size(); ++i) {
    counters.answers[i].add(10 + i);
  }
  counters.bytes_received.add(20);
  counters.bytes_sent.add(21);
  for (const std::string line :
       {"bitvault_http_connections_open 1", "bitvault_http_connections_parked 2",
        "bitvault_http_connections_accepted_total 3",
        "bitvault_http_connections_turned_away_total 4", "bitvault_http_accept_failures_total 5",
        "bitvault_http_handshakes_failed_total 9", "bitvault_http_clients_gone_total 6",
        "bitvault_http_answers_total{status=\"1xx\"} 10",
        "bitvault_http_answers_total{status=\"2xx\"} 11",
        "bitvault_http_answers_total{status=\"3xx\"} 12",
        "bitvault_http_answers_total{status=\"4xx\"} 13",
        "bitvault_http_answers_total{status=\"5xx\"} 14", "bitvault_http_received_bytes_total 20",
        "bitvault_http_sent_bytes_total 21"}) {
    EXPECT_EQ(sample(metrics, line.substr(0, line.rfind(' '))), line);
  }
}

TEST(Metrics, ShowDistributions) {
  Metrics metrics;
  metrics.show("bitvault_test_seconds", "Time",
               [] { return Histogram{.bounds = {0.1, 1}, .counts = {3, 0, 2}, .sum = 7.5}; });
  EXPECT_NE(metrics.render().find("# TYPE bitvault_test_seconds histogram"), std::string::npos);
  EXPECT_EQ(sample(metrics, "bitvault_test_seconds_bucket{le=\"0.1\"}"),
            "bitvault_test_seconds_bucket{le=\"0.1\"} 3");
  EXPECT_EQ(sample(metrics, "bitvault_test_seconds_bucket{le=\"1\"}"),
            "bitvault_test_seconds_bucket{le=\"1\"} 3");
  EXPECT_EQ(sample(metrics, "bitvault_test_seconds_bucket{le=\"+Inf\"}"),
            "bitvault_test_seconds_bucket{le=\"+Inf\"} 5");
  EXPECT_EQ(sample(metrics, "bitvault_test_seconds_count"), "bitvault_test_seconds_count 5");
  EXPECT_EQ(sample(metrics, "bitvault_test_seconds_sum"), "bitvault_test_seconds_sum 7.5");
}

// https://prometheus.io/docs/practices/naming and the text format 0.0.4.
TEST(Metrics, AreNamedAsPrometheusWants) {
  Metrics metrics;
  const http::ServerCounters counters;
  metrics.show(counters);
  metrics.show("bitvault_feed_waiting", "Readers that wait", [] { return 1.0; });
  const std::regex help("# HELP (bitvault_[a-z_]+) [A-Z].*");
  const std::regex type("# TYPE (bitvault_[a-z_]+) (counter|gauge)");
  const std::regex value(R"((bitvault_[a-z_]+)(\{[a-z]+="[0-9a-z]+"\})? [0-9.e+]+)");
  std::istringstream lines(metrics.render());
  std::smatch parts;
  std::string name;
  std::size_t families = 0;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, parts, help)) {
      name = parts[1];
      ++families;
    } else if (std::regex_match(line, parts, type)) {
      EXPECT_EQ(parts[1], name);
      EXPECT_EQ(parts[2] == "counter", name.ends_with("_total")) << line;
    } else {
      ASSERT_TRUE(std::regex_match(line, parts, value)) << line;
      EXPECT_EQ(parts[1], name) << "a family's samples stand together, with one help";
    }
  }
  EXPECT_EQ(families, 16u);
}

}  // namespace
}  // namespace bitvault::api
