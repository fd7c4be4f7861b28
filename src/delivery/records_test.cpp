#include "delivery/records.h"

#include <gtest/gtest.h>

namespace bitvault::delivery {
namespace {

WallTime at(std::int64_t micros) { return WallTime(Duration(micros)); }

template <class T>
void expect_round_trip(const T& record) {
  const std::string text = to_record(record);
  const Result<T> read = from_record<T>(text);
  ASSERT_TRUE(read) << text;
  EXPECT_EQ(*read, record) << text;
  // Every cut, and every lost member, is noticed.
  for (std::size_t size = 0; size < text.size(); ++size) {
    const Result<T> cut = from_record<T>(std::string_view(text).substr(0, size));
    ASSERT_FALSE(cut) << text.substr(0, size);
    EXPECT_EQ(cut.error().code, Code::kInternal);
  }
  EXPECT_FALSE(from_record<T>("{}"));
  EXPECT_FALSE(from_record<T>("[]"));
}

const TrackRecord kTrack{.position = {7},
                         .matched = {5},
                         .filter_revision = 3,
                         .done = {{9}, {12}, {18'446'744'073'709'551'615u}},
                         .failing_since = at(1'700'000'000'000'001),
                         .failures = 12,
                         .failing_told = true};

TEST(Records, AreReadAsTheyWereWritten) {
  expect_round_trip(kTrack);
  expect_round_trip(TrackRecord{.position = {}, .matched = {}});
  expect_round_trip(ReplayRecord{.track = kTrack,
                                 .until = {90},
                                 .only_failed = true,
                                 .state = ReplayRecord::State::kCancelled,
                                 .since = {3},
                                 .created = at(5),
                                 .ended = at(9),
                                 .matched = 4,
                                 .delivered = 3,
                                 .dead_lettered = 1});
  expect_round_trip(DebtRecord{.sequence = {8},
                               .previous = {5},
                               .key = 0xfedcba9876543210u,
                               .attempts = 2,
                               .due = at(-1),
                               .first = at(77),
                               .strikes = 2,
                               .accused = true,
                               .mark = DebtRecord::Mark::kAlone,
                               .reason = "http_503"});
  expect_round_trip(DeadLetter{.sequence = {8},
                               .previous = {5},
                               .event_id = "e:1",
                               .event_type = "bitvault.node.created.v1",
                               .reason = "exhausted",
                               .attempts = 7,
                               .first = at(1),
                               .at = at(2),
                               .status = 500,
                               .failure = "http_500",
                               .detail = "said \"no\"",
                               .answer = "line\nline",
                               .bytes = 700});
  expect_round_trip(SkipRecord{.from = {1}, .to = {4}, .reason = "retention", .at = at(3)});
  expect_round_trip(Request{.kind = Request::Kind::kSkip});
  expect_round_trip(
      Request{.kind = Request::Kind::kRedeliverDead, .sequences = {{{4}, {6}}}, .replay = "r"});
  expect_round_trip(
      Request{.kind = Request::Kind::kDiscardDead, .sequences = std::vector<Sequence>{}});
}

TEST(Records, LieUnderTheirSubscriptionInTheOrderOfSequences) {
  EXPECT_EQ(track_key("whk_a", kLive), "whk_a/live");
  EXPECT_EQ(debt_key("whk_a", kLive, {12}), "whk_a/live/00000000000000000012");
  EXPECT_LT(debt_key("whk_a", kLive, {9}), debt_key("whk_a", kLive, {10}));
  EXPECT_TRUE(debt_key("whk_a", "r1", {9}).starts_with(prefix_of("whk_a", "r1")));
  EXPECT_TRUE(sequence_key("whk_a", {9}).starts_with(prefix_of("whk_a")));
  EXPECT_EQ(subscription_of("whk_a/live/7"), "whk_a");
  EXPECT_EQ(last_part_of("whk_a/live/7"), "7");
  EXPECT_NE(debt_holder("whk_a", kLive), dead_letter_holder("whk_a"));
}

}  // namespace
}  // namespace bitvault::delivery
