#include "delivery/track.h"

#include <gtest/gtest.h>

#include "delivery/track_fixture.h"

namespace bitvault::delivery {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using State = std::optional<DebtRecord>;

class TrackTest : public testing::Test {
 protected:
  TrackFixture fixture_;
};

TEST_F(TrackTest, ASuccessLeavesNothingButAPosition) {
  for (int i = 0; i < 5; ++i) {
    fixture_.offer_next();
  }
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
    ASSERT_EQ(fixture_.start_new(), sequence);
    fixture_.deliver(sequence);
  }
  fixture_.commit();
  EXPECT_EQ(fixture_.stored().position, Sequence{5});
  EXPECT_EQ(fixture_.stored().matched, Sequence{5});
  EXPECT_TRUE(fixture_.stored().done.empty());
  EXPECT_TRUE(fixture_.debts().empty());
  EXPECT_TRUE(fixture_.held().empty());
}

TEST_F(TrackTest, ThePositionWaitsForTheFirstThatIsNotSettled) {
  for (int i = 0; i < 4; ++i) {
    fixture_.offer_next();
    ASSERT_TRUE(fixture_.start_new());
  }
  fixture_.deliver(4);
  fixture_.deliver(2);
  fixture_.commit();
  EXPECT_EQ(fixture_.stored().position, Sequence{0});
  EXPECT_EQ(fixture_.stored().done, (std::vector<Sequence>{{2}, {4}}));
  fixture_.deliver(1);
  fixture_.commit();
  EXPECT_EQ(fixture_.stored().position, Sequence{2});
  EXPECT_EQ(fixture_.stored().matched, Sequence{2});
}

TEST_F(TrackTest, AfterACrashWhatIsNotInTheStoreIsAttemptedAgain) {
  for (int i = 0; i < 3; ++i) {
    fixture_.offer_next();
    ASSERT_TRUE(fixture_.start_new());
  }
  fixture_.deliver(1);
  fixture_.deliver(3);
  fixture_.commit();
  fixture_.deliver(2);
  fixture_.restart(false);
  fixture_.offer_upto(3);
  EXPECT_EQ(fixture_.start_new(), 2u) << "delivered, but nobody knows";
  EXPECT_EQ(fixture_.previous_of(2), Sequence{1});
  EXPECT_EQ(fixture_.start_new(), std::nullopt) << "3 is known to be delivered";
}

TEST_F(TrackTest, WhatIsDeliveredAfterACommitIsKeptByTheNextOne) {
  fixture_.offer_next();
  ASSERT_EQ(fixture_.start_new(), 1u);
  fixture_.commit();
  EXPECT_FALSE(fixture_.track().dirty());
  fixture_.deliver(1);
  EXPECT_TRUE(fixture_.track().dirty());
  fixture_.commit(false);
  EXPECT_TRUE(fixture_.track().dirty());
}

TEST_F(TrackTest, AFailureBecomesADebtThatTheJournalHolds) {
  fixture_.offer_next();
  ASSERT_EQ(fixture_.start_new(), 1u);
  fixture_.fail(1);
  fixture_.commit();
  EXPECT_EQ(fixture_.stored().position, Sequence{1});
  ASSERT_EQ(fixture_.debts().size(), 1u);
  EXPECT_EQ(fixture_.debts().at({1}).attempts, 1u);
  EXPECT_EQ(fixture_.held().size(), 1u);
  EXPECT_EQ(fixture_.start_retry(), std::nullopt) << "not yet";
  fixture_.advance(seconds(7));
  ASSERT_EQ(fixture_.start_retry(), 1u);
  fixture_.deliver(1);
  fixture_.commit();
  EXPECT_TRUE(fixture_.debts().empty());
  EXPECT_TRUE(fixture_.held().empty());
}

