#include "store/sqlite/directory.h"

#include <gtest/gtest.h>

namespace bitvault {
namespace {

TenantName name(std::string_view text) { return TenantName::parse(text).value(); }

TenantEntry entry(std::string_view tenant, std::int64_t number, std::uint64_t head,
                  TenantState state = TenantState::kActive) {
  return {.number = number,
          .tenant = {.name = name(tenant),
                     .state = state,
                     .settings = {},
                     .created = {},
                     .journal = {Epoch::parse("abcdefghijkl").value(), {head}, {1}}},
          .last_recorded = {}};
}

TEST(Directory, SaysWhichHeadsMoved) {
  Directory directory;
  EXPECT_TRUE(directory.publish({{name("a"), entry("a", 1, 0)}}).empty());
  const auto moved =
      directory.publish({{name("a"), entry("a", 1, 3)}, {name("b"), entry("b", 2, 0)}});
  ASSERT_EQ(moved.size(), 1);
  EXPECT_EQ(moved[0].first, name("a"));
  EXPECT_EQ(moved[0].second.head.value, 3);
  EXPECT_TRUE(directory.publish({{name("a"), entry("a", 1, 3)}}).empty());

  // The same name with another number is another history.
  EXPECT_EQ(directory.publish({{name("a"), entry("a", 7, 2)}}).size(), 1);
}

TEST(Directory, TakesWhatTheFileHolds) {
  Directory directory;
  directory.publish({{name("a"), entry("a", 1, 3)}, {name("gone"), entry("gone", 2, 1)}});
  const auto moved =
      directory.replace({{name("a"), entry("a", 1, 5)}, {name("new"), entry("new", 3, 0)}});
  ASSERT_EQ(moved.size(), 1);
  EXPECT_EQ(moved[0].second.head.value, 5);
  EXPECT_EQ(directory.locate(name("gone")).error().code, Code::kNotFound);
  EXPECT_TRUE(directory.locate(name("new")));
  EXPECT_EQ(directory.size(), 2);
}

TEST(Directory, KnowsWhetherATenantIsStillTheSame) {
  Directory directory;
  directory.publish({{name("a"), entry("a", 1, 3)}});
  EXPECT_TRUE(directory.still(name("a"), 1));
  EXPECT_EQ(directory.still(name("a"), 2).error().code, Code::kNotFound);
  EXPECT_EQ(directory.first_deleting(), std::nullopt);

  directory.publish({{name("a"), entry("a", 1, 3, TenantState::kDeleting)}});
  EXPECT_EQ(directory.still(name("a"), 1).error().code, Code::kTenantDeleting);
  EXPECT_EQ(directory.first_deleting(), name("a"));

  directory.publish({{name("a"), std::nullopt}});
  EXPECT_EQ(directory.still(name("a"), 1).error().code, Code::kNotFound);
  EXPECT_EQ(directory.first_deleting(), std::nullopt);
}

}  // namespace
}  // namespace bitvault
