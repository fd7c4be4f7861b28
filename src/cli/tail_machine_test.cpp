#include "cli/tail_machine.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/test_world.h"

namespace bitvault::cli {
namespace {

using Kind = TailStep::Kind;

PrintedPage page(std::string next, std::uint64_t first, std::uint64_t last, bool more = false) {
  return {.next_cursor = std::move(next),
          .has_more = more,
          .events = last - first + 1,
          .first_sequence = first,
          .last_sequence = last};
}

PrintedPage empty_page(std::string next, bool more = false) {
  return {.next_cursor = std::move(next), .has_more = more};
}

bool mentions(const std::vector<std::string>& notes, std::string_view text) {
  return std::ranges::any_of(
      notes, [&](const auto& note) { return note.find(text) != std::string::npos; });
}

TEST(TailMachine, LocatesThenReadsForEver) {
  TailMachine machine({.at = "latest"});
  EXPECT_EQ(machine.next().kind, Kind::kLocate);
  machine.located("c0");
  EXPECT_EQ(machine.cursor(), "c0");
  for (int i = 0; i < 3; ++i) {
    const TailStep step = machine.next();
    EXPECT_EQ(step.kind, Kind::kFollow);
    EXPECT_GT(step.events_max, 1'000'000'000u);
    machine.page_printed(empty_page("c1"));
  }
  EXPECT_EQ(machine.cursor(), "c1");
  EXPECT_TRUE(machine.take_notes().empty());
}

TEST(TailMachine, ACursorNeedsNoLocating) {
  EXPECT_EQ(TailMachine({.cursor = "c"}).next().kind, Kind::kFollow);
}

TEST(TailMachine, StopsAtTheLimitAndNeverAsksForMore) {
  TailMachine machine({.cursor = "c", .limit = 3});
  EXPECT_EQ(machine.next().events_max, 3u);
  machine.page_printed(page("d", 1, 2, true));
  EXPECT_EQ(machine.next().events_max, 1u);
  machine.page_printed(page("e", 3, 3, true));
  EXPECT_EQ(machine.next().kind, Kind::kStop);
  EXPECT_EQ(machine.next().exit_code, 0);
  EXPECT_EQ(machine.cursor(), "e");
}

TEST(TailMachine, WithoutFollowingItStopsAtTheHead) {
  TailMachine machine({.cursor = "c", .follow = false});
  EXPECT_EQ(machine.next().events_max, kTailPageEvents);
  machine.page_printed(empty_page("d", true));  // a filtered scan that goes on
  EXPECT_EQ(machine.next().kind, Kind::kRead);
  machine.page_printed(page("e", 1, 2, false));
  EXPECT_EQ(machine.next().kind, Kind::kStop);
  EXPECT_EQ(machine.next().exit_code, 0);
}

TEST(TailMachine, ComesBackToAStreamThatEndedWhenItSaid) {
  TailMachine machine({.cursor = "c"});
  machine.stream_begun();
  machine.stream_ended(std::chrono::seconds(2));
  EXPECT_EQ(machine.next().kind, Kind::kPause);
  EXPECT_EQ(machine.next().pause, std::chrono::seconds(2));
  machine.paused();
  EXPECT_EQ(machine.next().kind, Kind::kFollow);
  EXPECT_TRUE(machine.take_notes().empty());
}

TEST(TailMachine, ComesBackAfterAnOutageAndSaysSoOnce) {
  TestWorld world;
  TailMachine machine({.cursor = "c"});
  for (int i = 0; i < 20; ++i) {
    machine.failed(false, {}, "cannot reach it", world.random());
    ASSERT_EQ(machine.next().kind, Kind::kPause);
    EXPECT_LE(machine.next().pause, Backoff::kMost);
    machine.paused();
    EXPECT_EQ(machine.next().kind, Kind::kFollow);
  }
  auto notes = machine.take_notes();
  EXPECT_EQ(notes.size(), 2u);
  EXPECT_TRUE(mentions(notes, "cannot reach it"));
  machine.stream_begun();
  EXPECT_TRUE(mentions(machine.take_notes(), "connected again"));
  machine.page_printed(empty_page("e"));
  EXPECT_TRUE(machine.take_notes().empty());
}

TEST(TailMachine, HonoursRetryAfter) {
  TestWorld world;
  TailMachine machine({.cursor = "c"});
  machine.failed(false, std::chrono::seconds(60), "busy", world.random());
  EXPECT_GE(machine.next().pause, std::chrono::seconds(60));
}

TEST(TailMachine, ALastingFailureStopsAtOnce) {
  TestWorld world;
  TailMachine machine({.cursor = "c"});
  machine.failed(true, {}, "forbidden", world.random());
  EXPECT_EQ(machine.next().kind, Kind::kStop);
  EXPECT_EQ(machine.next().exit_code, 1);
  EXPECT_TRUE(mentions(machine.take_notes(), "forbidden"));
}

TEST(TailMachine, WithoutFollowingItGivesUpAfterSomeAttempts) {
  TestWorld world;
  TailMachine machine({.cursor = "c", .follow = false});
  int attempts = 0;
  while (machine.next().kind != Kind::kStop) {
    ASSERT_LT(++attempts, 20);
    machine.failed(false, {}, "down", world.random());
    machine.paused();
  }
  EXPECT_EQ(attempts, 6);
  EXPECT_EQ(machine.next().exit_code, 1);
}

TEST(TailMachine, GoesOnFromTheEarliestAndTellsWhatWasLost) {
  TailMachine machine({.cursor = "c"});
  machine.page_printed(page("d", 1, 7));
  machine.reset({"expired", "early", "late"});
  EXPECT_EQ(machine.cursor(), "early");
  EXPECT_EQ(machine.next().kind, Kind::kFollow);
  EXPECT_TRUE(mentions(machine.take_notes(), "retention"));
  machine.page_printed(page("e", 11, 12));
  EXPECT_TRUE(mentions(machine.take_notes(), "3 events, sequences 8 to 10"));
  machine.page_printed(page("f", 20, 21));
  EXPECT_TRUE(machine.take_notes().empty());  // only once
}

TEST(TailMachine, AFilteredTailDoesNotCallGapsLosses) {
  TailMachine machine({.cursor = "c", .filtered = true});
  machine.page_printed(page("d", 1, 7));
  machine.reset({"expired", "early", "late"});
  static_cast<void>(machine.take_notes());
  machine.page_printed(page("e", 11, 12));
  EXPECT_TRUE(machine.take_notes().empty());
}

TEST(TailMachine, ANewEpochStartsItsOwnCount) {
  TailMachine machine({.cursor = "c"});
  machine.page_printed(page("d", 1, 7));
  machine.reset({"epoch_changed", "early", "late"});
  static_cast<void>(machine.take_notes());
  machine.page_printed(page("e", 30, 31));
  EXPECT_TRUE(machine.take_notes().empty());
}

TEST(TailMachine, OnResetDecides) {
  TailMachine latest({.cursor = "c", .on_reset = OnReset::kLatest});
  latest.reset({"expired", "early", "late"});
  EXPECT_EQ(latest.cursor(), "late");
  TailMachine fail({.cursor = "c", .on_reset = OnReset::kFail});
  fail.reset({"expired", "early", "late"});
  EXPECT_EQ(fail.next().kind, Kind::kStop);
  EXPECT_EQ(fail.next().exit_code, 1);
  EXPECT_EQ(fail.cursor(), "c");  // what is stored stays as it was
  TailMachine stuck({.cursor = "early"});
  stuck.reset({"expired", "early", "late"});
  EXPECT_EQ(stuck.next().kind, Kind::kStop);  // rather than for ever the same
}

TEST(TailMachine, TheFirstStopCounts) {
  TailMachine machine({.cursor = "c"});
  machine.stop(0);
  machine.stop(1);
  EXPECT_EQ(machine.next().exit_code, 0);
  machine.abandon(1);
  EXPECT_EQ(machine.next().exit_code, 1);
}

TEST(Backoff, DoublesWithinItsBoundsAndStartsAgain) {
  TestWorld world;
  Backoff backoff;
  Duration most = Backoff::kFirst;
  for (int i = 0; i < 40; ++i) {
    const Duration wait = backoff.next(world.random(), {});
    EXPECT_GE(wait, most / 2);
    EXPECT_LE(wait, most);
    most = std::min(most * 2, Backoff::kMost);
  }
  backoff.reset();
  EXPECT_LE(backoff.next(world.random(), {}), Backoff::kFirst);
}

}  // namespace
}  // namespace bitvault::cli
