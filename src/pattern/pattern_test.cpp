#include "pattern/pattern.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bitvault {
namespace {

bool matches(std::string_view pattern, std::string_view event) {
  const auto compiled = Pattern::compile(pattern);
  EXPECT_TRUE(compiled) << pattern << ": " << compiled.error().detail;
  Matcher matcher;
  const auto matched = compiled ? matcher.matches(*compiled, event) : false;
  EXPECT_TRUE(matched) << event << ": " << matched.error().detail;
  return matched.value_or(false);
}

struct Case {
  std::string_view wanted;  // of the field "a"
  std::vector<std::string_view> met = {};
  std::vector<std::string_view> not_met = {};  // "" stands for an event without the field
};

void expect_cases(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const std::string pattern = fmt::format(R"({{"a":{}}})", c.wanted);
    const auto event = [](std::string_view value) {
      return value.empty() ? std::string(R"({"b":1})") : fmt::format(R"({{"a":{}}})", value);
    };
    for (const std::string_view value : c.met) {
      EXPECT_TRUE(matches(pattern, event(value))) << pattern << " " << event(value);
    }
    for (const std::string_view value : c.not_met) {
      EXPECT_FALSE(matches(pattern, event(value))) << pattern << " " << event(value);
    }
  }
}

TEST(PatternOperators, Literals) {
  expect_cases({
      {R"(["x"])", {R"("x")", R"("\u0078")", R"(["y","x"])"}, {"", R"("X")", R"("xx")", R"("")"}},
      {R"(["1"])", {R"("1")"}, {"1"}},
      {R"([1])", {"1", "1.0", "1e0", "[2,1]"}, {R"("1")", "true", "2", "null"}},
      {R"([true])", {"true", "[false,true]"}, {R"("true")", "false", "1", "null", ""}},
      {R"([false])", {"false"}, {"true", "0", "null", ""}},
      {R"([null])", {"null", "[null]"}, {"", R"("null")", "0", R"("")", "[]", "{}"}},
      {R"([""])", {R"("")"}, {"", "null", R"("x")", "[]"}},
      {R"(["x",2,null])", {R"("x")", "2", "null"}, {"", "true", R"("2")"}},
      {R"(["\u0041\n"])", {R"("A\n")"}, {R"("A")"}},
      {R"(["é"])", {R"("\u00e9")"}, {R"("e\u0301")", R"("É")"}},
      {R"(["10.0.0.1"])", {R"("10.0.0.1")"}, {R"("10.0.0.01")"}},
      {R"(["x"])", {R"([[["x"]]])"}, {R"({"x":"x"})", R"([[]])"}},
  });
}

TEST(PatternOperators, NumbersCompareByValue) {
  expect_cases({
      {"[300]", {"300", "300.0", "3.0e2", "30e1"}, {"301", "300.1"}},
      {"[3.0e2]", {"300"}, {}},
      {"[0]", {"-0", "0.0", "-0.0"}, {"1e-300"}},
      {"[9007199254740993]", {"9007199254740993"}, {"9007199254740992", "9007199254740994"}},
      {"[18446744073709551615]", {"18446744073709551615"}, {"18446744073709551614"}},
      {"[1e20]", {"100000000000000000000", "100000000000000000001"}, {"100000000000000100000"}},
      {"[100000000000000000000]", {"1e20"}, {"-100000000000000000000"}},
      {"[-9223372036854775808]", {"-9223372036854775808"}, {"-9223372036854775807"}},
      {"[0.3]", {"0.3", "3e-1", "0.3000000000000000001"}, {"0.30000000000000004"}},
  });
}

