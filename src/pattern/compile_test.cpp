#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "pattern/pattern.h"

namespace bitvault {
namespace {

std::string complaint(std::string_view pattern, const PatternLimits& limits = {}) {
  const auto compiled = Pattern::compile(pattern, limits);
  if (compiled) {
    return "";
  }
  EXPECT_EQ(compiled.error().code, Code::kInvalid) << pattern;
  return compiled.error().detail;
}

struct Case {
  std::string_view pattern;
  std::string_view said;  // the detail begins like this
};

TEST(PatternCompile, NamesThePathAndTheReason) {
  for (const Case& c : std::vector<Case>{
           {"", "pattern: no valid JSON"},
           {"{", "pattern: no valid JSON"},
           {R"({"a":[1]}})", "pattern: no valid JSON"},
           {"[]", "pattern: a pattern is a JSON object"},
           {"{}", "pattern: an empty object"},
           {R"({"a":{}})", "a: an empty object"},
           {R"({"a":{"b":[]}})", "a.b: the array of wanted values is empty"},
           {R"({"a":"x"})", R"(a: wanted values stand in an array: ["x"] instead of "x")"},
           {R"({"a":{"b":5}})", "a.b: wanted values stand in an array: [5] instead of 5"},
           {R"({"a":null})", "a: wanted values stand in an array"},
           {R"({"a":[[1]]})", "a: an array stands within"},
           {R"({"a":[1],"a":[2]})", "a: is given twice"},
           {R"({"a":{"b":[1]},"a.b":[2]})", "a.b: a.b is wanted twice"},
           {R"({"a":[{}]})", "a: an empty object stands among"},
           {R"({"a":[{"prefix":"x","suffix":"y"}]})",
            "a: an object among the wanted values has one"},
           {R"({"a":[{"prefix":"x","prefix":"y"}]})",
            "a: an object among the wanted values has one"},
           {R"({"a":[{"Prefix":"x"}]})",
            R"(a: "Prefix" is no operator; there are prefix, suffix,)"},
           {R"({"a":[{"prefix":1}]})", R"(a: "prefix" takes a string or)"},
           {R"({"a":[{"prefix":{"wildcard":"x"}}]})", R"(a: "prefix" takes a string or)"},
           {R"({"a":[{"prefix":{}}]})", R"(a: "prefix" takes a string or)"},
           {R"({"a":[{"suffix":{"equals-ignore-case":1}}]})", R"(a: "suffix" takes a string)"},
           {R"({"a":[{"equals-ignore-case":["x"]}]})", R"(a: "equals-ignore-case" takes a string)"},
           {R"({"a":[{"wildcard":"a**b"}]})", R"(a: "wildcard" has two stars in a row)"},
           {R"({"a":[{"wildcard":"a\\b"}]})", R"(a: "wildcard" has a backslash)"},
           {R"({"a":[{"wildcard":"a\\"}]})", R"(a: "wildcard" has a backslash)"},
           {R"({"a":[{"wildcard":1}]})", R"(a: "wildcard" takes a string)"},
           {R"({"a":[{"numeric":5}]})", R"(a: "numeric" takes a comparison)"},
           {R"({"a":[{"numeric":[]}]})", R"(a: "numeric" takes a comparison)"},
           {R"({"a":[{"numeric":["!=",5]}]})", R"(a: "numeric" takes a comparison)"},
           {R"({"a":[{"numeric":[">","5"]}]})", R"(a: "numeric" takes a comparison)"},
           {R"({"a":[{"numeric":["<",5,">",0]}]})", R"(a: "numeric" takes a comparison)"},
           {R"({"a":[{"numeric":[">",5,">",6]}]})", R"(a: "numeric" takes a comparison)"},
           {R"({"a":[{"numeric":[">=",5,"<=",5]}]})", R"(a: "numeric" takes a comparison)"},
           {R"({"a":[{"numeric":["=",5,"<",6]}]})", R"(a: "numeric" takes a comparison)"},
           {R"({"a":[{"numeric":[">",5,"=",6]}]})", R"(a: "numeric" takes a comparison)"},
           {R"({"a":{"b":["x",0.1000000000000000001]}})",
            "a.b: the number 0.1000000000000000001 cannot be held exactly: give an integer"},
           {R"({"a":[123456789012345678901]})", "a: the number 123456789012345678901"},
           {R"({"a":[{"anything-but":9007199254740993.0}]})", "a: the number 9007199254740993.0 "},
           {R"({"a":[{"numeric":[">",1e-400]}]})", "a: the number 1e-400 cannot"},
           {R"({"a":[1e400]})", "pattern: no valid JSON"},
           {R"({"a":[{"exists":1}]})", R"(a: "exists" takes true or false)"},
           {R"({"a":[{"cidr":"10.0.0.0"}]})", R"(a: "cidr" takes an address)"},
           {R"({"a":[{"cidr":"10.0.0.0/33"}]})", R"(a: "cidr" takes an address)"},
           {R"({"a":[{"cidr":"10.0.0/8"}]})", R"(a: "cidr" takes an address)"},
           {R"({"a":[{"cidr":"::/129"}]})", R"(a: "cidr" takes an address)"},
           {R"({"a":[{"cidr":"/8"}]})", R"(a: "cidr" takes an address)"},
           {R"({"a":[{"cidr":8}]})", R"(a: "cidr" takes a string)"},
       }) {
    EXPECT_TRUE(complaint(c.pattern).starts_with(c.said)) << c.pattern << "\n"
                                                          << complaint(c.pattern);
  }
}

TEST(PatternCompile, AnythingButForms) {
  for (const char* operand :
       {"null", "true", "[]", R"(["a",1])", "[null]", R"({"numeric":["=",1]})", "{}", "[[1]]",
        R"({"cidr":"10.0.0.0/8"})", R"({"prefix":{"equals-ignore-case":"a"}})", R"({"prefix":""})",
        R"({"suffix":["a",""]})", R"({"prefix":[]})", R"({"prefix":[1]})", R"({"wildcard":"**"})",
        R"({"prefix":"a","suffix":"b"})", R"({"anything-but":"a"})"}) {
    const std::string pattern = fmt::format(R"({{"a":[{{"anything-but":{}}}]}})", operand);
    EXPECT_TRUE(complaint(pattern).starts_with("a: ")) << pattern << "\n" << complaint(pattern);
  }
}

TEST(PatternCompile, OrForms) {
  for (const Case& c : std::vector<Case>{
           {R"({"$or":[{"a":[1]}]})", R"($or: "a" is no operator)"},
           {R"({"$or":"a"})", "$or: wanted values stand in an array"},
           {R"({"$or":[]})", "$or: the array of wanted values is empty"},
           {R"({"x":{"$or":[{"a":[1]},{}]}})", "x.$or[1]: an empty object"},
           {R"({"$or":[{"a":[1]},{"prefix":["x"]}]})", R"($or: "a" is no operator)"},
           {R"({"$or":[{"a":[1]},5]})", R"($or: "a" is no operator)"},
           {R"({"$or":[{"a":[1]},{"b":[]}]})", "$or[1].b: the array of wanted values is empty"},
           {R"({"a":[9],"$or":[{"a":[1]},{"b":[2]}]})", "$or: a is wanted twice"},
           {R"({"$or":[{"x":{"a":[1]}},{"b":[2]}],"x":{"a":[1]}})", "x: x.a is wanted twice"},
       }) {
    EXPECT_TRUE(complaint(c.pattern).starts_with(c.said)) << c.pattern << "\n"
                                                          << complaint(c.pattern);
  }
}

TEST(PatternCompile, TellsWhatAlternativesAre) {
  EXPECT_TRUE(complaint(R"({"x":{"$or":[{"a":[1]}]}})")
                  .ends_with("; alternatives are at least two objects of fields, none of which is "
                             "named like an operator"));
}

std::string repeated(std::size_t count, std::string_view form) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += (i > 0 ? "," : "") + fmt::format(fmt::runtime(form), i);
  }
  return out;
}

