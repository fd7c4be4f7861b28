#include "cli/bench_report.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace bitvault::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

BenchTally tally_of_two_seconds() {
  BenchTally tally;
  for (int i = 0; i < 1'000; ++i) {
    tally.answered.record(i == 999 ? Duration(1'250'000) : Duration(i == 998 ? 150'000 : 40));
  }
  tally.events = 100'000;
  tally.bytes = 5'000'000;
  tally.elapsed = seconds(2);
  return tally;
}

TEST(BenchReport, IsATable) {
  const BenchPlan plan{.duration = seconds(2), .connections = 8, .batch = 100};
  EXPECT_EQ(bench_table(plan, tally_of_two_seconds()),
            "publish: 2.0 s, 8 connections, 100 events a request, as fast as answers come\n"
            "          count    a second  p50      p90      p99      p99.9   max\n"
            "requests  1,000    500       0.04 ms  0.04 ms  0.04 ms  152 ms  1.25 s\n"
            "events    100,000  50,000\n"
            "2.5 MB a second\n"
            "errors: none\n");
}

TEST(BenchReport, TellsWhatDidNotGoWell) {
  const BenchPlan plan{
      .mode = BenchMode::kLatency, .duration = seconds(9), .connections = 1, .rate = 2'000};
  BenchTally tally;
  tally.elapsed = seconds(2);
  tally.interrupted = true;
  tally.errors = {{"rate_limited", 1'200}, {"timeout", 3}};
  tally.missing = 4;
  tally.overdue = 1'000'000;
  const std::string text = bench_table(plan, tally);
  for (const char* part :
       {"latency: 2.0 s (interrupted), 1 connection, 1 event a request, "
        "2,000 requests a second\n",
        "seen on a stream  0      0.0\n", "errors: 1,203 requests\n", "  rate_limited  1,200\n",
        "  timeout       3\n", "missing: 4 events were published and not seen",
        "not sent: 1,000,000 requests were due"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(BenchReport, IsAnObjectForPrograms) {
  const BenchPlan plan{.duration = seconds(2), .connections = 8, .batch = 100};
  const std::string text = bench_json(plan, tally_of_two_seconds());
  const auto json = Json::parse(text);
  ASSERT_TRUE(json) << text;
  EXPECT_EQ(json->text_of("mode"), "publish");
  EXPECT_EQ(json->member("rate")->raw(), "null");
  EXPECT_EQ(json->text_of("seconds"), "2.000");
  EXPECT_EQ(json->text_of("requests"), "1000");
  EXPECT_EQ(json->text_of("events_per_second"), "50000.0");
  const auto latency = json->member("latency_ms");
  EXPECT_EQ(latency->text_of("p50"), "0.040");
  EXPECT_EQ(latency->text_of("max"), "1250.000");
  EXPECT_EQ(json->member("errors")->raw(), "{}");
  EXPECT_FALSE(json->member("seen"));

  BenchTally tally;
  tally.errors = {{"a\"b", 1}, {"c", 2}};
  tally.missing = 7;
  const BenchPlan latency_plan{.mode = BenchMode::kLatency, .rate = 5};
  const std::string other = bench_json(latency_plan, tally);
  const auto errors = Json::parse(other)->member("errors");
  EXPECT_EQ(errors->text_of("a\"b"), "1");
  EXPECT_EQ(errors->text_of("c"), "2");
  EXPECT_EQ(Json::parse(other)->member("seen")->text_of("missing"), "7");
  EXPECT_EQ(Json::parse(other)->text_of("rate"), "5");
}

TEST(BenchReport, HasALineOfProgress) {
  const BenchPlan plan{.duration = seconds(10)};
  EXPECT_EQ(bench_progress(plan, tally_of_two_seconds()),
            "2 of 10 s: 100,000 events, 50,000 a second, p99 0.04 ms, 0 errors");
  BenchTally late;
  late.elapsed = milliseconds(12'000);
  EXPECT_TRUE(bench_progress(plan, late).starts_with("10 of 10 s: 0 events, 0.0 a second"));
}

}  // namespace
}  // namespace bitvault::cli