TEST(PatternOperators, PrefixAndSuffix) {
  expect_cases({
      {R"([{"prefix":"ab"}])", {R"("ab")", R"("abc")"}, {"", R"("a")", R"("AB")", R"("xab")"}},
      {R"([{"prefix":""}])", {R"("")", R"("x")"}, {"", "1", "null"}},
      {R"([{"prefix":"1"}])", {R"("1")"}, {"1", "12"}},
      {R"([{"prefix":"x\""}])", {R"("x\"y")"}, {R"("x")"}},
      {R"([{"suffix":".pdf"}])", {R"("a.pdf")", R"(".pdf")"}, {R"("a.PDF")", R"("pdf")"}},
      {R"([{"suffix":""}])", {R"("")", R"("x")"}, {"", "1"}},
      {R"([{"prefix":{"equals-ignore-case":"aÉ"}}])", {R"("AéX")", R"("aé")"}, {R"("ae")"}},
      {R"([{"suffix":{"equals-ignore-case":".PDF"}}])", {R"("a.pdf")", R"("a.PdF")"}, {"1"}},
  });
}

TEST(PatternOperators, EqualsIgnoreCase) {
  expect_cases({
      {R"([{"equals-ignore-case":"aBc"}])", {R"("AbC")"}, {R"("abcd")", R"("ab")", "", "null"}},
      {R"([{"equals-ignore-case":"ÉÜ"}])", {R"("éü")"}, {R"("eu")"}},
      {R"([{"equals-ignore-case":"ж"}])", {R"("Ж")"}, {}},
      {R"([{"equals-ignore-case":"𐐀"}])", {R"("𐐨")"}, {}},
      {R"([{"equals-ignore-case":"ß"}])", {R"("ß")"}, {R"("SS")", R"("ss")"}},
      {R"([{"equals-ignore-case":"Σ"}])", {R"("σ")"}, {R"("ς")"}},
      {R"([{"equals-ignore-case":"k"}])", {R"("K")"}, {R"("\u212a")"}},
      {R"([{"equals-ignore-case":""}])", {R"("")"}, {R"("x")", ""}},
  });
}

TEST(PatternOperators, Wildcard) {
  expect_cases({
      {R"([{"wildcard":"*"}])", {R"("")", R"("x")"}, {"", "1", "null"}},
      {R"([{"wildcard":"a*c"}])", {R"("ac")", R"("abc")", R"("acc")"}, {R"("a")", R"("acb")"}},
      {R"([{"wildcard":"*b*"}])", {R"("b")", R"("abc")"}, {R"("ac")"}},
      {R"([{"wildcard":"a*a"}])", {R"("aa")", R"("aba")"}, {R"("a")"}},
      {R"([{"wildcard":"*ab*ba*"}])", {R"("abba")", R"("xabxbax")"}, {R"("aba")"}},
      {R"([{"wildcard":"a\\*b"}])", {R"("a*b")"}, {R"("axb")"}},
      {R"([{"wildcard":"\\**"}])", {R"("*")", R"("*x")"}, {R"("x")"}},
      {R"([{"wildcard":"a\\\\*"}])", {R"("a\\")", R"("a\\x")"}, {R"("ax")"}},
      {R"([{"wildcard":"plain"}])", {R"("plain")"}, {R"("plainer")"}},
      {R"([{"wildcard":"é*é"}])", {R"("éé")"}, {R"("é")"}},
  });
}

