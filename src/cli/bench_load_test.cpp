#include "cli/bench_load.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace bitvault::cli {
namespace {

constexpr MonotonicTime kDue{std::chrono::seconds(5)};

net::HttpAnswer answer(unsigned status) { return {.status = status, .headers = {}, .body = ""}; }

net::HttpAnswer page(const std::string& body, const std::string& next, bool more) {
  return {
      .status = 200,
      .headers = {{"bitvault-next-cursor", next}, {"bitvault-has-more", more ? "true" : "false"}},
      .body = body};
}

std::string queried(const Call& call, const std::string& name) {
  const auto found =
      std::ranges::find(call.query, name, &std::pair<std::string, std::string>::first);
  return found == call.query.end() ? "-" : found->second;
}

TEST(Unseen, KnowsEachEventOnce) {
  Unseen unseen;
  unseen.expect(10, 3, kDue);
  EXPECT_EQ(unseen.count(), 3u);
  EXPECT_EQ(unseen.take(11), kDue);
  EXPECT_EQ(unseen.take(11), std::nullopt) << "a second time";
  EXPECT_EQ(unseen.take(13), std::nullopt) << "not expected";
  unseen.forget(10, 3);
  EXPECT_EQ(unseen.count(), 0u);
  EXPECT_EQ(unseen.take(10), std::nullopt);
}

TEST(PublishLoad, NoEventGoesOutTwice) {
  const BenchEvents events("r");
  const BenchPlan plan{.connections = 2, .batch = 3};
  PublishLoad load(plan, "/p", events, nullptr);
  const Call first = load.next(0, kDue);
  const Call second = load.next(1, kDue);
  EXPECT_EQ(first.method, "POST");
  EXPECT_EQ(first.path, "/p");
  EXPECT_EQ(first.content_type, "application/x-ndjson");
  EXPECT_EQ(first.body, events.lines(0, 3)) << "it lives on";
  EXPECT_EQ(second.body, events.lines(3, 3));
  BenchTally tally;
  EXPECT_TRUE(load.answered(1, answer(201), tally));
  EXPECT_EQ(tally.events, 3u);
  EXPECT_EQ(tally.bytes, second.body.size());
  EXPECT_EQ(load.next(1, kDue).body, events.lines(6, 3));

  const BenchPlan single{.connections = 1};
  EXPECT_EQ(PublishLoad(single, "/p", events, nullptr).next(0, kDue).content_type,
            "application/cloudevents+json");
}

TEST(PublishLoad, ExpectsWhatItPublishedUntilThatFails) {
  const BenchEvents events("r");
  const BenchPlan plan{.mode = BenchMode::kLatency, .connections = 3, .batch = 2};
  Unseen unseen;
  PublishLoad load(plan, "/p", events, &unseen);
  BenchTally tally;
  for (std::size_t line = 0; line < 3; ++line) {
    static_cast<void>(load.next(line, kDue + Duration(line)));
  }
  EXPECT_EQ(unseen.count(), 6u);
  load.failed(0);
  EXPECT_FALSE(load.answered(1, answer(200), tally)) << "not what the server answers";
  EXPECT_TRUE(load.answered(2, answer(201), tally));
  EXPECT_EQ(unseen.count(), 2u);
  EXPECT_EQ(unseen.take(4), kDue + Duration(2));
}

TEST(FeedLoad, ReadsToTheHeadAndBeginsAnew) {
  const BenchPlan plan{.mode = BenchMode::kFeed, .connections = 2, .batch = 7};
  FeedLoad load(plan, "/p");
  BenchTally tally;
  const Call first = load.next(0, kDue);
  EXPECT_EQ(first.method, "GET");
  EXPECT_EQ(queried(first, "limit"), "7");
  EXPECT_EQ(queried(first, "cursor"), "-");
  EXPECT_TRUE(load.answered(0, page("{}\n{}\n", "c1", true), tally));
  EXPECT_EQ(queried(load.next(0, kDue), "cursor"), "c1");
  EXPECT_EQ(queried(load.next(1, kDue), "cursor"), "-") << "each line has its own place";
  EXPECT_TRUE(load.answered(0, page("{}\n", "c2", false), tally));
  EXPECT_EQ(queried(load.next(0, kDue), "cursor"), "-");
  EXPECT_EQ(tally.events, 3u);
  EXPECT_EQ(tally.bytes, 9u);

  EXPECT_TRUE(load.answered(1, page("", "c3", true), tally));
  load.failed(1);
  EXPECT_EQ(queried(load.next(1, kDue), "cursor"), "-") << "its cursor may be the reason";
  EXPECT_FALSE(load.answered(1, answer(200), tally)) << "not what the server answers";
}

}  // namespace
}  // namespace bitvault::cli
