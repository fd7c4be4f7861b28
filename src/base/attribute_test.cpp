#include "base/attribute.h"

#include <gtest/gtest.h>

#include <string>

namespace bitvault {
namespace {

TEST(AttributeToken, IsPrintableAsciiThatNeedsNoEscape) {
  for (const char* good : {"a", "!", "~", "n_1:2/3", "DOMAIN\\user"}) {
    EXPECT_TRUE(is_attribute_token(good, 256)) << good;
  }
  for (const char* bad : {"", " ", "a b", "50%", "a\"b", "\x7f", "\t", "ä"}) {
    EXPECT_FALSE(is_attribute_token(bad, 256)) << bad;
  }
}

TEST(AttributeToken, ItsLimitIsExact) {
  EXPECT_TRUE(is_attribute_token(std::string(256, 'a'), kPartitionKeyBytesMax));
  EXPECT_FALSE(is_attribute_token(std::string(257, 'a'), kPartitionKeyBytesMax));
}

}  // namespace
}  // namespace bitvault
