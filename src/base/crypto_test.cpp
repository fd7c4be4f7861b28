#include "base/crypto.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "base/text.h"

namespace bitvault {
namespace {

TEST(Crypto, Sha256MeetsFips180) {
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Crypto, LeafHashMeetsRfc6962) {  // the published vectors for an empty leaf and for "L123456"
  EXPECT_EQ(hex(leaf_hash("")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_EQ(hex(leaf_hash("L123456")),
            "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
}

TEST(Crypto, HmacMeetsRfc4231) {
  EXPECT_EQ(hex(hmac_sha256(as_bytes("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Crypto, AnEmptyHmacKeyIsAKeyOfItsOwn) {
  for (int i = 0; i < 2; ++i) {  // the second time after another key
    EXPECT_EQ(hex(hmac_sha256({}, "")),
              "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    EXPECT_NE(hmac_sha256(as_bytes("other"), ""), hmac_sha256({}, ""));
  }
}

TEST(Crypto, DerivedKeysDifferByPurposeAndContext) {
  const Digest master = sha256("master");
  const SecretKey key{std::span<const std::byte, 32>(master)};
  const auto same = [](const SecretKey& a, const SecretKey& b) {
    return equal_in_constant_time(a.reveal(), b.reveal());
  };
  EXPECT_TRUE(same(key.derive("cursor", "acme"), key.derive("cursor", "acme")));
  EXPECT_FALSE(same(key.derive("cursor", "acme"), key.derive("cursor", "other")));
  EXPECT_FALSE(same(key.derive("cursor", "acme"), key.derive("log", "acme")));
  EXPECT_FALSE(same(key.derive("cursor", "acme"), key.derive("cursora", "cme")));
}

template <class T>
concept Comparable = requires(T a, T b) { a == b; };
static_assert(!Comparable<SecretKey>);

}  // namespace
}  // namespace bitvault
