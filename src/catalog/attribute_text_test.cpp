#include "catalog/attribute_text.h"

#include <gtest/gtest.h>

namespace bitvault {
namespace {

using namespace std::string_literals;

TEST(AttributeText, EncodesWhatCloudEventsForbids) {
  EXPECT_EQ(attribute_text("/a\nb\tc\x7f"), "/a%0Ab%09c%7F");
  EXPECT_EQ(attribute_text("\0"s), "%00");
  EXPECT_EQ(attribute_text("\u0080\u009f"), "%C2%80%C2%9F");
  EXPECT_EQ(attribute_text("\ufdd0\ufdef\uffff"), "%EF%B7%90%EF%B7%AF%EF%BF%BF");
  EXPECT_EQ(attribute_text("\U0001fffe\U0010ffff"), "%F0%9F%BF%BE%F4%8F%BF%BF");
}

TEST(AttributeText, LeavesEverythingElse) {
  for (const auto& text : {""s, "/plain path/100%.txt"s, "/ünï\u00a0\ufdcf\ufdf0\ufffd😀"s}) {
    EXPECT_EQ(attribute_text(text), text);
  }
}

}  // namespace
}  // namespace bitvault
