#include "delivery/policy.h"

#include <gtest/gtest.h>

namespace bitvault::delivery {
namespace {

using std::chrono::seconds;

TEST(Policy, TheDefaultIsWithinBounds) { EXPECT_TRUE(validate(Policy{})); }

struct Wrong {
  std::string_view path;
  Policy policy;
};

TEST(Policy, NamesWhatIsOutOfBounds) {
  const std::vector<Wrong> wrong{
      {"concurrency", {.concurrency = 0}},
      {"concurrency", {.concurrency = kConcurrencyMax + 1}},
      {"rate_limit_per_second", {.rate_per_second = 0}},
      {"rate_limit_per_second", {.rate_per_second = kRatePerSecondMax + 1}},
      {"timeout_seconds", {.timeout = seconds(0)}},
      {"timeout_seconds", {.timeout = kTimeoutMax + seconds(1)}},
      {"retry_schedule_seconds", {.schedule = {}}},
      {"retry_schedule_seconds", {.schedule = {seconds(-1)}}},
      {"retry_schedule_seconds", {.schedule = {seconds(0), kScheduleDelayMax + seconds(1)}}},
      {"retry_schedule_seconds",
       {.schedule = std::vector<seconds>(kScheduleAttemptsMax + 1, seconds(1))}},
  };
  for (const auto& [path, policy] : wrong) {
    const Status judged = validate(policy);
    ASSERT_FALSE(judged) << path;
    EXPECT_EQ(judged.error().code, Code::kInvalid);
    ASSERT_EQ(judged.error().violations.size(), 1u);
    EXPECT_EQ(judged.error().violations[0].path, path);
  }
  EXPECT_EQ(validate(Policy{.concurrency = 0, .timeout = seconds(0)}).error().violations.size(),
            2u);
}

}  // namespace
}  // namespace bitvault::delivery
