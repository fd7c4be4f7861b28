#include "access/scope.h"

#include <gtest/gtest.h>

namespace bitvault {
namespace {

TEST(Scope, NamesAndScopesAreOneToOne) {
  for (const Scope scope : Scopes::all().list()) {
    EXPECT_EQ(parse_scope(scope_name(scope)), scope);
  }
  EXPECT_EQ(Scopes::all().list().size(), 9u);
  EXPECT_FALSE(parse_scope("operator"));
  EXPECT_FALSE(parse_scope(""));
}

TEST(Scopes, CoverOnlyWhatTheyHave) {
  Scopes reader;
  reader.add(Scope::kEventsRead);
  Scopes both = reader;
  both.add(Scope::kAdmin);
  EXPECT_TRUE(both.covers(reader));
  EXPECT_FALSE(reader.covers(both));
  EXPECT_TRUE(reader.covers(Scopes{}));
  EXPECT_TRUE(Scopes::all().covers(both));
  EXPECT_FALSE(reader.has(Scope::kEventsWrite));
}

}  // namespace
}  // namespace bitvault
