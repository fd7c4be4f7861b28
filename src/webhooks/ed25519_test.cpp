#include "webhooks/ed25519.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace bitvault::webhooks {
namespace {

std::string bytes(std::string_view hex) {
  std::string escaped;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    escaped.append("%").append(hex.substr(i, 2));
  }
  return percent_decode(escaped).value();
}

struct Vector {
  const char* seed;
  const char* public_key;
  const char* message;
  const char* signature;
};

// RFC 8032, 7.1: tests 1 to 3.
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
     "b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
     "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
     "c6594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(Ed25519, MeetsRfc8032) {
  for (const Vector& vector : kVectors) {
    const Ed25519Key secret = Ed25519Key::of_seed(bytes(vector.seed));
    EXPECT_EQ(secret.public_key(), bytes(vector.public_key));
    EXPECT_EQ(secret.sign(bytes(vector.message)), bytes(vector.signature));
    const Ed25519Key shared = Ed25519Key::of_public_key(bytes(vector.public_key));
    EXPECT_TRUE(shared.verify(bytes(vector.message), bytes(vector.signature)));
    EXPECT_FALSE(shared.verify(bytes(vector.message) + "x", bytes(vector.signature)));
  }
}

TEST(Ed25519, VerifiesNothingElse) {
  const Ed25519Key key = Ed25519Key::of_public_key(bytes(kVectors[1].public_key));
  const std::string good = bytes(kVectors[1].signature);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string other = good;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(key.verify("r", other)) << i;
    EXPECT_FALSE(key.verify("r", good.substr(0, i))) << i;
  }
  EXPECT_FALSE(key.verify("r", good + "x"));
  EXPECT_FALSE(Ed25519Key::of_public_key(std::string(32, '\xff')).verify("r", good))
      << "not a point of the curve";
}

}  // namespace
}  // namespace bitvault::webhooks
