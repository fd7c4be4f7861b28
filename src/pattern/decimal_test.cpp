#include "pattern/decimal.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bitvault::pattern {
namespace {

std::vector<std::string> numbers_of(std::string_view json) {
  std::vector<std::string> all;
  WrittenNumbers numbers(json);
  for (std::string_view written; !(written = numbers.next()).empty();) {
    all.emplace_back(written);
  }
  return all;
}

TEST(WrittenNumbers, AreThoseOutsideStrings) {
  EXPECT_EQ(numbers_of(R"({"1":[-2,3.0e+2,"4\"5\\",true],"\\\"6":0})"),
            (std::vector<std::string>{"-2", "3.0e+2", "0"}));
  EXPECT_EQ(numbers_of("7"), (std::vector<std::string>{"7"}));
  EXPECT_TRUE(numbers_of("").empty());
  EXPECT_TRUE(numbers_of("\"1\\").empty());
}

TEST(LongIntegers, BecomeDecimals) {
  EXPECT_EQ(with_long_integers_as_decimals(
                R"([18446744073709551615,18446744073709551616,-9223372036854775808,)"
                R"(-9223372036854775809,99999999999999999999.5,1e99999999999999999999])"),
            R"([18446744073709551615,18446744073709551616e0,-9223372036854775808,)"
            R"(-9223372036854775809e0,99999999999999999999.5,1e99999999999999999999])");
  EXPECT_EQ(with_long_integers_as_decimals(R"({"a":"18446744073709551616"})"),
            R"({"a":"18446744073709551616"})");
}

TEST(NumberOf, ReadsWhatJsonWrites) {
  for (const auto& [written, number] : std::vector<std::pair<std::string, Number>>{
           {"0", 0},
           {"-0", 0},
           {"7", 7},
           {"-12", -12},
           {"9007199254740993", 9007199254740993.0L},
           {"9223372036854775807", 9223372036854775807.0L},
           {"18446744073709551615", 18446744073709551615.0L},
           {"-9223372036854775808", -9223372036854775808.0L},
           {"18446744073709551616", 18446744073709551616.0},
           {"100000000000000000000", 1e20},
           {"123456789012345678901234567890.0", 123456789012345678901234567890.0},
           {"0.1", 0.1},
           {"-2.50E+1", -25},
           {"3e2", 300},
           {"0.30000000000000004440892098500626", 0.30000000000000004},
           {"1e-400", 0},
           {"-1e-99999999999999999999", 0},
           {"5e-324", 5e-324},
           {"1.7976931348623157e308", 1.7976931348623157e308}}) {
    EXPECT_EQ(number_of(written), number) << written;
  }
  for (const char* const written : {"",
                                    "-",
                                    "+1",
                                    "01",
                                    "-01",
                                    "1.",
                                    ".5",
                                    "1e",
                                    "1e+",
                                    "1.e5",
                                    "0x10",
                                    "1 ",
                                    " 1",
                                    "1a",
                                    "NaN",
                                    "Infinity",
                                    "--1",
                                    "1e999",
                                    "-1e99999999999999999999",
                                    "1,2",
                                    "1..2"}) {
    EXPECT_EQ(number_of(written), std::nullopt) << written;
  }
}

TEST(ReadsBack, WhatBinary64Holds) {
  for (const auto& [written, number] :
       std::vector<std::pair<std::string, double>>{{"300", 300},
                                                   {"3.0e2", 300},
                                                   {"0.300E+3", 300},
                                                   {"-0", 0},
                                                   {"0.0e9", -0.0},
                                                   {"0.1", 0.1},
                                                   {"-1.50", -1.5},
                                                   {"100000000000000000000", 1e20},
                                                   {"0.30000000000000004", 0.1 + 0.2},
                                                   {"5e-324", 5e-324}}) {
    EXPECT_TRUE(reads_back(written, number)) << written;
  }
  for (const auto& [written, number] : std::vector<std::pair<std::string, double>>{
           {"0.1000000000000000001", 0.1},
           {"9007199254740993.0", 9007199254740992.0},
           {"123456789012345678901", 123456789012345678901.0},
           {"1e-400", 0.0},
           {"1e-99999999999999999999", 0.0}}) {
    EXPECT_FALSE(reads_back(written, number)) << written;
  }
}

}  // namespace
}  // namespace bitvault::pattern