TEST_F(TrackTest, KeepsTheScheduleWithinItsJitter) {
  fixture_.offer_next();
  ASSERT_EQ(fixture_.start_new(), 1u);
  const auto& schedule = fixture_.policy().schedule;
  for (std::size_t attempt = 1; attempt < schedule.size(); ++attempt) {
    const MonotonicTime failed = fixture_.now().monotonic;
    fixture_.fail(1);
    const Duration wait = fixture_.track().retry_due(true) - failed;
    EXPECT_GE(wait, Duration(schedule[attempt]) * 8 / 10);
    EXPECT_LE(wait, Duration(schedule[attempt]) * 12 / 10);
    fixture_.advance(wait);
    ASSERT_EQ(fixture_.start_retry(), 1u);
  }
  fixture_.fail(1);
  fixture_.commit();
  EXPECT_TRUE(fixture_.debts().empty());
  ASSERT_EQ(fixture_.dead().size(), 1u);
  const DeadLetter& letter = fixture_.dead().at({1});
  EXPECT_EQ(letter.reason, "exhausted");
  EXPECT_EQ(letter.failure, "http_500");
  EXPECT_EQ(letter.attempts, schedule.size());
  EXPECT_EQ(letter.event_id, "event-1");
  EXPECT_EQ(fixture_.held().size(), 1u) << "held for the dead letter";
}

TEST_F(TrackTest, ASuccessOnTheLastAttemptIsASuccess) {
  fixture_.policy().schedule = {seconds(0), seconds(1)};
  fixture_.offer_next();
  ASSERT_EQ(fixture_.start_new(), 1u);
  fixture_.fail(1);
  fixture_.advance(seconds(2));
  ASSERT_EQ(fixture_.start_retry(), 1u);
  fixture_.deliver(1);
  fixture_.commit();
  EXPECT_TRUE(fixture_.dead().empty());
  EXPECT_TRUE(fixture_.debts().empty());
}

TEST_F(TrackTest, GivesUpAtOnceWhenTheTargetSaysSo) {
  fixture_.offer_next();
  ASSERT_EQ(fixture_.start_new(), 1u);
  fixture_.finish(1, {.verdict = Verdict::kGiveUp, .reason = "http_400", .status = 400});
  fixture_.commit();
  ASSERT_EQ(fixture_.dead().size(), 1u);
  EXPECT_EQ(fixture_.dead().at({1}).reason, "http_400");
  EXPECT_TRUE(fixture_.debts().empty());
}

TEST_F(TrackTest, WaitsForRetryAfterWithinBounds) {
  fixture_.offer_next();
  ASSERT_EQ(fixture_.start_new(), 1u);
  fixture_.finish(1, {.reason = "http_503", .retry_after = seconds(100)});
  EXPECT_EQ(fixture_.track().retry_due(true) - fixture_.now().monotonic, Duration(seconds(100)));
  fixture_.advance(seconds(100));
  ASSERT_EQ(fixture_.start_retry(), 1u);
  fixture_.finish(1, {.reason = "http_503", .retry_after = seconds(999'999'999)});
  EXPECT_EQ(fixture_.track().retry_due(true) - fixture_.now().monotonic, kRetryAfterMax);
}

TEST_F(TrackTest, AFailingKeyBlocksOnlyItself) {
  fixture_.policy().ordering = Ordering::kPartitionKey;
  fixture_.restart(false);
  fixture_.offer_next("a");  // 1
  fixture_.offer_next("a");  // 2
  fixture_.offer_next("b");  // 3
  ASSERT_EQ(fixture_.start_new(), 1u);
  ASSERT_EQ(fixture_.start_new(), 3u) << "2 waits for 1";
  ASSERT_EQ(fixture_.start_new(), std::nullopt);
  fixture_.fail(1);
  fixture_.offer_next("a");  // 4
  fixture_.offer_next("b");  // 5
  fixture_.deliver(3);
  ASSERT_EQ(fixture_.start_new(), 5u);
  fixture_.deliver(5);
  fixture_.commit();
  EXPECT_EQ(fixture_.stored().position, Sequence{5});
  EXPECT_EQ(fixture_.debts().size(), 3u) << "1 and what waits behind it";
  EXPECT_EQ(fixture_.held().size(), 3u);

  fixture_.restart(false);
  fixture_.advance(seconds(7));
  ASSERT_EQ(fixture_.start_retry(), 1u);
  ASSERT_EQ(fixture_.start_retry(), std::nullopt);
  fixture_.deliver(1);
  ASSERT_EQ(fixture_.start_retry(), 2u);
  ASSERT_EQ(fixture_.start_retry(), std::nullopt);
  fixture_.deliver(2);
  ASSERT_EQ(fixture_.start_retry(), 4u);
}

