#include "base/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "base/text.h"

namespace bitvault {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

// Fetching an algorithm and making a context cost more than hashing what we hash.
EVP_MAC_CTX* new_hmac_context() {
  static EVP_MAC* const kHmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  std::string digest = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(kHmac);
  check(EVP_MAC_CTX_set_params(context, parameters) == 1, "OpenSSL has HMAC-SHA256");
  return context;
}

Digest sha256_of(std::string_view prefix, std::string_view bytes) {
  static const EVP_MD* const kMd = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  Digest digest;
  const bool done =
      EVP_DigestInit_ex2(context.get(), kMd, nullptr) == 1 &&
      EVP_DigestUpdate(context.get(), prefix.data(), prefix.size()) == 1 &&
      EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
      EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr) ==
          1;
  check(done, "OpenSSL computes a SHA-256");
  return digest;
}

}  // namespace

Digest sha256(std::string_view bytes) { return sha256_of({}, bytes); }

Digest leaf_hash(std::string_view bytes) { return sha256_of(std::string_view("\0", 1), bytes); }

Digest hmac_sha256(std::span<const std::byte> key, std::string_view bytes) {
  thread_local const std::unique_ptr<EVP_MAC_CTX, FreeContext> context(new_hmac_context());
  static const std::byte kEmptyKey{};  // without a key OpenSSL would take the one before
  Digest digest;
  const bool done =
      EVP_MAC_init(context.get(),
                   reinterpret_cast<const unsigned char*>(key.empty() ? &kEmptyKey : key.data()),
                   key.size(), nullptr) == 1 &&
      EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size()) == 1 &&
      EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                    digest.size()) == 1;
  check(done, "OpenSSL computes an HMAC");
  return digest;
}

bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

SecretKey::SecretKey(std::span<const std::byte, 32> bytes) {
  std::ranges::copy(bytes, bytes_.begin());
}

SecretKey::~SecretKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

SecretKey SecretKey::derive(std::string_view purpose, std::string_view context) const {
  std::string input(purpose);
  input += '\0';
  input += context;
  Digest child = hmac_sha256(bytes_, input);
  SecretKey key{std::span<const std::byte, 32>(child)};
  OPENSSL_cleanse(child.data(), child.size());
  return key;
}

}  // namespace bitvault
