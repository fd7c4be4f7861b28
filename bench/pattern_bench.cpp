// Event patterns beside their limit, in one run on one machine: simdjson parsing the same event.
//   one pattern      on a committed event of bench/event.json
//   10,000 patterns  of one tenant, in a set
// All are measured in turn, for several rounds; the table shows the medians.

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "event/event.h"
#include "event/parse.h"
#include "pattern/pattern_set.h"

namespace {

using bitvault::Matcher;
using bitvault::Pattern;
using bitvault::PatternSet;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPatterns = 10'000;

std::string committed_event() {
  const char* const source = std::getenv("BITVAULT_SOURCE_DIR");
  std::ifstream file(std::string(source != nullptr ? source : BITVAULT_SOURCE_DIR) +
                     "/bench/event.json");
  const std::string text{std::istreambuf_iterator(file), {}};
  const auto drafts = bitvault::parse_event(text);
  bitvault::check(drafts.has_value(), "bench/event.json is an event");
  auto event = bitvault::encode(
      drafts->front(), {.tenant = *bitvault::TenantName::parse("bench"),
                        .id = *bitvault::EventId::parse("0197f3a1-5c1e-7b7e-8d6a-2f1f60a1b2c3"),
                        .time = bitvault::WallTime{},
                        .dataschema = "/v1/catalog/bitvault.node.created.v1/schema.json",
                        .partitionkey = "n_7f3a9c1e",
                        .subject = "/invoices/2026/invoice-2026-11.pdf",
                        .traceparent = std::nullopt});
  bitvault::check(event.has_value(), "the event can be encoded");
  return event->bytes;
}

// One of 40, among them that of the event.
std::string type(std::size_t i) {
  return i % 40 == 0 ? "bitvault.node.created.v1"
                     : fmt::format("bitvault.kind{}.changed.v1", i % 40);
}

// What subscriptions of one tenant ask for; less than one in 100 wants the event.
std::string pattern(std::size_t i) {
  const std::size_t few = i % 200 == 0 ? 0 : i;
  switch (i % 10) {
    case 0:
    case 1:
      return fmt::format(
          R"({{"type":["bitvault.node.created.v1"],"data":{{"node":{{"parentId":["n_{}b"]}}}}}})",
          few == 0 ? 2 : i);
    case 2:  // sizes are strings in protobuf's JSON, but that has to be found out
      return fmt::format(
          R"({{"type":["{}"],"data":{{"node":{{"size":[{{"numeric":[">",{}]}}]}}}}}})",
          type(i / 10), i);
    case 3:
      return fmt::format(
          R"({{"type":[{{"prefix":"bitvault.node."}}],"data":{{"node":{{"path":[{{"prefix":"/team-{}/"}}]}}}}}})",
          i);
    case 4:
      return fmt::format(R"({{"partitionkey":["n_{}"]}})", i);
    case 5:
      return fmt::format(
          R"({{"data":{{"node":{{"name":[{{"suffix":"-{}.pdf"}}],"kind":["NODE_KIND_FILE"]}}}}}})",
          i);
    case 6:
      return fmt::format(
          R"({{"data":{{"node":{{"path":[{{"wildcard":"/team-{}/*/invoice-*"}}]}}}}}})", i);
    case 7:
      return fmt::format(R"({{"type":["{}"],"data":{{{}}}}})", type(i / 20),
                         i % 20 == 7 ? R"("actor":{"kind":[{"anything-but":"ACTOR_KIND_USER"}]})"
                                     : R"("share":{"id":[{"exists":false}]})");
    case 8:
      return fmt::format(
          R"({{"$or":[{{"data":{{"actor":{{"id":["u_{0}"]}}}}}},{{"subject":["/home/{0}"]}}]}})",
          i);
    default:
      return fmt::format(
          R"({{"data":{{"actor":{{"id":["u_41f8c2","u_{}"]}},"node":{{"id":["n_{}"]}}}}}})", i, i);
  }
}

// Types alone: every 40th wants the event.
std::string pattern_of_type(std::size_t i) { return fmt::format(R"({{"type":["{}"]}})", type(i)); }

struct Row {
  std::string_view name;
  std::function<void()> once;
  std::string_view aim;
  std::vector<double> nanoseconds = {};
};

double measured(const std::function<void()>& once, std::chrono::nanoseconds time) {
  std::size_t runs = 0;
  const auto begin = Clock::now();
  auto now = begin;
  while (now - begin < time) {
    for (int i = 0; i < 100; ++i) {
      once();
    }
    runs += 100;
    now = Clock::now();
  }
  return std::chrono::duration<double, std::nano>(now - begin).count() / static_cast<double>(runs);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t rounds = 7;
  std::chrono::nanoseconds time = std::chrono::milliseconds(200);
  for (const std::string_view option : std::vector<std::string_view>(argv + 1, argv + argc)) {
    if (option == "--smoke" || option == "--benchmark_min_time=0.001") {
      rounds = 1;
      time = std::chrono::milliseconds(1);
    }
  }
  const std::string event = committed_event();
  const simdjson::padded_string padded(event);
  simdjson::dom::parser parser;
  Matcher matcher;
  const Pattern one = *Pattern::compile(
      R"({"type":[{"prefix":"bitvault.node."}],"data":{"node":{"path":[{"prefix":"/invoices/"}],"kind":["NODE_KIND_FILE"]}}})");
  PatternSet set;
  std::vector<Pattern> patterns;
  patterns.reserve(kPatterns);
  const auto compiling = Clock::now();
  for (std::size_t i = 0; i < kPatterns; ++i) {
    patterns.push_back(*Pattern::compile(pattern(i)));
  }
  const auto adding = Clock::now();
  for (std::size_t i = 0; i < kPatterns; ++i) {
    set.add(i, patterns[i]);
  }
  const auto added = Clock::now();
  PatternSet types;
  for (std::size_t i = 0; i < kPatterns; ++i) {
    types.add(i, *Pattern::compile(pattern_of_type(i)));
  }
  std::size_t matched = 0;
  std::size_t matched_types = 0;

  std::vector<Row> rows;
  rows.push_back({"limit: simdjson parses the event",
                  [&] { bitvault::check(!parser.parse(padded).error(), "valid"); }, ""});
  rows.push_back({"one pattern",
                  [&] { bitvault::check(*matcher.matches(one, event), "the event matches"); },
                  "1,000"});
  rows.push_back(
      {"a set of 10,000 patterns", [&] { matched = set.match(matcher, event)->size(); }, "20,000"});
  rows.push_back({"a set of 10,000 types",
                  [&] { matched_types = types.match(matcher, event)->size(); }, "20,000"});
  for (std::size_t round = 0; round < rounds; ++round) {
    for (Row& row : rows) {
      row.nanoseconds.push_back(measured(row.once, time));
    }
  }
  const std::string title = fmt::format("({} rounds, an event of {} bytes)", rounds, event.size());
  fmt::print("{:<46} {:>10} {:>10} {:>10}\n", title, "ns", "x limit", "at most");
  const double limit = median(rows.front().nanoseconds);
  for (const Row& row : rows) {
    const double took = median(row.nanoseconds);
    fmt::print("{:<46} {:>10.0f} {:>10.2f} {:>10}\n", row.name, took, took / limit, row.aim);
  }
  fmt::print("{} and {} of the sets match; compiling the first took {} ms, adding {} ms\n", matched,
             matched_types,
             std::chrono::duration_cast<std::chrono::milliseconds>(adding - compiling).count(),
             std::chrono::duration_cast<std::chrono::milliseconds>(added - adding).count());
}
