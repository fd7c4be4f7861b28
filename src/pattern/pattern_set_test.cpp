#include "pattern/pattern_set.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace bitvault {
namespace {

using Ids = std::vector<PatternSet::Id>;

class PatternSets : public testing::Test {
 protected:
  void add(PatternSet::Id id, std::string_view pattern) {
    set_.add(id, Pattern::compile(pattern).value());
  }
  Ids match(std::string_view event) { return set_.match(matcher_, event).value(); }

  PatternSet set_;
  Matcher matcher_;
};

TEST_F(PatternSets, AnEmptySetMatchesNothing) {
  EXPECT_EQ(match(R"({"a":1})"), Ids{});
  EXPECT_EQ(set_.match(matcher_, "x").error().code, Code::kMalformed);
}

TEST_F(PatternSets, EveryOperatorIsFound) {
  add(1, R"({"a":["x"]})");
  add(2, R"({"a":[{"prefix":"x"}]})");
  add(3, R"({"a":[{"suffix":"z"}]})");
  add(4, R"({"a":[{"equals-ignore-case":"XYZ"}]})");
  add(5, R"({"a":[{"prefix":{"equals-ignore-case":"XY"}}]})");
  add(6, R"({"a":[{"suffix":{"equals-ignore-case":"Z"}}]})");
  add(7, R"({"a":[{"wildcard":"x*z"}]})");
  add(8, R"({"a":[{"wildcard":"*y*"}]})");
  add(9, R"({"a":[{"anything-but":"x"}]})");
  add(10, R"({"a":[{"exists":true}]})");
  add(11, R"({"a":[{"exists":false}]})");
  add(12, R"({"a":[5,true,null]})");
  add(13, R"({"a":[{"numeric":[">",4]}]})");
  add(14, R"({"a":[{"cidr":"10.0.0.0/8"}]})");
  add(15, R"({"a":[{"prefix":""}]})");
  add(16, R"({"b":[1],"a":[{"exists":false},"x"]})");
  EXPECT_EQ(match(R"({"a":"x"})"), (Ids{1, 2, 10, 15}));
  EXPECT_EQ(match(R"({"a":"xyz"})"), (Ids{2, 3, 4, 5, 6, 7, 8, 9, 10, 15}));
  EXPECT_EQ(match(R"({"a":5.0})"), (Ids{9, 10, 12, 13}));
  EXPECT_EQ(match(R"({"a":true})"), (Ids{9, 10, 12}));
  EXPECT_EQ(match(R"({"a":null})"), (Ids{9, 10, 12}));
  EXPECT_EQ(match(R"({"a":"10.0.0.1"})"), (Ids{9, 10, 14, 15}));
  EXPECT_EQ(match(R"({"a":[]})"), (Ids{11}));
  EXPECT_EQ(match(R"({"a":["x",5],"b":1})"), (Ids{1, 2, 9, 10, 12, 13, 15, 16}));
  EXPECT_EQ(match(R"({"b":1})"), (Ids{11, 16}));
}

TEST_F(PatternSets, AlternativesAndArrays) {
  add(1, R"({"$or":[{"a":["x"]},{"b":["y"]}]})");
  add(2, R"({"$or":[{"a":[{"exists":false}]},{"b":["y"]}]})");
  add(3, R"({"a":{"b":["x"],"c":["y"]}})");
  add(4, R"({"a..b":[1]})");
  EXPECT_EQ(match(R"({"a":"x","b":"y"})"), (Ids{1, 2}));
  EXPECT_EQ(match(R"({"a":[{"b":"x"},{"c":"y"}]})"), (Ids{2}));
  EXPECT_EQ(match(R"({"a":[{"b":"x","c":"y"}]})"), (Ids{2, 3}));
  EXPECT_EQ(match(R"({"a":{"":{"b":1}}})"), (Ids{2, 4}));
}

TEST_F(PatternSets, PrefixesOfOneHashAreToldApart) {
  const std::string_view one = "8yn0iYCKYHlIj4-BwPqk";
  const std::string_view other = "GReLUrM4wMqfg9yzV3KQ";
  const auto prefix = [](std::string_view text) {
    return fmt::format(R"({{"a":[{{"prefix":"{}"}}]}})", text);
  };
  const auto event = [](std::string_view text) { return fmt::format(R"({{"a":"{}!"}})", text); };
  add(1, prefix(one));
  EXPECT_EQ(match(event(other)), Ids{});
  add(2, prefix(other));
  EXPECT_EQ(match(event(one)), Ids{1});
  EXPECT_EQ(match(event(other)), Ids{2});
  set_.remove(1);
  EXPECT_EQ(match(event(one)), Ids{});
  EXPECT_EQ(match(event(other)), Ids{2});
}

TEST_F(PatternSets, OneOfSeveralValuesIsEnough) {
  add(1, R"({"a":["x",{"prefix":"y"},{"suffix":{"equals-ignore-case":"Z"}}]})");
  add(2, R"({"a":[{"wildcard":"y*n"},"x"]})");
  EXPECT_EQ(match(R"({"a":"x"})"), (Ids{1, 2}));
  EXPECT_EQ(match(R"({"a":["yes","x"]})"), (Ids{1, 2}));
  EXPECT_EQ(match(R"({"a":"yes"})"), Ids{1});
  EXPECT_EQ(match(R"({"a":"yen"})"), (Ids{1, 2}));
  EXPECT_EQ(match(R"({"a":[{"a":"x"},"z"]})"), Ids{1});
}

TEST_F(PatternSets, IdsAreReplacedAndRemoved) {
  add(7, R"({"a":["x"]})");
  add(7, R"({"b":[{"prefix":"y"}]})");
  EXPECT_EQ(set_.size(), 1U);
  EXPECT_EQ(match(R"({"a":"x"})"), Ids{});
  EXPECT_EQ(match(R"({"b":"yy"})"), Ids{7});
  EXPECT_TRUE(set_.remove(7));
  EXPECT_FALSE(set_.remove(7));
  EXPECT_EQ(set_.size(), 0U);
  EXPECT_EQ(match(R"({"b":"yy"})"), Ids{});
}

TEST_F(PatternSets, WhatIsRemovedLeavesNothingBehind) {
  for (PatternSet::Id round = 0; round < 50; ++round) {
    for (PatternSet::Id id = 0; id < 20; ++id) {
      add(id,
          fmt::format(R"({{"f{}":{{"g":["v{}",{{"suffix":"s{}"}}],"h":[{{"exists":false}}]}}}})",
                      id * round, id, round));
    }
    for (PatternSet::Id id = 0; id < 20; id += 2) {
      EXPECT_TRUE(set_.remove(id));
    }
    EXPECT_EQ(match(fmt::format(R"({{"f{}":{{"g":"v3"}}}})", 3 * round)), Ids{3});
    for (PatternSet::Id id = 1; id < 20; id += 2) {
      EXPECT_TRUE(set_.remove(id));
    }
    EXPECT_EQ(match(fmt::format(R"({{"f{}":{{"g":"v3"}}}})", 3 * round)), Ids{});
  }
}

TEST_F(PatternSets, ThreadsWithMatchersOfTheirOwnReadAtOnce) {
  for (PatternSet::Id id = 0; id < 200; ++id) {
    add(id, fmt::format(R"({{"a":["v{}"],"b":[1]}})", id));
  }
  std::vector<std::thread> threads;
  std::vector<int> found(2, 0);
  for (int& count : found) {
    threads.emplace_back([&] {
      Matcher matcher;
      for (PatternSet::Id id = 0; id < 200; ++id) {
        const auto ids = set_.match(matcher, fmt::format(R"({{"a":"v{}","b":1}})", id));
        count += *ids == Ids{id} ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(found, (std::vector<int>{200, 200}));
}

TEST(PatternSetMoves, AMatcherServesManySets) {
  PatternSet one;
  one.add(1, Pattern::compile(R"({"a":[1]})").value());
  PatternSet other;
  other.add(2, Pattern::compile(R"({"b":{"c":[2]}})").value());
  Matcher matcher;
  const std::string event = R"({"a":1,"b":{"c":2}})";
  EXPECT_EQ(one.match(matcher, event).value(), Ids{1});
  EXPECT_EQ(other.match(matcher, event).value(), Ids{2});
  one = std::move(other);
  EXPECT_EQ(one.match(matcher, event).value(), Ids{2});
}

}  // namespace
}  // namespace bitvault
