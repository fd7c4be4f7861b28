#include "cli/bench_events.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/text.h"
#include "event/id.h"

namespace bitvault::cli {
namespace {

TEST(BenchEvents, AreNumberedEventsOfTheirRun) {
  const BenchEvents events("0a1b2c3d");
  std::string_view text;
  const std::string lines = events.lines(1'998, 3);
  text = lines;
  for (std::uint64_t number = 1'998; number < 2'001; ++number) {
    const auto end = text.find('\n');
    ASSERT_NE(end, std::string_view::npos);
    const auto event = Json::parse(text.substr(0, end));
    ASSERT_TRUE(event) << text;
    EXPECT_TRUE(EventId::parse(event->text_of("id")));
    EXPECT_TRUE(event->text_of("subject").starts_with(events.subject_prefix()));
    EXPECT_EQ(events.number_of(event->raw()), number);
    text.remove_prefix(end + 1);
  }
  EXPECT_TRUE(text.empty());
}

TEST(BenchEvents, KnowsThoseOfOthers) {
  const BenchEvents events("0a1b2c3d");
  EXPECT_EQ(events.number_of(BenchEvents("ffffffff").lines(1, 1)), std::nullopt);
  EXPECT_EQ(events.number_of(""), std::nullopt);
  EXPECT_EQ(events.number_of(R"({"id":"bench-0a1b2c3d-x"})"), std::nullopt);
  EXPECT_EQ(events.number_of(R"({"id":"bench-0a1b2c3d-)"), std::nullopt);
  EXPECT_EQ(events.number_of(R"({"id":"bench-0a1b2c3d-7"})"), 7u);
}

}  // namespace
}  // namespace bitvault::cli
