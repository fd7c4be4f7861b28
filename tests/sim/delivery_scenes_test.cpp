// Named scenes with the delivery engine: what users are promised, one by one.
#include <gtest/gtest.h>

#include "delivery_stage.h"

namespace bitvault::sim {
namespace {

using delivery::DeadLetter;
using delivery::Policy;
using delivery::Request;
using Mode = Endpoint::Mode;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Notice = delivery::Notice::Kind;

class DeliveryScenes : public testing::Test {
 protected:
  void TearDown() override {
    for (const std::string& violation : stage_.violations()) {
      ADD_FAILURE() << violation;
    }
  }
  static std::size_t accepted(const Endpoint& endpoint, std::uint64_t first, std::uint64_t last) {
    std::size_t count = 0;
    for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
      count += endpoint.accepted({sequence}) ? 1 : 0;
    }
    return count;
  }

  DeliveryStage stage_{{.in_flight = 40}};
};

TEST_F(DeliveryScenes, DeliversWithinInstants) {
  Endpoint& endpoint = stage_.add("acme", "whk_a");
  stage_.publish("acme", 1'000);
  stage_.run_for(seconds(30));
  EXPECT_EQ(accepted(endpoint, 1, 1'000), 1'000u);
  EXPECT_EQ(stage_.track(endpoint).position, Sequence{1'000});
  EXPECT_TRUE(stage_.records(endpoint, delivery::kDebts).empty());
}

TEST_F(DeliveryScenes, OneTenantsDeadEndpointsDoNotDelayAnothers) {
  for (int i = 0; i < 50; ++i) {
    Endpoint& dead = stage_.add("dead", fmt::format("whk_{}", i));
    dead.behave(Mode::kHanging);
  }
  Endpoint& well = stage_.add("well", "whk_a");
  stage_.publish("dead", 500);
  stage_.run_for(seconds(5));
  for (std::uint64_t event = 1; event <= 20; ++event) {
    stage_.publish("well", 1);
    stage_.run_for(milliseconds(500));
    EXPECT_TRUE(well.accepted({event})) << event;
  }
}

TEST_F(DeliveryScenes, AnEndpointThatIsDownKeepsItsBacklogInTheJournal) {
  Endpoint& endpoint = stage_.add("acme", "whk_a");
  endpoint.behave(Mode::kFailing);
  for (int i = 0; i < 100; ++i) {
    stage_.publish("acme", 20);
    stage_.run_for(seconds(3));
  }
  const std::size_t debts = stage_.records(endpoint, delivery::kDebts).size();
  EXPECT_LT(debts, 1'500u) << "the breaker is open: what has not begun is in the journal";
  const std::size_t attempts = endpoint.attempts();
  stage_.run_for(minutes(5));
  EXPECT_LT(endpoint.attempts() - attempts, 700u);
  endpoint.behave(Mode::kHealthy);
  stage_.run_for(hours(3));
  EXPECT_EQ(accepted(endpoint, 1, 2'000), 2'000u);
  EXPECT_EQ(stage_.life().told(Notice::kFailing), 1u);
  EXPECT_EQ(stage_.life().told(Notice::kRecovered), 1u);
}

TEST_F(DeliveryScenes, RecoveryIsPaced) {
  Policy policy;
  policy.concurrency = 40;
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  endpoint.behave(Mode::kHanging);
  stage_.publish("acme", 2'000);
  stage_.run_for(minutes(3));
  endpoint.behave(Mode::kHealthy);
  const std::size_t before = endpoint.attempts();
  while (accepted(endpoint, 1, 2'000) == 0) {
    stage_.run_for(milliseconds(100));
  }
  stage_.run_for(milliseconds(200));
  EXPECT_LT(endpoint.attempts() - before, 30u) << "not all at once";
}

TEST_F(DeliveryScenes, IsDisabledAfterFiveDaysOfNothingButFailure) {
  Policy policy;
  policy.schedule = {seconds(0), hours(12), hours(12)};
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  endpoint.behave(Mode::kFailing);
  for (int day = 0; day < 4; ++day) {
    stage_.publish("acme", 3);
    stage_.run_for(days(1));
    ASSERT_TRUE(stage_.is_enabled(endpoint)) << day;
    stage_.restart(day % 2 == 0);
  }
  stage_.publish("acme", 3);
  stage_.run_for(days(2));
  EXPECT_FALSE(stage_.is_enabled(endpoint));
  EXPECT_EQ(stage_.life().told(Notice::kDisabled), 1u);
  const std::size_t attempts = endpoint.attempts();
  stage_.publish("acme", 5);
  stage_.run_for(days(1));
  EXPECT_EQ(endpoint.attempts(), attempts);
  endpoint.behave(Mode::kHealthy);
  stage_.set_enabled(endpoint, true);
  stage_.run_for(days(2));
  EXPECT_EQ(accepted(endpoint, 16, 20), 5u) << "what came meanwhile is not lost";
}

TEST_F(DeliveryScenes, ASuccessNowAndThenNeverDisables) {
  Policy policy;
  policy.schedule = {seconds(0), hours(1)};
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  for (int day = 0; day < 12; ++day) {
    endpoint.behave(day % 4 == 3 ? Mode::kHealthy : Mode::kFailing);
    stage_.publish("acme", 10);
    stage_.run_for(days(1));
  }
  EXPECT_TRUE(stage_.is_enabled(endpoint));
}

TEST_F(DeliveryScenes, WhatCameWhileDisabledIsSkippedOnlyWhenAskedFor) {
  Endpoint& endpoint = stage_.add("acme", "whk_a");
  endpoint.excuse_previous();
  stage_.set_enabled(endpoint, false);
  stage_.publish("acme", 10);
  stage_.run_for(seconds(10));
  EXPECT_EQ(endpoint.attempts(), 0u);
  stage_.ask(endpoint, {.kind = Request::Kind::kSkip});
  stage_.set_enabled(endpoint, true);
  stage_.run_for(seconds(10));
  stage_.publish("acme", 1);
  stage_.run_for(seconds(10));
  EXPECT_EQ(endpoint.attempts(), 1u);
  EXPECT_TRUE(endpoint.accepted({11}));
  const auto skips = stage_.records(endpoint, delivery::kSkips);
  ASSERT_EQ(skips.size(), 1u);
  const auto skip = delivery::from_record<delivery::SkipRecord>(skips[0].value).value();
  EXPECT_EQ(skip.from, Sequence{1});
  EXPECT_EQ(skip.to, Sequence{10});
  EXPECT_EQ(skip.reason, "asked");
}

TEST_F(DeliveryScenes, RetentionWinsOverAPositionButNeverOverADebt) {
  Policy policy;
  policy.schedule = {seconds(0), hours(1)};
  Endpoint& failing = stage_.add("acme", "whk_a", policy);
  Endpoint& off = stage_.add("acme", "whk_b");
  off.excuse_previous();
  failing.behave(Mode::kFailing);
  stage_.set_enabled(off, false);
  stage_.publish("acme", 10);
  stage_.run_for(seconds(10));
  stage_.prune("acme", 11);
  EXPECT_EQ(stage_.held("acme", 5), FoundEvent::State::kPresent);
  failing.behave(Mode::kHealthy);
  stage_.run_for(hours(2));
  EXPECT_EQ(accepted(failing, 1, 10), 10u) << "debts are held over retention";
  stage_.prune("acme", 11);
  EXPECT_EQ(stage_.held("acme", 5), FoundEvent::State::kPruned) << "and then let go";
  stage_.set_enabled(off, true);
  stage_.publish("acme", 1);
  stage_.run_for(seconds(30));
  EXPECT_TRUE(off.accepted({11}));
  const auto skips = stage_.records(off, delivery::kSkips);
  ASSERT_EQ(skips.size(), 1u) << "never silently";
  EXPECT_EQ(delivery::from_record<delivery::SkipRecord>(skips[0].value)->reason, "retention");
}

TEST_F(DeliveryScenes, DeadLettersAreHeldAndCanBeRedeliveredOrDiscarded) {
  Policy policy;
  policy.schedule = {seconds(0), seconds(1)};
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  endpoint.behave(Mode::kFailing);
  stage_.publish("acme", 10);
  stage_.run_for(seconds(30));
  ASSERT_EQ(stage_.records(endpoint, delivery::kDeadLetters).size(), 10u);
  EXPECT_EQ(stage_.life().told(Notice::kDeadLettered), 10u);
  stage_.prune("acme", 11);
  endpoint.behave(Mode::kHealthy);
  for (std::uint64_t sequence = 1; sequence <= 10; ++sequence) {
    endpoint.excuse({sequence});
  }
  stage_.ask(endpoint, {.kind = Request::Kind::kDiscardDead, .sequences = {{{1}, {2}}}});
  stage_.ask(endpoint, {.kind = Request::Kind::kRedeliverDead, .sequences = {{{3}}}});
  stage_.run_for(seconds(10));
  EXPECT_EQ(stage_.records(endpoint, delivery::kDeadLetters).size(), 7u);
  EXPECT_TRUE(endpoint.accepted({3}));
  EXPECT_FALSE(endpoint.accepted({1}));
  stage_.ask(endpoint, {.kind = Request::Kind::kRedeliverDead});
  stage_.run_for(seconds(10));
  EXPECT_TRUE(stage_.records(endpoint, delivery::kDeadLetters).empty());
  EXPECT_EQ(accepted(endpoint, 3, 10), 8u);
  stage_.prune("acme", 11);
  EXPECT_EQ(stage_.held("acme", 1), FoundEvent::State::kPruned);
  EXPECT_EQ(stage_.held("acme", 7), FoundEvent::State::kPruned);
}

TEST_F(DeliveryScenes, ACensusTellsWhoLagsAndHowFar) {
  for (int i = 0; i < 8; ++i) {
    stage_.add("acme", fmt::format("whk_{}", i));
  }
  Endpoint& failing = stage_.add("acme", "whk_failing");
  failing.behave(Mode::kFailing);
  Endpoint& disabled = stage_.add("acme", "whk_off");
  stage_.set_enabled(disabled, false);
  stage_.publish("acme", 100);
  stage_.run_for(minutes(2));
  const delivery::CensusReport census = stage_.life().engine().census();
  EXPECT_EQ(census.enabled, 9u);
  EXPECT_EQ(census.disabled, 1u);
  EXPECT_EQ(census.failing, 1u);
  EXPECT_EQ(census.breakers_open, 1u);
  EXPECT_EQ(census.lag_events[0], 0u) << "half of them have it all";
  EXPECT_EQ(census.lag_seconds[0], 0.0);
  EXPECT_EQ(census.lag_events[3], 100u) << "retries and what was not attempted yet";
  EXPECT_GT(census.debts, 0u);
  EXPECT_GT(census.lag_seconds[3], 100.0);
  EXPECT_LE(census.lag_seconds[3], 130.0);
  EXPECT_EQ(census.lag_events[2], census.lag_events[3]) << "1 of 9 is more than 1 %";
  failing.behave(Mode::kHealthy);
  stage_.run_for(hours(6));
  EXPECT_EQ(stage_.life().engine().census().lag_events[3], 0u);
  EXPECT_EQ(stage_.life().engine().census().breakers_open, 0u);
}

TEST_F(DeliveryScenes, ASubscriptionThatBeginsWhileOthersAreLoadedIsNotTakenForOneThatIsGone) {
  stage_.add("acme", "whk_a");
  const Endpoint& before =
      stage_.add_meanwhile("acme", "whk_b", DeliveryLife::Moment::kBeforeReading);
  const Endpoint& after =
      stage_.add_meanwhile("acme", "whk_c", DeliveryLife::Moment::kAfterReading);
  stage_.publish("acme", 3);
  stage_.run_for(minutes(1));
  EXPECT_EQ(accepted(before, 1, 3), 3u);
  EXPECT_EQ(accepted(after, 1, 3), 3u);
}

TEST_F(DeliveryScenes, ARequestSeesWhatTheOneBeforeItDid) {
  Policy policy;
  policy.schedule = {seconds(0), seconds(1)};
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  endpoint.behave(Mode::kFailing);
  stage_.publish("acme", 3);
  stage_.run_for(seconds(30));
  ASSERT_EQ(stage_.records(endpoint, delivery::kDeadLetters).size(), 3u);
  endpoint.behave(Mode::kHealthy);
  endpoint.excuse({1});
  Transaction both(endpoint.plan().tenant);
  delivery::add_request(both, "whk_a", "r1",
                        {.kind = Request::Kind::kDiscardDead, .sequences = {{{1}}}});
  delivery::add_request(both, "whk_a", "r2", {.kind = Request::Kind::kRedeliverDead});
  stage_.commit(std::move(both));
  stage_.run_for(seconds(10));
  EXPECT_FALSE(endpoint.accepted({1})) << "it was let go before the others were asked for";
  EXPECT_EQ(accepted(endpoint, 2, 3), 2u);
  EXPECT_TRUE(stage_.records(endpoint, delivery::kDeadLetters).empty());
}

TEST_F(DeliveryScenes, DeadLettersExpireByAgeAndThatIsRecorded) {
  Policy policy;
  policy.schedule = {seconds(0), seconds(1)};
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  endpoint.behave(Mode::kFailing);
  stage_.publish("acme", 3);
  stage_.run_for(days(1));
  stage_.publish("acme", 1);
  stage_.run_for(days(29) - hours(2));
  EXPECT_EQ(stage_.records(endpoint, delivery::kDeadLetters).size(), 4u);
  stage_.restart(true);
  stage_.prune("acme", 5);
  stage_.run_for(hours(4));
  EXPECT_EQ(stage_.records(endpoint, delivery::kDeadLetters).size(), 1u);
  const std::vector<Record> skips = stage_.records(endpoint, delivery::kSkips);
  ASSERT_EQ(skips.size(), 1u);
  const auto skip = delivery::from_record<delivery::SkipRecord>(skips.front().value).value();
  EXPECT_EQ(skip.reason, "dead_letter_expired");
  EXPECT_EQ(skip.from, Sequence{1});
  EXPECT_EQ(skip.to, Sequence{3});
  stage_.prune("acme", 5);
  EXPECT_EQ(stage_.held("acme", 3), FoundEvent::State::kPruned) << "nobody holds it any more";
  EXPECT_EQ(stage_.held("acme", 4), FoundEvent::State::kPresent);
}

TEST(DeliveryLimits, DeadLettersBeyondTheirBytesExpireEarliestFirst) {
  DeliveryStage stage({.dead_letters = {.bytes = 30'000}});
  Policy policy;
  policy.schedule = {seconds(0)};
  Endpoint& endpoint = stage.add("acme", "whk_a", policy);
  Endpoint& small = stage.add("acme", "whk_b", policy);
  endpoint.behave(Mode::kFailing);
  stage.publish("acme", 280);
  stage.run_for(seconds(10));
  small.behave(Mode::kFailing);
  stage.publish("acme", 20);
  stage.run_for(hours(10));
  const std::vector<Record> letters = stage.records(endpoint, delivery::kDeadLetters);
  std::uint64_t bytes = 0;
  for (const Record& record : letters) {
    bytes += record.value.size() + delivery::from_record<DeadLetter>(record.value)->bytes;
  }
  EXPECT_LE(bytes, 30'000u);
  EXPECT_GT(bytes, 28'000u) << "no more than what is too much";
  EXPECT_EQ(delivery::last_part_of(letters.back().key),
            delivery::last_part_of(delivery::sequence_key("whk_a", {300})));
  EXPECT_EQ(stage.records(small, delivery::kDeadLetters).size(), 20u);
}

TEST_F(DeliveryScenes, AManualRedeliveryDoesNotCollideWithTheSchedule) {
  Policy policy;
  policy.schedule = {seconds(0), hours(1), hours(1)};
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  endpoint.behave(Mode::kFailing);
  stage_.publish("acme", 1);
  stage_.run_for(seconds(10));
  ASSERT_EQ(endpoint.attempts(), 1u);
  endpoint.excuse({1});
  stage_.ask(endpoint, {.kind = Request::Kind::kRedeliver, .sequences = {{{1}}}});
  stage_.run_for(seconds(10));
  EXPECT_EQ(endpoint.attempts(), 2u);
  endpoint.behave(Mode::kHealthy);
  stage_.run_for(hours(2));
  EXPECT_EQ(endpoint.attempts(), 3u) << "the scheduled one, and then no more";
  stage_.ask(endpoint, {.kind = Request::Kind::kRedeliver, .sequences = {{{1}}}});
  stage_.run_for(seconds(10));
  EXPECT_EQ(endpoint.attempts(), 4u) << "also of what was delivered";
}

TEST_F(DeliveryScenes, AReplayGoesThroughItsRangeAndOverRestarts) {
  Policy policy;
  policy.concurrency = 2;
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  stage_.publish("acme", 200);
  stage_.run_for(minutes(2));
  ASSERT_EQ(accepted(endpoint, 1, 200), 200u);
  stage_.replay(endpoint, "rpl_1", 51, 150);
  stage_.run_for(seconds(2));
  ASSERT_LT(endpoint.replayed(), 100u);
  stage_.restart(false);
  stage_.run_for(seconds(2));
  stage_.restart(true);
  stage_.run_for(minutes(2));
  EXPECT_EQ(endpoint.replayed(), 100u);
  const auto replay = stage_.replay_of(endpoint, "rpl_1");
  ASSERT_TRUE(replay);
  EXPECT_EQ(replay->state, delivery::ReplayRecord::State::kDone);
  EXPECT_GE(replay->delivered, 100u);
}

TEST_F(DeliveryScenes, AReplayOfWhatFailedHealsDeadLetters) {
  Policy policy;
  policy.schedule = {seconds(0)};
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  endpoint.behave(Mode::kFailing);
  stage_.publish("acme", 5);
  stage_.run_for(seconds(10));
  endpoint.behave(Mode::kHealthy);
  stage_.publish("acme", 5);
  stage_.run_for(seconds(10));
  ASSERT_EQ(stage_.records(endpoint, delivery::kDeadLetters).size(), 5u);
  stage_.replay(endpoint, "rpl_1", 1, 10, true);
  stage_.run_for(seconds(20));
  EXPECT_EQ(endpoint.replayed(), 5u);
  EXPECT_TRUE(stage_.records(endpoint, delivery::kDeadLetters).empty());
  EXPECT_EQ(stage_.replay_of(endpoint, "rpl_1")->state, delivery::ReplayRecord::State::kDone);
}

TEST_F(DeliveryScenes, AReplayCanBeCancelled) {
  Policy policy;
  policy.concurrency = 1;
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  stage_.publish("acme", 300);
  stage_.run_for(minutes(3));
  stage_.replay(endpoint, "rpl_1", 1, 300);
  stage_.run_for(seconds(3));
  stage_.ask(endpoint, {.kind = Request::Kind::kCancelReplay, .replay = "rpl_1"});
  stage_.run_for(seconds(5));
  const std::size_t replayed = endpoint.replayed();
  EXPECT_LT(replayed, 300u);
  stage_.run_for(minutes(5));
  EXPECT_EQ(endpoint.replayed(), replayed);
  EXPECT_EQ(stage_.replay_of(endpoint, "rpl_1")->state, delivery::ReplayRecord::State::kCancelled);
}

TEST_F(DeliveryScenes, AReplayDoesNotDisturbLiveDelivery) {
  Policy policy;
  policy.concurrency = 4;
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  stage_.publish("acme", 1'000);
  stage_.run_for(minutes(5));
  stage_.replay(endpoint, "rpl_1", 1, 1'000);
  stage_.run_for(seconds(5));
  for (std::uint64_t event = 1'001; event <= 1'010; ++event) {
    stage_.publish("acme", 1);
    stage_.run_for(milliseconds(600));
    EXPECT_TRUE(endpoint.accepted({event})) << event;
  }
  EXPECT_LT(endpoint.replayed(), 1'000u) << "while the replay went on";
}

TEST_F(DeliveryScenes, NothingIsLeftOfASubscriptionThatIsGone) {
  Policy policy;
  policy.schedule = {seconds(0), hours(1)};
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  Endpoint& other = stage_.add("acme", "whk_ab");
  endpoint.behave(Mode::kFailing);
  stage_.publish("acme", 50);
  stage_.run_for(minutes(1));
  ASSERT_FALSE(stage_.records(endpoint, delivery::kDebts).empty());
  stage_.remove(endpoint);
  stage_.run_for(minutes(1));
  for (const Collection collection : {delivery::kTracks, delivery::kDebts, delivery::kDeadLetters,
                                      delivery::kRequests, delivery::kSkips}) {
    EXPECT_TRUE(stage_.records(endpoint, collection).empty()) << collection.str();
  }
  EXPECT_FALSE(stage_.records(other, delivery::kTracks).empty());
  stage_.prune("acme", 51);
  EXPECT_EQ(stage_.held("acme", 1), FoundEvent::State::kPruned);
}

TEST_F(DeliveryScenes, KeepsTheRate) {
  Policy policy;
  policy.rate_per_second = 5;
  Endpoint& endpoint = stage_.add("acme", "whk_a", policy);
  stage_.publish("acme", 100);
  stage_.run_for(seconds(10));
  EXPECT_GE(endpoint.attempts(), 45u);
  EXPECT_LE(endpoint.attempts(), 53u);
}

}  // namespace
}  // namespace bitvault::sim
