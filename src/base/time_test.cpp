#include "base/time.h"

#include <gtest/gtest.h>

namespace bitvault {
namespace {

TEST(Time, HasOneTextForm) {
  EXPECT_EQ(format_time(WallTime{}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_time(WallTime{Duration{1'795'406'522'123'456}}), "2026-11-23T04:02:02.123456Z");
  EXPECT_EQ(format_time(WallTime{Duration{-1}}), "1969-12-31T23:59:59.999999Z");
}

TEST(Time, ReadsEveryRfc3339Form) {
  const std::pair<const char*, const char*> cases[] = {
      {"2026-11-23T04:22:02Z", "2026-11-23T04:22:02.000000Z"},
      {"2026-11-23t04:22:02z", "2026-11-23T04:22:02.000000Z"},
      {"2026-11-23T04:22:02.5Z", "2026-11-23T04:22:02.500000Z"},
      {"2026-11-23T04:22:02.123456789Z", "2026-11-23T04:22:02.123456Z"},
      {"2026-11-23T04:22:02+01:30", "2026-11-23T02:52:02.000000Z"},
      {"2026-11-23T23:22:02-01:00", "2026-11-24T00:22:02.000000Z"},
      {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"},
  };
  for (const auto& [text, expected] : cases) {
    const auto time = parse_time(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(format_time(*time), expected) << text;
  }
}

TEST(Time, RefusesWhatIsNotATime) {
  for (const char* text :
       {"", "2026-11-23", "2026-11-23T04:22Z", "2026-11-23T04:22:02", "2026-13-23T04:22:02Z",
        "2026-02-29T04:22:02Z", "2026-11-23T24:00:00Z", "2026-11-23T04:60:02Z",
        "2026-11-23T04:22:61Z", "2026-11-23T04:22:02.Z", "2026-11-23T04:22:02+1:00",
        "2026-11-23T04:22:02Zx", " 2026-11-23T04:22:02Z", "0000-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59", "2026-11-23T04:22:02+24:00"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

}  // namespace
}  // namespace bitvault
