#include "catalog/report.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace bitvault {
namespace {

TEST(Report, KnowsWhereItIs) {
  Report report("data");
  report.add("at the root");
  report.enter("tags");
  report.enter(3);
  report.add_at("name", "below");
  report.leave();
  report.add("above");
  EXPECT_FALSE(report.empty());
  EXPECT_EQ(report.take(), (std::vector<Violation>{{0, "data", "at the root"},
                                                   {0, "data.tags.3.name", "below"},
                                                   {0, "data.tags", "above"}}));
}

TEST(Report, IsFullOnce) {
  Report report("data");
  for (std::size_t i = 0; i < kViolationsMax; ++i) {
    EXPECT_FALSE(report.full());
    report.add("wrong");
  }
  EXPECT_TRUE(report.full());
  report.add("one more");
  EXPECT_EQ(report.take().size(), kViolationsMax);
}

TEST(Report, CutsLongNamesBetweenCharacters) {
  EXPECT_EQ(excerpt(std::string(64, 'a')), std::string(64, 'a'));
  EXPECT_EQ(excerpt(std::string(65, 'a')), std::string(64, 'a') + "...");
  EXPECT_EQ(excerpt(std::string(63, 'a') + "€€"), std::string(63, 'a') + "...");
  Report report("data");
  report.add_at(std::string(100'000, 'x'), "is not known");
  EXPECT_LT(report.take().front().path.size(), 100u);
}

}  // namespace
}  // namespace bitvault
