#include "watch/agenda.h"

#include <gtest/gtest.h>

namespace bitvault::watch {
namespace {

using std::chrono::milliseconds;
using Nodes = std::vector<NodeRef>;

constexpr MonotonicTime kStart{};
constexpr NodeRef kA{1};
constexpr NodeRef kB{2};

Agenda agenda() { return Agenda({.first = milliseconds(50), .longest = milliseconds(400)}); }

TEST(Agenda, GivesEachFolderOnce) {
  Agenda agenda = watch::agenda();
  agenda.look_now(kB);
  agenda.look_now(kA);
  agenda.look_now(kB);
  EXPECT_EQ(agenda.now_size(), 2u);
  EXPECT_EQ(agenda.take_now(1), Nodes{kA});
  EXPECT_EQ(agenda.take_now(9), Nodes{kB});
  EXPECT_EQ(agenda.take_now(9), Nodes{});
}

TEST(Agenda, WhatIsPutOffComesWhenItIsDue) {
  Agenda agenda = watch::agenda();
  agenda.begin_round(kStart);
  EXPECT_FALSE(agenda.next_due());
  agenda.look_later(kA, kStart);
  agenda.look_later(kB, kStart, milliseconds(90));
  EXPECT_EQ(agenda.next_due(), kStart + milliseconds(50));
  agenda.begin_round(kStart + milliseconds(49));
  EXPECT_EQ(agenda.ready_size(), 0u);
  agenda.begin_round(kStart + milliseconds(50));
  EXPECT_EQ(agenda.take_ready(9), Nodes{kA});
  EXPECT_EQ(agenda.next_due(), kStart + milliseconds(90));
}

TEST(Agenda, PuttingOffAgainWaitsLongerButKeepsTheTurn) {
  Agenda agenda = watch::agenda();
  MonotonicTime now = kStart;
  std::vector<Duration> waits;
  for (int i = 0; i < 5; ++i) {
    agenda.look_later(kA, now);
    agenda.look_later(kA, now + milliseconds(20));
    waits.push_back(*agenda.next_due() - now);
    now = *agenda.next_due();
    agenda.begin_round(now);
    EXPECT_EQ(agenda.take_ready(1), Nodes{kA});
  }
  EXPECT_EQ(waits, (std::vector<Duration>{milliseconds(50), milliseconds(100), milliseconds(200),
                                          milliseconds(400), milliseconds(400)}));
  agenda.rested(kA);
  agenda.look_later(kA, now);
  EXPECT_EQ(*agenda.next_due() - now, milliseconds(50));
  agenda.rested(kA);
  EXPECT_TRUE(agenda.next_due()) << "it still waits";
}

TEST(Agenda, WhatIsHeldMayGoInALaterRound) {
  Agenda agenda = watch::agenda();
  agenda.begin_round(kStart);
  agenda.hold(kA);
  EXPECT_FALSE(agenda.is_held(kA));
  agenda.begin_round(kStart);
  agenda.hold(kA);
  EXPECT_TRUE(agenda.is_held(kA));
  EXPECT_EQ(agenda.held(), Nodes{kA});
  agenda.release(kA);
  agenda.hold(kA);
  EXPECT_FALSE(agenda.is_held(kA)) << "it came back in between";
}

TEST(Agenda, WhatIsGoneIsForgotten) {
  Agenda agenda = watch::agenda();
  agenda.look_now(kA);
  agenda.look_ready(kA);
  agenda.look_later(kA, kStart);
  agenda.hold(kA);
  agenda.forget(kA);
  EXPECT_EQ(agenda.now_size() + agenda.ready_size(), 0u);
  EXPECT_FALSE(agenda.next_due());
  EXPECT_TRUE(agenda.held().empty());
}

}  // namespace
}  // namespace bitvault::watch