TEST_F(TrackTest, ADeadLetterLetsItsKeyGoOn) {
  fixture_.policy().ordering = Ordering::kPartitionKey;
  fixture_.policy().schedule = {seconds(0)};
  fixture_.restart(false);
  fixture_.offer_next("a");
  fixture_.offer_next("a");
  ASSERT_EQ(fixture_.start_new(), 1u);
  fixture_.fail(1);
  ASSERT_EQ(fixture_.start_new(), 2u);
}

TEST_F(TrackTest, AnOrderThatIsAskedForLaterHoldsFromThenOn) {
  fixture_.offer_next("a");
  fixture_.offer_next("a");
  fixture_.offer_next("b");
  fixture_.policy().ordering = Ordering::kPartitionKey;
  fixture_.track().reorder(fixture_.policy(), fixture_.now());
  ASSERT_EQ(fixture_.start_new(), 1u);
  ASSERT_EQ(fixture_.start_new(), 3u);
  ASSERT_EQ(fixture_.start_new(), std::nullopt);
  fixture_.policy().ordering = Ordering::kNone;
  fixture_.track().reorder(fixture_.policy(), fixture_.now());
  ASSERT_EQ(fixture_.start_new(), 2u);
}

TEST_F(TrackTest, OneThatHangsDoesNotHoldTheOthers) {
  fixture_.offer_next();
  ASSERT_EQ(fixture_.start_new(), 1u);
  for (std::uint64_t sequence = 2; sequence <= 40; ++sequence) {
    ASSERT_TRUE(fixture_.track().has_room()) << sequence;
    fixture_.offer_next();
    ASSERT_EQ(fixture_.start_new(), sequence);
    fixture_.deliver(sequence);
    if (fixture_.track().urgent()) {
      fixture_.commit();
    }
  }
  EXPECT_GT(fixture_.stored().position, Sequence{20});
  ASSERT_EQ(fixture_.debts().size(), 1u) << "the one that hangs has a record now";
  fixture_.deliver(1);
  fixture_.commit();
  EXPECT_TRUE(fixture_.debts().empty());
  EXPECT_EQ(fixture_.stored().position, Sequence{40});
}

TEST_F(TrackTest, HasNoRoomForMoreThanItsWindowBeyondTheStore) {
  std::uint64_t offered = 0;
  while (fixture_.track().has_room()) {
    fixture_.offer_next();
    const auto sequence = fixture_.start_new();
    ASSERT_TRUE(sequence);
    fixture_.deliver(*sequence);
    ASSERT_LT(++offered, 100u);
  }
  EXPECT_EQ(offered, TrackFixture::kWindow);
  EXPECT_TRUE(fixture_.track().urgent());
  fixture_.commit();
  EXPECT_TRUE(fixture_.track().has_room());
}