std::string nested(std::size_t depth) {
  std::string out;
  for (std::size_t i = 0; i < depth; ++i) {
    out += R"({"a":)";
  }
  return out + "[1]" + std::string(depth, '}');
}

std::string alternatives(std::size_t groups) {
  std::string out;
  for (std::size_t i = 0; i < groups; ++i) {
    out += fmt::format(R"({0}"g{1}":{{"$or":[{{"a":[1]}},{{"b":[1]}}]}})", i > 0 ? "," : "", i);
  }
  return "{" + out + "}";
}

TEST(PatternLimits, AreExact) {
  EXPECT_EQ(complaint(fmt::format(R"({{"a":[{}]}})", repeated(1'000, "{}"))), "");
  EXPECT_NE(complaint(fmt::format(R"({{"a":[{}]}})", repeated(1'001, "{}"))), "");
  EXPECT_EQ(complaint(fmt::format(R"({{"a":[{}]}})", repeated(256, R"({{"prefix":"{}"}})"))), "");
  EXPECT_NE(complaint(fmt::format(R"({{"a":[{}]}})", repeated(257, R"({{"prefix":"{}"}})"))), "");
  EXPECT_EQ(complaint("{" + repeated(64, R"("f{}":[1])") + "}"), "");
  EXPECT_NE(complaint("{" + repeated(65, R"("f{}":[1])") + "}"), "");
  EXPECT_EQ(complaint(R"({"$or":[)" + repeated(256, R"({{"f{}":[1]}})") + "]}"), "");
  EXPECT_NE(complaint(R"({"$or":[)" + repeated(257, R"({{"f{}":[1]}})") + "]}"), "");
  EXPECT_EQ(complaint(nested(32)), "");
  EXPECT_NE(complaint(nested(33)), "");
  EXPECT_EQ(complaint(R"({"a":[")" + std::string(4'096, 'x') + R"("]})"), "");
  EXPECT_NE(complaint(R"({"a":[")" + std::string(4'097, 'x') + R"("]})"), "");
  EXPECT_NE(complaint(R"({"a":[{"suffix":")" + std::string(4'097, 'x') + R"("}]})"), "");
  EXPECT_EQ(complaint(alternatives(9)), "");   // 512 combinations
  EXPECT_NE(complaint(alternatives(10)), "");  // 1,024
  EXPECT_NE(complaint(alternatives(60)), "");
}

TEST(PatternLimits, Stars) {
  std::string text;
  for (int i = 0; i < 16; ++i) {
    text += "a*";
  }
  EXPECT_EQ(complaint(R"({"a":[{"wildcard":")" + text + R"("}]})"), "");
  EXPECT_NE(complaint(R"({"a":[{"wildcard":")" + text + R"(a*"}]})"), "");
  for (int i = 0; i < 184; ++i) {
    text += "a*";
  }
  EXPECT_EQ(complaint(R"({"a":[{"wildcard":")" + text + R"("}]})"),
            R"(a: "wildcard" has more than 16 stars)");
}

TEST(PatternLimits, BytesAreCountedFirst) {
  const std::string huge = fmt::format(R"({{"a":[{}]}})", repeated(100'000, "{}"));
  const auto compiled = Pattern::compile(huge);
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().code, Code::kTooLarge);
  EXPECT_EQ(compiled.error().detail.substr(0, 13), "pattern: has ");
  EXPECT_TRUE(complaint(std::string(15'000, '[')).starts_with("pattern: no valid JSON"));
}

TEST(PatternLimits, AreTheCallers) {
  EXPECT_NE(complaint(R"({"a":[1,2]})", {.values = 1}), "");
  EXPECT_NE(complaint(R"({"a":[{"wildcard":"*"}]})", {.stars = 0}), "");
  EXPECT_NE(complaint(alternatives(2), {.combinations = 3}), "");
  EXPECT_NE(complaint(alternatives(2), {.fields_of_combinations = 7}), "");
  EXPECT_EQ(complaint(alternatives(2), {.combinations = 4, .fields_of_combinations = 8}), "");
}

}  // namespace
}  // namespace bitvault
