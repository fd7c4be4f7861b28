#include "webhooks/verifier.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "webhooks/signature.h"

namespace bitvault::webhooks {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kShared = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kOther = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
constexpr std::string_view kSecret =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
constexpr std::string_view kPublic = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
constexpr std::int64_t kTimestamp = 1614265330;
const WallTime kNow{1614265330s};

std::string signature(std::string_view secret, std::string_view id, std::int64_t timestamp,
                      std::string_view body) {
  return Signer({{SigningSecret::parse(secret).value()}}).sign(id, timestamp, body, kNow);
}

Verifier verifier(std::initializer_list<std::string_view> keys) {
  Verifier made;
  for (const std::string_view key : keys) {
    EXPECT_TRUE(made.add(key)) << key;
  }
  return made;
}

Verification verify(const Verifier& by, std::string_view signature, WallTime now = kNow,
                    std::string_view body = "{}") {
  return by.verify({"evt-1", "1614265330", signature, body}, now);
}

TEST(Verifier, AcceptsWhatWasSigned) {
  const std::string v1 = signature(kShared, "evt-1", kTimestamp, "{}");
  const std::string v1a = signature(kSecret, "evt-1", kTimestamp, "{}");
  const std::string other = signature(kOther, "evt-1", kTimestamp, "{}");
  const std::pair<Verifier, std::string> cases[] = {
      {verifier({kShared}), v1},
      {verifier({kPublic}), v1a},
      {verifier({kSecret}), v1a},
      {verifier({kOther, kShared}), v1},        // either secret will do
      {verifier({kShared}), other + " " + v1},  // as during a rotation
      {verifier({kShared}), v1a + " " + v1},    // both kinds
      {verifier({kPublic}), v1 + " " + v1a},
      {verifier({kShared}), "v2,abc v9z, " + v1},  // unknown versions are passed over
  };
  for (const auto& [by, header] : cases) {
    EXPECT_EQ(verify(by, header), Verification::kValid) << header;
  }
}

TEST(Verifier, RefusesWhatWasNotSigned) {
  const Verifier by = verifier({kShared});
  const std::string good = signature(kShared, "evt-1", kTimestamp, "{}");
  EXPECT_EQ(verify(by, good, kNow, "{} "), Verification::kMismatch);
  EXPECT_EQ(verify(by, good, kNow, ""), Verification::kMismatch);
  EXPECT_EQ(verify(by, signature(kOther, "evt-1", kTimestamp, "{}")), Verification::kMismatch);
  EXPECT_EQ(verify(by, signature(kShared, "evt-2", kTimestamp, "{}")), Verification::kMismatch);
  EXPECT_EQ(verify(by, signature(kShared, "evt-1", kTimestamp + 1, "{}")), Verification::kMismatch);
  EXPECT_EQ(verify(by, signature(kSecret, "evt-1", kTimestamp, "{}")),
            Verification::kNoSuchVersion);
  for (std::size_t i = 3; i < good.size(); ++i) {  // each letter counts
    std::string other = good;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(verify(by, other), Verification::kValid) << other;
  }
  const std::string v1a = signature(kSecret, "evt-1", kTimestamp, "{}");
  EXPECT_EQ(verify(verifier({kPublic}), v1a, kNow, "{ }"), Verification::kMismatch);
  EXPECT_EQ(verify(verifier({kPublic}), "v1a,AAAA"), Verification::kMismatch);
  EXPECT_EQ(verify(Verifier(), good), Verification::kNoSuchVersion);
}

TEST(Verifier, ReadsOddHeadersOnce) {
  const Verifier by = verifier({kShared});
  const std::string good = signature(kShared, "evt-1", kTimestamp, "{}");
  const std::tuple<std::string, std::string, std::string, Verification> cases[] = {
      {"", "1614265330", good, Verification::kMissingHeader},
      {"evt-1", "", good, Verification::kMissingHeader},
      {"evt-1", "1614265330", "", Verification::kMissingHeader},
      {"evt.1", "1614265330", good, Verification::kBadId},
      {"evt-1", "1614265330.0", good, Verification::kBadTimestamp},
      {"evt-1", "-5", good, Verification::kBadTimestamp},
      {"evt-1", " 1614265330", good, Verification::kBadTimestamp},
      {"evt-1", "1e9", good, Verification::kBadTimestamp},
      {"evt-1", "9999999999999999999", good, Verification::kBadTimestamp},
      {"evt-1", "999999999999", good, Verification::kTooNew},
      {"evt-1", "0", good, Verification::kTooOld},
      {"evt-1", "1614265330", "nonsense", Verification::kBadSignature},
      {"evt-1", "1614265330", "v1," + good.substr(3) + "=", Verification::kMismatch},
      {"evt-1", "1614265330", "v1,", Verification::kMismatch},
      {"evt-1", "1614265330", "v1,!", Verification::kMismatch},
      {"evt-1", "1614265330", ",", Verification::kNoSuchVersion},
      {"evt-1", "1614265330", "V1," + good.substr(3), Verification::kNoSuchVersion},
      {"evt-2", "1614265330", good, Verification::kMismatch},
  };
  for (const auto& [id, timestamp, header, expected] : cases) {
    EXPECT_EQ(by.verify({id, timestamp, header, "{}"}, kNow), expected)
        << fmt::format("{} {} {}", id, timestamp, header);
    EXPECT_NE(explain(expected), "");
  }
  std::string many;
  for (std::size_t i = 0; i < Verifier::kEntriesMax; ++i) {
    many += "v1,AAAA ";
  }
  EXPECT_EQ(verify(by, many + good), Verification::kMismatch) << "a long list is not read through";
}

TEST(Verifier, ToleratesFiveMinutesBothWays) {
  const Verifier by = verifier({kShared});
  const std::string good = signature(kShared, "evt-1", kTimestamp, "{}");
  EXPECT_EQ(verify(by, good, kNow + 300s), Verification::kValid);
  EXPECT_EQ(verify(by, good, kNow - 300s), Verification::kValid);
  EXPECT_EQ(verify(by, good, kNow + 300s + 1us), Verification::kTooOld);
  EXPECT_EQ(verify(by, good, kNow - 300s - 1us), Verification::kTooNew);
}

TEST(Verifier, TakesOnlyKeys) {
  for (const char* key : {"", "whsec_", "whpk_", "whpk_AAAA", "whpk_!", "whsec_c2hvcnQ=", "abc"}) {
    Verifier made;
    const Status added = made.add(key);
    ASSERT_FALSE(added) << key;
    EXPECT_EQ(added.error().code, Code::kInvalid);
  }
}

}  // namespace
}  // namespace bitvault::webhooks
