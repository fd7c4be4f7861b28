#include "cli/console.h"

#include <gtest/gtest.h>

namespace bitvault::cli {
namespace {

TEST(Console, PrintableTextDrivesNoTerminal) {
  EXPECT_EQ(printable("/r\u00e9sum\u00e9.pdf \U0001f600"), "/r\u00e9sum\u00e9.pdf \U0001f600");
  EXPECT_EQ(printable("a\x1b[31mb\nc\rd\te\x7f"), "a\\x1b[31mb\\x0ac\\x0dd\\x09e\\x7f");
  EXPECT_EQ(printable("\u009b2J"), "\\x9b2J");                // C1: CSI in one character
  EXPECT_EQ(printable("exe.\u202efdp"), "exe.\\u{202e}fdp");  // right-to-left override
  EXPECT_EQ(printable("a\xff\xc3"), "a\\xff\\xc3");           // not UTF-8
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");    // half a surrogate pair
  EXPECT_EQ(printable("\xc1\x9b"), "\\xc1\\x9b");             // longer than it must be
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Console, MasksKeys) {
  EXPECT_EQ(without_keys("bvk_acme_k1_s3cret-_X is wrong"), "bvk_*** is wrong");
  EXPECT_EQ(without_keys("x=bvk_a,bvk_b"), "x=bvk_***,bvk_***");
  EXPECT_EQ(without_keys("nothing here: bv bvk"), "nothing here: bv bvk");
  EXPECT_EQ(without_keys("Bearer bvk_..."), "Bearer bvk_...");
}

TEST(Console, TablesAlignByCharacters) {
  EXPECT_EQ(table({{"NAME", "X"}, {"\u00e9\u00e9\u00e9\u00e9\u00e9", "y"}, {"a", ""}}),
            "NAME   X\n\u00e9\u00e9\u00e9\u00e9\u00e9  y\na\n");
}

TEST(Console, ColoursOnlyWhenOn) {
  EXPECT_EQ(painted("x", Colour::kRed, true), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(painted("x", Colour::kRed, false), "x");
  EXPECT_EQ(painted("x", Colour::kNone, true), "x");
}

TEST(Console, TellsThatItCouldNotWrite) {
  std::FILE* const full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  Console console(full, stderr, false);
  console.print_line("text");
  EXPECT_EQ(console.flush(), Console::Outcome::kFailed);
  EXPECT_EQ(console.failure(), "cannot write to standard output: No space left on device");
  EXPECT_EQ(console.flush(), Console::Outcome::kFailed);  // and does not forget
  std::fclose(full);
}

}  // namespace
}  // namespace bitvault::cli
