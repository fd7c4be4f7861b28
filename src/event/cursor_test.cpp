#include "event/cursor.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace bitvault {
namespace {

SecretKey master(std::string_view text) {
  const Digest digest = sha256(text);
  return SecretKey{std::span<const std::byte, 32>(digest)};
}

const CursorCodec kCodec{master("one")};
const TenantName kAcme = *TenantName::parse("acme");
const Position kPosition{*Epoch::parse("abcdefgh2345"), Sequence{0x0102'0304'0506'0708}};

TEST(Cursor, OpensToWhatWasSealed) {
  for (const std::uint64_t value : {0ull, 1ull, 255ull, 0x0102030405060708ull, ~0ull}) {
    const Position position{kPosition.epoch, Sequence{value}};
    EXPECT_EQ(kCodec.open(kAcme, kCodec.seal(kAcme, position)), position);
  }
}

TEST(Cursor, HasOneStableForm) {  // the golden text was computed apart, by the header's words
  EXPECT_EQ(kCodec.seal(kAcme, kPosition), "AQBhYmNkZWZnaDIzNDUBAgMEBQYHCC4Zpp1_YHV4jKTf6rktspY");
}

TEST(Cursor, EveryFlippedBitIsRefused) {
  const std::string raw = *from_base64url(kCodec.seal(kAcme, kPosition));
  for (std::size_t bit = 0; bit < raw.size() * 8; ++bit) {
    std::string forged = raw;
    forged[bit / 8] = static_cast<char>(forged[bit / 8] ^ (1 << (bit % 8)));
    const auto opened = kCodec.open(kAcme, base64url(as_bytes(forged)));
    ASSERT_FALSE(opened) << bit;
    EXPECT_EQ(opened.error().code, Code::kCursorInvalid);
  }
}

TEST(Cursor, AnotherTenantOrInstallationIsRefused) {
  const std::string cursor = kCodec.seal(kAcme, kPosition);
  EXPECT_FALSE(kCodec.open(*TenantName::parse("other"), cursor));
  EXPECT_FALSE(CursorCodec(master("two")).open(kAcme, cursor));
}

TEST(Cursor, ManyTenantsAndEpochsDoNotMixTheirKeys) {
  const CursorCodec codec{master("one")};
  for (const int round : {1, 2}) {  // the second time some keys are remembered, some no longer
    for (int i = 0; i < 5'000; ++i) {
      const TenantName tenant = *TenantName::parse("t" + std::to_string(i));
      const std::string cursor = codec.seal(tenant, kPosition);
      ASSERT_EQ(codec.open(tenant, cursor), kPosition) << round;
      ASSERT_EQ(CursorCodec(master("one")).open(tenant, cursor), kPosition) << round;
      ASSERT_FALSE(codec.open(kAcme, cursor)) << round;
    }
  }
}

TEST(Cursor, GarbageIsRefused) {
  const std::string cursor = kCodec.seal(kAcme, kPosition);
  for (const std::string& text :
       {std::string(), std::string("x"), cursor + "A", cursor.substr(1), cursor + "=",
        cursor + cursor, std::string(100'000, 'A'), std::string("\xff\xfe")}) {
    EXPECT_FALSE(kCodec.open(kAcme, text));
  }
}

}  // namespace
}  // namespace bitvault
