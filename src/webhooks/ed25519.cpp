#include "webhooks/ed25519.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace bitvault::webhooks {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

EVP_PKEY* pkey(void* key) { return static_cast<EVP_PKEY*>(key); }

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

void Ed25519Key::Free::operator()(void* key) const { EVP_PKEY_free(pkey(key)); }

Ed25519Key Ed25519Key::of_seed(std::string_view seed) {
  check(seed.size() == kEd25519KeyBytes, "an Ed25519 seed has 32 bytes");
  EVP_PKEY* key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes(seed), seed.size());
  check(key != nullptr, "OpenSSL has Ed25519");
  return Ed25519Key(key);
}

Ed25519Key Ed25519Key::of_public_key(std::string_view text) {
  check(text.size() == kEd25519KeyBytes, "an Ed25519 key has 32 bytes");
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(text), text.size());
  check(key != nullptr, "OpenSSL has Ed25519");
  return Ed25519Key(key);
}

std::string Ed25519Key::public_key() const {
  std::string out(kEd25519KeyBytes, '\0');
  std::size_t size = out.size();
  check(EVP_PKEY_get_raw_public_key(pkey(key_.get()), reinterpret_cast<unsigned char*>(out.data()),
                                    &size) == 1,
        "OpenSSL knows the public key");
  return out;
}

std::string Ed25519Key::sign(std::string_view message) const {
  std::string out(kEd25519SignatureBytes, '\0');
  std::size_t size = out.size();
  const Context context(EVP_MD_CTX_new());
  const bool done =
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, pkey(key_.get())) == 1 &&
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                     bytes(message), message.size()) == 1;
  check(done, "OpenSSL signs");
  return out;
}

bool Ed25519Key::verify(std::string_view message, std::string_view signature) const {
  const Context context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey(key_.get())) == 1 &&
         EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(message),
                          message.size()) == 1;
}

}  // namespace bitvault::webhooks
