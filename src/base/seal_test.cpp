#include "base/seal.h"

#include <gtest/gtest.h>

#include <concepts>
#include <ostream>

#include "base/text.h"

namespace bitvault {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Printable<SecretText>);
static_assert(!std::equality_comparable<SecretText>);
static_assert(!std::convertible_to<SecretText, std::string_view>);
static_assert(!std::convertible_to<std::string, SecretText>);

SecretKey master(std::string_view text = "master") {
  const Digest digest = sha256(text);
  return SecretKey{std::span<const std::byte, 32>(digest)};
}

TenantName tenant(std::string_view name) { return TenantName::parse(name).value(); }

std::array<std::byte, Sealer::kNonceBytes> nonce(unsigned char fill) {
  std::array<std::byte, Sealer::kNonceBytes> bytes{};
  bytes.fill(std::byte{fill});
  return bytes;
}

TEST(SecretText, IsMovedAndCopiedWhole) {
  SecretText a("one");
  SecretText b(a);
  EXPECT_TRUE(a.same_as(b));
  const SecretText c(std::move(a));
  EXPECT_EQ(c.reveal(), "one");
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): what it promises
  b = SecretText("two");
  EXPECT_FALSE(b.same_as(c));
  b = c;
  EXPECT_TRUE(b.same_as(c));
  EXPECT_EQ(b.size(), 3u);
  std::string text = "three";
  wipe(text);
  EXPECT_EQ(text, "");
}

TEST(Seal, OpensWhatItSealed) {
  const Sealer sealer(master(), tenant("acme"));
  for (const std::string& plain :
       {std::string(), std::string("s"), std::string("a\0b", 3), std::string(20'000, 'x')}) {
    const std::string sealed = sealer.seal(SecretText(plain), "webhook/whk_1/secret", nonce(7));
    const auto opened = sealer.open(sealed, "webhook/whk_1/secret");
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ(opened->reveal(), plain);
  }
}

// By an independent implementation (Python's cryptography, AESGCM).
TEST(Seal, IsThisForm) {
  const Sealer sealer(master(), tenant("acme"));
  const std::string sealed = sealer.seal(SecretText("hunter2"), "x", nonce(1));
  const std::string raw = from_base64url(sealed).value();
  EXPECT_EQ(hex(as_bytes(raw).first(14)), "0100010101010101010101010101");
  EXPECT_EQ(raw.size(), 2u + 12u + 7u + 16u);
  EXPECT_EQ(sealed, "AQABAQEBAQEBAQEBAQHo2o2TAuF3T1NcdiiiGVA7J3wO_pLK5w");
}

TEST(Seal, HidesAndVaries) {
  const Sealer sealer(master(), tenant("acme"));
  const SecretText secret("a secret that must not be seen");
  const std::string one = sealer.seal(secret, "id", nonce(1));
  EXPECT_NE(one, sealer.seal(secret, "id", nonce(2)));
  EXPECT_EQ(from_base64url(one).value().find("secret"), std::string::npos);
}

TEST(Seal, OpensNothingElsewhere) {
  const Sealer sealer(master(), tenant("acme"));
  const std::string sealed = sealer.seal(SecretText("hunter2"), "webhook/whk_1/secret", nonce(7));
  const auto refused = [&](const Sealer& by, std::string_view text, std::string_view identity) {
    const auto opened = by.open(text, identity);
    return !opened && opened.error().code == Code::kInternal &&
           opened.error().detail.find("hunter2") == std::string::npos;
  };
  EXPECT_TRUE(refused(sealer, sealed, "webhook/whk_2/secret"));
  EXPECT_TRUE(refused(sealer, sealed, ""));
  EXPECT_TRUE(refused(Sealer(master(), tenant("other")), sealed, "webhook/whk_1/secret"));
  EXPECT_TRUE(refused(Sealer(master("m"), tenant("acme")), sealed, "webhook/whk_1/secret"));
  EXPECT_TRUE(refused(sealer, "", "webhook/whk_1/secret"));
  EXPECT_TRUE(refused(sealer, "!", "webhook/whk_1/secret"));
  const std::string raw = from_base64url(sealed).value();
  for (std::size_t i = 0; i < raw.size(); ++i) {  // each byte counts
    std::string other = raw;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_TRUE(refused(sealer, base64url(as_bytes(other)), "webhook/whk_1/secret")) << i;
    EXPECT_TRUE(refused(sealer, base64url(as_bytes(raw).first(i)), "webhook/whk_1/secret")) << i;
  }
}

}  // namespace
}  // namespace bitvault
