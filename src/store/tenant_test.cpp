#include "store/tenant.h"

#include <gtest/gtest.h>

namespace bitvault {
namespace {

TEST(TenantPatch, LeavesWhatIsAbsent) {
  const TenantSettings before{.display_name = "Acme",
                              .retention_age_seconds = 60,
                              .retention_events = 10,
                              .rate_limit_per_second = 5,
                              .operational_events = true};
  EXPECT_EQ(patched(before, {}).value(), before);
}

TEST(TenantPatch, SetsWhatIsGivenAndGoesBackToTheDefault) {
  const TenantSettings before{.display_name = "Acme",
                              .retention_age_seconds = std::nullopt,
                              .retention_events = 10,
                              .rate_limit_per_second = std::nullopt};
  TenantPatch patch;
  patch.display_name = "Acme Ltd";
  patch.retention_age_seconds = std::optional<std::uint64_t>(60);
  patch.retention_events = std::optional<std::uint64_t>();
  patch.rate_limit_per_second = std::optional<std::uint64_t>(7);
  patch.operational_events = true;
  const TenantSettings expected{.display_name = "Acme Ltd",
                                .retention_age_seconds = 60,
                                .retention_events = std::nullopt,
                                .rate_limit_per_second = 7,
                                .operational_events = true};
  EXPECT_EQ(patched(before, patch).value(), expected);
}

TEST(TenantPatch, RefusesALongDisplayName) {
  TenantPatch patch;
  patch.display_name = std::string(kDisplayNameBytesMax, 'x');
  EXPECT_TRUE(patched({}, patch));
  patch.display_name->push_back('x');
  EXPECT_EQ(patched({}, patch).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace bitvault