TEST(PatternOperators, AnythingBut) {
  expect_cases({
      {R"([{"anything-but":"x"}])",
       {R"("y")", "5", "null", "true", R"(["x","y"])"},
       {"", R"("x")", R"(["x"])", "[]", "{}", R"({"b":1})"}},
      {R"([{"anything-but":5}])", {R"("5")", "6", "null", "false"}, {"5", "5.0", ""}},
      {R"([{"anything-but":["x","y"]}])", {R"("z")", "1"}, {R"("x")", R"("y")", R"(["x","y"])"}},
      {R"([{"anything-but":[1,2]}])", {"3", R"("1")"}, {"1", "2.0"}},
      {R"([{"anything-but":{"prefix":"a"}}])", {R"("b")", "1"}, {R"("ab")", ""}},
      {R"([{"anything-but":{"prefix":["a","b"]}}])", {R"("c")"}, {R"("ab")", R"("b")"}},
      {R"([{"anything-but":{"suffix":"z"}}])", {R"("za")"}, {R"("az")"}},
      {R"([{"anything-but":{"suffix":["y","z"]}}])", {R"("a")"}, {R"("ay")", R"("z")"}},
      {R"([{"anything-but":{"equals-ignore-case":"Ab"}}])", {R"("abc")"}, {R"("aB")"}},
      {R"([{"anything-but":{"equals-ignore-case":["a","b"]}}])", {R"("c")"}, {R"("A")"}},
      {R"([{"anything-but":{"wildcard":"*/tmp/*"}}])", {R"("/tmp")"}, {R"("/tmp/x")"}},
      {R"([{"anything-but":{"wildcard":["a*","*b"]}}])", {R"("cc")"}, {R"("ac")", R"("cb")"}},
      {R"([{"anything-but":{"wildcard":"plain"}}])", {R"("x")"}, {R"("plain")"}},
      {R"([{"anything-but":"x"},"x"])", {R"("x")", "1"}, {""}},
  });
}

TEST(PatternOperators, Numeric) {
  expect_cases({
      {R"([{"numeric":["=",5]}])", {"5", "5.0", "50e-1"}, {"6", R"("5")", "null", ""}},
      {R"([{"numeric":["<",5]}])", {"4.999", "-1e300"}, {"5", "6"}},
      {R"([{"numeric":["<=",5]}])", {"5", "4"}, {"5.0000001"}},
      {R"([{"numeric":[">",5]}])", {"5.5", "1e300"}, {"5"}},
      {R"([{"numeric":[">=",-1.5]}])", {"-1.5", "0"}, {"-1.6"}},
      {R"([{"numeric":[">",0,"<=",5]}])", {"5", "0.1", "[9,3]"}, {"0", "5.1", "[9,-1]"}},
      {R"([{"numeric":[">=",0,"<",5]}])", {"0", "-0"}, {"5"}},
      {R"([{"numeric":[">",9007199254740992]}])", {"9007199254740993"}, {"9007199254740992"}},
  });
}

TEST(PatternOperators, Exists) {
  expect_cases({
      {R"([{"exists":true}])",
       {"1", "null", R"("")", "[1]", "[{},2]"},
       {"", "[]", "{}", R"({"b":1})", R"([{"b":1}])", "[[]]"}},
      {R"([{"exists":false}])",
       {"", "[]", "{}", R"({"b":1})", "[[],{}]"},
       {"1", "null", R"("")", "[1]"}},
      {R"([{"exists":false},"x"])", {"", R"("x")", "[]"}, {R"("y")", "null"}},
  });
}

TEST(PatternOperators, Cidr) {
  expect_cases({
      {R"([{"cidr":"10.0.0.0/8"}])",
       {R"("10.1.2.3")", R"("10.255.255.255")"},
       {R"("11.0.0.0")", R"("10.1.2")", R"("x")", "10", R"("::ffff:10.0.0.1")",
        R"("10.0.0.1\u0000")"}},
      {R"([{"cidr":"10.1.2.3/8"}])", {R"("10.200.0.1")"}, {}},
      {R"([{"cidr":"10.1.2.3/32"}])", {R"("10.1.2.3")"}, {R"("10.1.2.4")"}},
      {R"([{"cidr":"192.168.128.0/17"}])", {R"("192.168.128.1")"}, {R"("192.168.127.1")"}},
      {R"([{"cidr":"0.0.0.0/0"}])", {R"("1.2.3.4")"}, {R"("::1")"}},
      {R"([{"cidr":"2001:db8::/33"}])",
       {R"("2001:db8:7fff::1")", R"("2001:0DB8:0:0:0:0:0:1")"},
       {R"("2001:db8:8000::1")", R"("10.0.0.1")"}},
      {R"([{"cidr":"::1/128"}])", {R"("::1")"}, {R"("::2")"}},
  });
}

struct Whole {
  std::string_view pattern;
  std::string_view event;
  bool matched;
};

void expect_whole(const std::vector<Whole>& cases) {
  for (const Whole& c : cases) {
    EXPECT_EQ(matches(c.pattern, c.event), c.matched) << c.pattern << " " << c.event;
  }
}

TEST(PatternFrame, FieldsAreAndValuesAreOr) {
  expect_whole({
      {R"({"a":[1],"b":[2,3]})", R"({"a":1,"b":3,"c":4})", true},
      {R"({"a":[1],"b":[2,3]})", R"({"a":1,"b":4})", false},
      {R"({"a":[1],"b":[2,3]})", R"({"a":1})", false},
      {R"({"A":[1]})", R"({"a":1})", false},
      {R"({"a":{"b":{"c":[1]}}})", R"({"a":{"b":{"c":1}}})", true},
      {R"({"a":{"b":{"c":[1]}}})", R"({"a":{"b":1}})", false},
      {R"({"":[1]})", R"({"":1})", true},
  });
}

TEST(PatternFrame, ADotInAKeyIsAStep) {
  expect_whole({
      {R"({"a":{"b":[1]}})", R"({"a.b":1})", true},
      {R"({"a.b":[1]})", R"({"a":{"b":1}})", true},
      {R"({"a.b":[1]})", R"({"a.b":1})", true},
      {R"({"a":{"b.c":[1],"b.d":[2]}})", R"({"a":{"b":{"c":1},"b.d":2}})", true},
      {R"({"a..b":[1]})", R"({"a":{"":{"b":1}}})", true},
      {R"({"a.":[1]})", R"({"a":{"":1}})", true},
      {R"({"a.":[1]})", R"({"a":1})", false},
  });
}

TEST(PatternFrame, BothValuesOfARepeatedKeyCount) {
  EXPECT_TRUE(matches(R"({"a":[1]})", R"({"a":2,"a":1})"));
  EXPECT_TRUE(matches(R"({"a":[2]})", R"({"a":2,"a":1})"));
}

TEST(PatternOr, AnyAlternativeAtAnyDepth) {
  expect_whole({
      {R"({"$or":[{"a":[1]},{"b":[2]}]})", R"({"b":2})", true},
      {R"({"$or":[{"a":[1]},{"b":[2]}]})", R"({"a":2,"b":1})", false},
      {R"({"c":[3],"$or":[{"a":[1]},{"b":[2]}]})", R"({"a":1})", false},
      {R"({"c":[3],"$or":[{"a":[1]},{"b":[2]}]})", R"({"a":1,"c":3})", true},
      {R"({"x":{"$or":[{"a":[1]},{"b":[2]}]}})", R"({"x":{"b":2}})", true},
      {R"({"$or":[{"a":[1],"$or":[{"b":[2]},{"c":[3]}]},{"d":[4]}]})", R"({"a":1,"c":3})", true},
      {R"({"$or":[{"a":[1],"$or":[{"b":[2]},{"c":[3]}]},{"d":[4]}]})", R"({"c":3})", false},
      {R"({"$or":[{"a":[1]},{"a":[2]}]})", R"({"a":2})", true},
      {R"({"$or":[{"a":[{"exists":false}]},{"a":[2]}]})", R"({})", true},
  });
}

// As in Amazon EventBridge.
TEST(PatternOr, IsAFieldWhereItListsNoAlternatives) {
  expect_whole({
      {R"({"$or":["a",1]})", R"({"$or":1})", true},
      {R"({"$or":["a",1]})", R"({"$or":2})", false},
      {R"({"$or":[{"prefix":"a"}]})", R"({"$or":"ab"})", true},
      {R"({"$or":[{"numeric":["<",1]},{"numeric":[">",5]}]})", R"({"$or":6})", true},
      {R"({"$or":[{"numeric":["<",1]},{"numeric":[">",5]}]})", R"({"$or":3})", false},
      {R"({"x":{"$or":{"a":[1]}}})", R"({"x":{"$or":{"a":1}}})", true},
      {R"({"x":{"$or":{"a":[1]}}})", R"({"x":{"a":1}})", false},
  });
}

TEST(PatternEvents, NumbersOfAnySizeCanBeRead) {
  const std::string_view event =
      R"({"a":1,"b":123456789012345678901234567890,"c":["99999999999999999999",-99999999999999999999]})";
  expect_whole({{R"({"a":[1]})", event, true},
                {R"({"b":[{"numeric":[">",1e29]}]})", event, true},
                {R"({"c":[{"numeric":["<",-9e19]}]})", event, true},
                {R"({"c":["99999999999999999999"]})", event, true}});
}

constexpr std::string_view kEmployees =
    R"({"employees":[{"first":"Anna","last":"Smith"},{"first":"Peter","last":"Jones"}],
        "teams":[{"name":"red"},{"name":"blue"}]})";

TEST(PatternArrays, OneElementMeetsAllConditionsBeneath) {
  expect_whole({
      {R"({"employees":{"first":["Anna"],"last":["Smith"]}})", kEmployees, true},
      {R"({"employees":{"first":["Anna"],"last":["Jones"]}})", kEmployees, false},
      {R"({"employees":{"last":["Jones"]},"teams":{"name":["red"]}})", kEmployees, true},
      {R"({"employees":{"$or":[{"first":["Anna"]},{"first":["Eve"]}],"last":["Jones"]}})",
       kEmployees, false},
      {R"({"employees":{"$or":[{"first":["Anna"]},{"first":["Peter"]}],"last":["Jones"]}})",
       kEmployees, true},
      {R"({"a":{"b":{"c":[1],"d":[2]},"e":[3]}})", R"({"a":[{"b":[{"c":1},{"c":1,"d":2}],"e":3}]})",
       true},
      {R"({"a":{"b":{"c":[1],"d":[2]},"e":[3]}})",
       R"({"a":[{"b":[{"c":1,"d":2}]},{"b":[{"c":1}],"e":3}]})", false},
      {R"({"a":{"b":[1],"c":[2]}})", R"({"a":[[{"b":1}],[{"c":2}]]})", false},
      {R"({"a":{"b":[1],"c":[2]}})", R"({"a":[[{"b":1,"c":2}]]})", true},
      {R"({"a":{"b":[1],"c":[2]}})", R"({"a":[[{"b":1},{"c":2}]]})", false},
  });
}

TEST(PatternArrays, LeavesOfAnArrayAreInNoElement) {
  expect_whole({
      {R"({"a":[1],"a.b":[2]})", R"({"a":[1,{"b":2}]})", true},
      {R"({"a":[1],"a.b":[2]})", R"({"a":[[1],{"b":2}]})", false},
      {R"({"a":{"b":[1],"c":[2]}})", R"({"a":[{"b":1}],"a.c":2})", true},
  });
}

TEST(PatternArrays, ExistsFalseIsForTheWholeArray) {
  const std::string_view pattern = R"({"a":{"b":[{"exists":false}],"c":[1]}})";
  expect_whole({{pattern, R"({"a":[{"b":1},{"c":1}]})", false},
                {pattern, R"({"a":[{"d":1},{"c":1}]})", true}});
}

TEST(PatternEvents, NamesAreComparedUnescaped) {
  expect_whole({
      {R"({"type":["x"]})", R"({"\u0074ype":"x"})", true},
      {R"({"type":["x"]})", R"({"typ\u0065":"x"})", true},
      {R"({"type":["x"]})", R"({"typ\u0066":"x"})", false},
      {R"({"type":["x"]})", R"({"type\"":"x","typ":"x","types":"x","":"x"})", false},
      {R"({"a\"b":["x"]})", R"({"a\"b":"x"})", true},
      {R"({"a\"b":["x"]})", R"({"a":"b","b":"x"})", false},
      {R"({"a\":":["x"]})", R"({"a":"x","b":":"})", false},
      {R"({"a\\b":["x"]})", R"({"a\\b":"x"})", true},
      {R"({"a\\b":["x"]})", R"({"a\b":"x"})", false},
      {R"({"a\bc":["x"]})", R"({"a\u0008c":"x"})", true},
      {R"({"":["x"]})", R"({"":"x"})", true},
      {R"({"":{"b":["x"]}})", R"({".b":"x"})", true},
      {R"({"a":{"b":["x"]}})", R"({"a\u002eb":"x"})", true},
      {R"({"a":{"b":["x"]}})", R"({"a.b":"x"})", true},
      {R"({"a":{"b":["x"]},"ab":[1]})", R"({"ab":1,"a.b":"x"})", true},
      {R"({"data":{"x":[1]},"date":[2]})", R"({"date":2,"data":{"x":1}})", true},
      {R"({"\u00e9":["x"]})", "{\"\xc3\xa9\":\"x\"}", true},
  });
}

TEST(PatternEvents, WhatIsNoEventIsAnError) {
  const auto pattern = Pattern::compile(R"({"a":[1]})");
  Matcher matcher;
  for (const std::string_view event :
       {"", "x", "{", R"({"a":1)", R"({"a":01})", R"({"a":1e400})", "[1]", "1", R"({"b":"\ud800"})",
        "{\"b\":\"\xff\"}", R"({"a":1}x)"}) {
    const auto explained = matcher.explain(*pattern, event);
    ASSERT_FALSE(explained) << event;
    EXPECT_EQ(explained.error().code, Code::kMalformed) << event;
  }
  // What is stepped over is not checked.
  for (const std::string_view event :
       {"", "x", "{", R"({"a":1)", R"({"a":01})", R"({"a":1e400})", R"({"a":nul})",
        R"({"a":"\ud800"})", R"({"a":tru})", R"({"a":{)", R"({"a":[1)", R"({"a":[1 2]})",
        R"({a:1})", R"({"a" 1})", "[1]", "1", "{\"b\":\"\xff\"}", R"({"a":1}x)", R"({"a":"x})"}) {
    const auto matched = matcher.matches(*pattern, event);
    ASSERT_FALSE(matched) << event;
    EXPECT_EQ(matched.error().code, Code::kMalformed) << event;
  }
  for (const unsigned depth : {1'000U, 2'000U, 30'000U}) {
    const std::string nested = std::string(depth, '[') + "1" + std::string(depth, ']');
    EXPECT_EQ(matcher.matches(*pattern, R"({"a":)" + nested + "}").has_value(), depth < 1'024);
    EXPECT_TRUE(matcher.matches(*pattern, R"({"b":)" + nested + R"(,"a":1})").value());
  }
  const std::string large = fmt::format(R"({{"a":1,"b":"{}"}})", std::string(65'535 - 14, 'x'));
  EXPECT_TRUE(matcher.matches(*pattern, large).value());
  EXPECT_EQ(matcher.matches(*pattern, large + " ").error().code, Code::kTooLarge);
  EXPECT_TRUE(matcher.matches(*pattern, R"({"a":1})").value());
}

TEST(PatternEvents, LongTextsTakeLinearTime) {
  const std::string many(60'000, 'a');
  const std::string half(2'000, 'a');
  EXPECT_FALSE(matches(fmt::format(R"({{"a":[{{"wildcard":"*{0}b*{0}b*"}}]}})", half),
                       fmt::format(R"({{"a":"{}"}})", many)));
}

TEST(PatternNecessary, TypesAndPartitionKeys) {
  const auto necessary = [](std::string_view json) { return Pattern::compile(json)->necessary(); };
  const auto some = necessary(
      R"({"type":["b","a",{"prefix":"bitvault.node."},{"wildcard":"c.*.v1"}],"partitionkey":["n_1"]})");
  EXPECT_EQ(some.types, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(some.type_prefixes, (std::vector<std::string>{"bitvault.node.", "c."}));
  EXPECT_EQ(some.partitionkeys, (std::vector<std::string>{"n_1"}));
  for (const std::string_view anything :
       {R"({"data":{"type":["a"]}})", R"({"type":["a",{"prefix":""}]})",
        R"({"type":["a",{"suffix":"x"}]})", R"({"type":[{"anything-but":"a"}]})",
        R"({"type":["a",{"exists":false}]})", R"({"$or":[{"type":["a"]},{"id":["b"]}]})",
        R"({"type":[{"equals-ignore-case":"a"}]})"}) {
    EXPECT_TRUE(necessary(anything).types.empty()) << anything;
    EXPECT_TRUE(necessary(anything).type_prefixes.empty()) << anything;
  }
  const auto either = necessary(R"({"$or":[{"type":["a"],"id":["b"]},{"type":["c"]}]})");
  EXPECT_EQ(either.types, (std::vector<std::string>{"a", "c"}));
  EXPECT_TRUE(necessary(R"({"partitionkey":["a",{"prefix":"b"}]})").partitionkeys.empty());
}

}  // namespace
}  // namespace bitvault
