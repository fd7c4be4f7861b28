#include "base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace bitvault {
namespace {

TEST(Error, EveryCodeHasItsOwnNameAndAnHttpErrorStatus) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    const CodeInfo& entry = info(static_cast<Code>(code));
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_GE(entry.http_status, 400u);
    EXPECT_LT(entry.http_status, 600u);
    EXPECT_FALSE(entry.title.empty());
    EXPECT_EQ(entry.internal, entry.http_status >= 500) << entry.name;
  }
}

TEST(Error, TheTableIsInTheOrderOfTheCodes) {
  EXPECT_EQ(info(Code::kMalformed).name, "malformed");
  EXPECT_EQ(info(Code::kEventErased).name, "event_erased");
  EXPECT_EQ(info(Code::kEventErased).http_status, 410u);
  EXPECT_EQ(info(Code::kInvalid).name, "invalid");
  EXPECT_EQ(info(Code::kRateLimited).http_status, 429u);
  EXPECT_EQ(info(Code::kInternal).name, "internal");
}

}  // namespace
}  // namespace bitvault