TEST_F(TrackTest, HasNoRoomForMoreDebtsThanItsLimit) {
  std::uint64_t offered = 0;
  while (fixture_.track().has_room()) {
    fixture_.offer_next();
    fixture_.fail(fixture_.start_new().value());
    fixture_.commit();
    ASSERT_LT(++offered, 1'000u);
  }
  EXPECT_EQ(offered, TrackFixture::kDebts);
  fixture_.advance(seconds(7));
  fixture_.deliver(fixture_.start_retry().value());
  EXPECT_TRUE(fixture_.track().has_room());
}

TEST_F(TrackTest, WhatIsAskedForAgainIsAttemptedNowAndUsesUpNothing) {
  fixture_.offer_next();
  ASSERT_EQ(fixture_.start_new(), 1u);
  fixture_.fail(1);
  fixture_.commit();
  const WallTime due = fixture_.debts().at({1}).due;
  ASSERT_TRUE(fixture_.track().redeliver({1}, fixture_.now()));
  fixture_.commit();
  EXPECT_EQ(fixture_.debts().at({1}).due, due) << "a crash loses only what was asked for";
  ASSERT_EQ(fixture_.start_retry(), 1u);
  EXPECT_TRUE(fixture_.track().redeliver({1}, fixture_.now())) << "is being attempted";
  fixture_.fail(1);
  fixture_.commit();
  EXPECT_EQ(fixture_.debts().at({1}).attempts, 1u);
  EXPECT_EQ(fixture_.debts().at({1}).due, due);
  EXPECT_FALSE(fixture_.track().redeliver({2}, fixture_.now())) << "it knows nothing of it";
}

TEST_F(TrackTest, OwesWhatIsAskedForAfterItsEnd) {
  fixture_.offer_next();
  fixture_.deliver(fixture_.start_new().value());
  fixture_.track().owe({1}, {}, fixture_.now());
  fixture_.commit();
  EXPECT_EQ(fixture_.held().size(), 1u);
  fixture_.restart(false);
  ASSERT_EQ(fixture_.start_retry(), 1u);
  fixture_.deliver(1);
  fixture_.commit();
  EXPECT_TRUE(fixture_.debts().empty());
}

TEST_F(TrackTest, AnEventThatKillsTheProcessThreeTimesIsPoison) {
  fixture_.offer_next();
  fixture_.offer_next();
  ASSERT_EQ(fixture_.start_new(), 1u);
  ASSERT_EQ(fixture_.start_new(), 2u);
  // Attempting 1 kills the process, whatever else is in flight.
  unsigned crashes = 0;
  for (; fixture_.dead().empty(); ++crashes) {
    ASSERT_LT(crashes, 10u);
    fixture_.restart(true);
    fixture_.offer_upto(2);
    while (const auto sequence = fixture_.start_retry()) {
      if (sequence != 1u) {
        fixture_.deliver(*sequence);
      } else if (fixture_.last_start().bury) {
        fixture_.finish(1, {.verdict = Verdict::kGiveUp});
      } else {
        EXPECT_TRUE(fixture_.last_start().mark_first);
        break;
      }
    }
    fixture_.commit();
  }
  EXPECT_EQ(crashes, 5u) << "unmarked, among others, alone three times; then it is buried";
  EXPECT_EQ(fixture_.dead().at({1}).reason, "poison");
  EXPECT_EQ(fixture_.dead().size(), 1u);
  EXPECT_TRUE(fixture_.debts().empty());
}

TEST_F(TrackTest, AnAttemptThatAnOrderlyStopCutsShortIsNoStrike) {
  fixture_.offer_next();
  ASSERT_EQ(fixture_.start_new(), 1u);
  for (int i = 0; i < 10; ++i) {
    fixture_.restart(true);
    fixture_.offer_upto(1);
    ASSERT_EQ(fixture_.start_retry(), 1u) << i;
    EXPECT_FALSE(fixture_.last_start().alone);
    fixture_.commit();
    fixture_.track().abandon({1}, fixture_.now());
    fixture_.commit();
  }
}

TEST_F(TrackTest, AClockThatWasSetMovesNothingThatIsScheduled) {
  fixture_.offer_next();
  ASSERT_EQ(fixture_.start_new(), 1u);
  fixture_.fail(1);
  fixture_.commit();
  const Duration wait = fixture_.track().retry_due(true) - fixture_.now().monotonic;
  fixture_.set_clock(-std::chrono::days(400));
  EXPECT_EQ(fixture_.track().retry_due(true) - fixture_.now().monotonic, wait);
  fixture_.restart(false);
  EXPECT_LE(fixture_.track().retry_due(true) - fixture_.now().monotonic, kRetryAfterMax)
      << "no later than the schedule can have meant";
}

TEST_F(TrackTest, JumpsOverWhatHasNotBegun) {
  for (int i = 0; i < 3; ++i) {
    fixture_.offer_next();
  }
  ASSERT_EQ(fixture_.start_new(), 1u);
  fixture_.track().jump({10});
  ASSERT_EQ(fixture_.start_new(), std::nullopt);
  fixture_.commit();
  EXPECT_EQ(fixture_.stored().position, Sequence{0}) << "1 is in flight";
  fixture_.deliver(1);
  fixture_.commit();
  EXPECT_EQ(fixture_.stored().position, Sequence{10});
  EXPECT_EQ(fixture_.stored().matched, Sequence{0}) << "begins anew";
}

}  // namespace
}  // namespace bitvault::delivery
