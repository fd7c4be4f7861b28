#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "pattern/pattern.h"

namespace bitvault {
namespace {

Explanation explain(std::string_view pattern, std::string_view event) {
  Matcher matcher;
  return matcher.explain(*Pattern::compile(pattern), event).value();
}

std::string text(const Explanation::Unmet& unmet) {
  return fmt::format("{}: wanted {}, had {}: {}", unmet.path, unmet.wanted, unmet.had, unmet.why);
}

TEST(PatternExplain, AMatchHasNothingToSay) {
  const Explanation explanation = explain(R"({"a":[1]})", R"({"a":1})");
  EXPECT_TRUE(explanation.matched);
  EXPECT_TRUE(explanation.unmet.empty());
}

TEST(PatternExplain, NamesEachUnmetCondition) {
  const Explanation explanation = explain(
      R"({"a":[1],"b":{"c":[{"numeric":[">",5]}],"d":["x"],"e":[{"exists":false}]},"f":["y"]})",
      R"({"a":1,"b":{"c":"7","d":{"z":1},"e":true},"f":[1.5,2]})");
  EXPECT_FALSE(explanation.matched);
  ASSERT_EQ(explanation.unmet.size(), 4U);
  EXPECT_EQ(
      text(explanation.unmet[0]),
      R"(b.c: wanted [{"numeric":[">",5]}], had "7": the event has a string, the pattern wants a number)");
  EXPECT_EQ(
      text(explanation.unmet[1]),
      R"(b.d: wanted ["x"], had an object: it is an object: a pattern names the fields within)");
  EXPECT_EQ(text(explanation.unmet[2]),
            R"(b.e: wanted [{"exists":false}], had true: the field must be absent)");
  EXPECT_EQ(text(explanation.unmet[3]),
            R"(f: wanted ["y"], had 1.5, 2: the event has a number, the pattern wants a string)");
}

TEST(PatternExplain, IsBounded) {
  const Explanation explanation =
      explain(fmt::format(R"({{"a":["{}"],"b":[1]}})", std::string(1'000, 'x')),
              fmt::format(R"({{"a":["{}",2,3,4,5,6,7]}})", std::string(50'000, 'y')));
  ASSERT_EQ(explanation.unmet.size(), 2U);
  EXPECT_LT(explanation.unmet[0].wanted.size(), 300U);
  EXPECT_LT(explanation.unmet[0].had.size(), 200U);
  EXPECT_TRUE(explanation.unmet[0].had.ends_with("2, 3, 4, 5 and 2 more"));
  EXPECT_EQ(explanation.unmet[1].had, "nothing");
}

TEST(PatternExplain, TellsAlternativesApart) {
  const Explanation explanation =
      explain(R"({"a":[1],"$or":[{"b":[2]},{"c":[3],"d":[4]}]})", R"({"a":0,"b":1,"c":3})");
  ASSERT_EQ(explanation.unmet.size(), 1U);
  EXPECT_EQ(explanation.unmet[0].path, "a");
  ASSERT_EQ(explanation.alternatives.size(), 2U);
  EXPECT_EQ(explanation.alternatives[0].at(0).path, "$or[0].b");
  ASSERT_EQ(explanation.alternatives[1].size(), 1U);
  EXPECT_EQ(explanation.alternatives[1].at(0).path, "$or[1].d");
}

TEST(PatternExplain, LeavesOutAlternativesThatHold) {
  const Explanation explanation = explain(R"({"a":[1],"$or":[{"b":[2]},{"c":[3]}]})", R"({"c":3})");
  EXPECT_FALSE(explanation.matched);
  EXPECT_EQ(explanation.unmet.size(), 1U);
  EXPECT_TRUE(explanation.alternatives.empty());
}

TEST(PatternExplain, SaysWhenElementsDiffer) {
  const Explanation explanation =
      explain(R"({"a":{"b":[1],"c":[2]}})", R"({"a":[{"b":1},{"c":2}]})");
  EXPECT_FALSE(explanation.matched);
  ASSERT_EQ(explanation.unmet.size(), 2U);
  EXPECT_EQ(explanation.unmet[0].why,
            "it is met, but not in the same element of an array as the others");
}

}  // namespace
}  // namespace bitvault
