#include "catalog/text_rule.h"

#include <gtest/gtest.h>

#include <string>

namespace bitvault {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  const auto rule = TextRule::compile(pattern);
  EXPECT_TRUE(rule) << pattern;
  return rule && rule->matches(text);
}

TEST(TextRule, MatchesWhatItSays) {
  EXPECT_TRUE(matches("^/", "/a\nb"));
  EXPECT_FALSE(matches("^/", "a/"));
  EXPECT_TRUE(matches("^[^/]+$", "ünï😀 name"));
  EXPECT_FALSE(matches("^[^/]+$", "a/b"));
  EXPECT_FALSE(matches("^[^/]+$", ""));
  EXPECT_TRUE(matches("^ab?c*$", "a"));
  EXPECT_TRUE(matches("^ab?c*$", "abccc"));
  EXPECT_FALSE(matches("^ab?c*$", "abbc"));
  EXPECT_TRUE(matches("^[A-Za-z0-9!#$&^_.+-]+/", "application/vnd.a+json; charset=utf-8"));
  EXPECT_FALSE(matches("^[A-Za-z0-9!#$&^_.+-]+/", "/json"));
  EXPECT_TRUE(matches("^", ""));
  EXPECT_TRUE(matches("^$", ""));
  EXPECT_FALSE(matches("^$", "x"));
}

TEST(TextRule, CountsExactly) {
  const std::string digest(64, 'f');
  EXPECT_TRUE(matches("^sha256:[0-9a-f]{64}$", "sha256:" + digest));
  EXPECT_FALSE(matches("^sha256:[0-9a-f]{64}$", "sha256:" + digest + "f"));
  EXPECT_FALSE(matches("^sha256:[0-9a-f]{64}$", "sha256:" + digest.substr(1)));
  EXPECT_FALSE(matches("^sha256:[0-9a-f]{64}$", "sha256:" + digest.substr(1) + "F"));
  EXPECT_TRUE(matches("^[!#$&-~]{1,256}$", std::string(256, '~')));
  EXPECT_FALSE(matches("^[!#$&-~]{1,256}$", std::string(257, '~')));
  for (const char* text : {"", " ", "\"", "%", "a b", "ä", "\x7f"}) {
    EXPECT_FALSE(matches("^[!#$&-~]{1,256}$", text)) << text;
  }
}

TEST(TextRule, EscapesStandForThemselves) {
  EXPECT_TRUE(matches("^a\\.b\\/\\[[\\]\\-x]$", "a.b/[]"));
  EXPECT_TRUE(matches("^a\\.b\\/\\[[\\]\\-x]$", "a.b/[-"));
  EXPECT_FALSE(matches("^a\\.b\\/\\[[\\]\\-x]$", "aXb/[]"));
}

TEST(TextRule, RefusesWhatIsOutsideOfItsPart) {
  for (const char* pattern :
       {"",        "a",     "^(a)$",    "^a|b$",     "^.$",     "^a$b",       "^[$",    "^[]$",
        "^[b-a]$", "^a{}$", "^a{2,1}$", "^a{0}$",    "^a{1,}$", "^a{99999}$", "^\\d$",  "^\\",
        "^[\\d]$", "^ä$",   "^[^/]$",   "^[^/]{3}$", "^*$",     "^a**$",      "^a\x01$"}) {
    EXPECT_FALSE(TextRule::compile(pattern)) << pattern;
  }
}

TEST(TextRule, RefusesWhatNeedsAWayBack) {
  for (const char* pattern : {"^a*a$", "^a?b?a$", "^[a-z]+[a-f]$", "^a{1,2}b*a$", "^[^/]+[^a]+$"}) {
    EXPECT_FALSE(TextRule::compile(pattern)) << pattern;
  }
  for (const char* pattern : {"^a*b+a$", "^a?b?c$", "^[a-z]+:[a-f]$", "^a{2}a$"}) {
    EXPECT_TRUE(TextRule::compile(pattern)) << pattern;
  }
}

}  // namespace
}  // namespace bitvault
