#include "webhooks/signature.h"

#include <gtest/gtest.h>

#include <chrono>
#include <concepts>
#include <cstdio>
#include <ostream>

#include "base/crypto.h"
#include "base/text.h"
#include "tests/store/test_world.h"

namespace bitvault::webhooks {
namespace {

using namespace std::chrono_literals;

// The known answers of the Svix unit tests (reference: Standard Webhooks 1.0.0).
constexpr std::string_view kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t kTimestamp = 1614265330;
constexpr std::string_view kBody = R"({"test": 2432232314})";
constexpr std::string_view kShared = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kSharedSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
constexpr std::string_view kSecret =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
constexpr std::string_view kPublic = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
constexpr std::string_view kSecretSignature =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

const WallTime kNow{1614265330s};

SigningSecret secret(std::string_view text) { return SigningSecret::parse(text).value(); }

std::string of_bytes(std::size_t count, std::string_view prefix = "whsec_") {
  const std::string raw(count, 'k');
  return std::string(prefix) + base64(as_bytes(raw));
}

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Printable<SigningSecret>);
static_assert(!std::equality_comparable<SigningSecret>);

TEST(Signature, MeetsTheKnownAnswers) {
  EXPECT_EQ(Signer({{secret(kShared)}}).sign(kId, kTimestamp, kBody, kNow), kSharedSignature);
  EXPECT_EQ(Signer({{secret(kSecret)}}).sign(kId, kTimestamp, kBody, kNow), kSecretSignature);
}

TEST(Signature, IsTheSameEachTime) {
  const Signer signer({{secret(kShared)}, {secret(kSecret)}});
  const std::string both = std::string(kSharedSignature) + " " + std::string(kSecretSignature);
  EXPECT_EQ(signer.sign(kId, kTimestamp, kBody, kNow), both);
  EXPECT_NE(signer.sign("other", kTimestamp, "", kNow), both);
  EXPECT_EQ(signer.sign(kId, kTimestamp, kBody, kNow), both) << "also after another message";
}

TEST(Signature, SignsWhatItSaysAndNothingElse) {
  const Signer signer({{secret(kShared)}});
  const SecretText raw(from_base64(kShared.substr(6)).value());
  for (const std::string& body : {std::string(), std::string("x"), std::string(70'000, 'y')}) {
    EXPECT_EQ(signer.sign("id-1", 7, body, kNow),
              "v1," + base64(hmac_sha256(as_bytes(raw.reveal()), "id-1.7." + body)));
  }
}

TEST(Signature, ASecretSignsUntilItExpires) {
  const Signer signer(
      {{secret(of_bytes(24))}, {secret(kShared), kNow + 1s}, {secret(of_bytes(64)), kNow}});
  const std::string current = Signer({{secret(of_bytes(24))}}).sign(kId, kTimestamp, kBody, kNow);
  EXPECT_EQ(signer.sign(kId, kTimestamp, kBody, kNow),
            current + " " + std::string(kSharedSignature));
  EXPECT_EQ(signer.sign(kId, kTimestamp, kBody, kNow + 999999us),
            current + " " + std::string(kSharedSignature));
  EXPECT_EQ(signer.sign(kId, kTimestamp, kBody, kNow + 1s), current);
  EXPECT_EQ(Signer({{secret(kShared), kNow}}).sign(kId, kTimestamp, kBody, kNow), "");
  EXPECT_EQ(Signer({}).sign(kId, kTimestamp, kBody, kNow), "");
}

TEST(Secret, IsShownAsItWasGiven) {
  for (const std::string_view text : {kShared, kSecret}) {
    EXPECT_EQ(secret(text).text().reveal(), text);
  }
  EXPECT_EQ(secret(kShared).kind(), SignatureKind::kHmac);
  EXPECT_EQ(secret(kShared).public_key(), "");
  EXPECT_EQ(secret(kSecret).kind(), SignatureKind::kEd25519);
  EXPECT_EQ(secret(kSecret).public_key(), kPublic);
  const std::string seed = from_base64(kSecret.substr(5)).value().substr(0, 32);
  EXPECT_EQ(secret("whsk_" + base64(as_bytes(seed))).text().reveal(), kSecret)
      << "the seed alone is enough";
  EXPECT_EQ(secret(of_bytes(24)).text().size(), of_bytes(24).size());
  EXPECT_EQ(secret(of_bytes(64)).text().size(), of_bytes(64).size());
}

TEST(Secret, IsRefusedInAnyOtherForm) {
  std::string torn(kSecret);
  torn[60] = torn[60] == 'A' ? 'B' : 'A';
  const std::string wrong[] = {
      "",
      "whsec_",
      "whsk_",
      "whpk_" + std::string(kPublic.substr(5)),
      std::string(kShared.substr(6)),                  // no prefix
      "WHSEC_" + std::string(kShared.substr(6)),       // another one
      " " + std::string(kShared),                      //
      std::string(kShared) + "\n",                     //
      of_bytes(23),                                    // short
      of_bytes(65),                                    // long
      of_bytes(25).substr(0, of_bytes(25).find('=')),  // padding missing
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS_",        // base64url
      "whsec_plain text of a good length of bytes",
      of_bytes(31, "whsk_"),
      of_bytes(33, "whsk_"),
      of_bytes(64, "whsk_"),  // its second half is not its public key
      torn,
  };
  for (const std::string& text : wrong) {
    const auto parsed = SigningSecret::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
    EXPECT_FALSE(text.size() > 6 && parsed.error().detail.contains(text.substr(6))) << text;
  }
}

TEST(Secret, IsMadeAtRandom) {
  test::TestWorld world;
  for (const SignatureKind kind : {SignatureKind::kHmac, SignatureKind::kEd25519}) {
    const SigningSecret one = SigningSecret::make(kind, world.random());
    const SigningSecret two = SigningSecret::make(kind, world.random());
    EXPECT_EQ(one.kind(), kind);
    EXPECT_FALSE(one.text().same_as(two.text()));
    EXPECT_TRUE(secret(one.text().reveal()).text().same_as(one.text()));
  }
  EXPECT_EQ(parse_signature_kind("v1"), SignatureKind::kHmac);
  EXPECT_EQ(parse_signature_kind("v1a"), SignatureKind::kEd25519);
  EXPECT_EQ(parse_signature_kind("v2"), std::nullopt);
}

// Printed, not judged: the machine may be busy.
TEST(Signature, CostsLittle) {
  const Signer signer({{secret(kShared)}});
  for (const std::size_t bytes : {100u, 1'024u, 10'240u}) {
    const std::string body(bytes, 'b');
    constexpr int kRounds = 2'000;
    const auto begin = std::chrono::steady_clock::now();
    std::size_t made = 0;
    for (int i = 0; i < kRounds; ++i) {
      made += signer.sign(kId, kTimestamp + i, body, kNow).size();
    }
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(made, kRounds * kSharedSignature.size());
    std::printf("[          ] v1 of %zu bytes: %.2f us\n", bytes, took.count() / kRounds);
  }
}

}  // namespace
}  // namespace bitvault::webhooks
