#include "app/log.h"

#include <gtest/gtest.h>

namespace bitvault::app {
namespace {

using namespace std::string_literals;

TEST(OneLine, LeavesWhatIsPrintable) {
  EXPECT_EQ(one_line(""), "");
  EXPECT_EQ(one_line("watch acme=/srv/ünï \"x\\y\": 3 nodes"),
            "watch acme=/srv/ünï \"x\\y\": 3 nodes");
}

TEST(OneLine, EscapesWhatCouldBeginALineOrSteerATerminal) {
  EXPECT_EQ(one_line("a\nb\r\tc\x1b[31m\x7f\0"s), "a\\x0ab\\x0d\\x09c\\x1b[31m\\x7f\\x00");
}

TEST(OneLine, EscapesBytesThatAreNoUtf8) { EXPECT_EQ(one_line("caf\xe9 \xff"), "caf\\xe9 \\xff"); }

}  // namespace
}  // namespace bitvault::app
