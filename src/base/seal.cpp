#include "base/seal.h"

#include <openssl/evp.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/check.h"
#include "base/text.h"

namespace bitvault {
namespace {

constexpr char kVersion = 1;
constexpr char kKeyId = 0;
constexpr std::size_t kHeadBytes = 2;
constexpr std::size_t kTagBytes = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

unsigned char* as_unsigned(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* as_unsigned(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

int int_size(std::string_view bytes) {
  check(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()),
        "a secret is short");
  return static_cast<int>(bytes.size());
}

const EVP_CIPHER* cipher() {
  static const EVP_CIPHER* const kCipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return kCipher;
}

const unsigned char* key_bytes(const SecretKey& key) {
  return reinterpret_cast<const unsigned char*>(key.reveal().data());
}

// Whatever is sealed is sealed with these: the version, the key's id and the identity.
std::string associated(std::string_view head, std::string_view identity) {
  return std::string(head) + std::string(identity);
}

}  // namespace

std::string Sealer::seal(const SecretText& secret, std::string_view identity,
                         std::span<const std::byte, kNonceBytes> nonce) const {
  const std::string_view plain = secret.reveal();
  std::string out{kVersion, kKeyId};
  const std::string bound = associated(out, identity);
  for (const std::byte byte : nonce) {
    out += static_cast<char>(byte);
  }
  const std::size_t begin = out.size();
  out.resize(begin + plain.size() + kTagBytes);
  char* const text = out.data() + begin;
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool done =
      EVP_EncryptInit_ex2(context.get(), cipher(), key_bytes(key_),
                          as_unsigned(out.data() + kHeadBytes), nullptr) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, as_unsigned(bound), int_size(bound)) == 1 &&
      EVP_EncryptUpdate(context.get(), as_unsigned(text), &size, as_unsigned(plain),
                        int_size(plain)) == 1 &&
      EVP_EncryptFinal_ex(context.get(), as_unsigned(text + size), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagBytes),
                          text + plain.size()) == 1;
  check(done, "OpenSSL encrypts");
  return base64url(as_bytes(out));
}

Result<SecretText> Sealer::open(std::string_view sealed, std::string_view identity) const {
  std::optional<std::string> raw = from_base64url(sealed);
  if (!raw || raw->size() < kHeadBytes + kNonceBytes + kTagBytes || raw->at(0) != kVersion ||
      raw->at(1) != kKeyId) {
    return fail(Code::kInternal, "a sealed secret cannot be read: its form is unknown");
  }
  const std::string bound = associated(std::string_view(*raw).substr(0, kHeadBytes), identity);
  const std::size_t begin = kHeadBytes + kNonceBytes;
  const std::string_view text =
      std::string_view(*raw).substr(begin, raw->size() - begin - kTagBytes);
  std::string plain(text.size(), '\0');
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  const bool done =
      EVP_DecryptInit_ex2(context.get(), cipher(), key_bytes(key_),
                          as_unsigned(raw->data() + kHeadBytes), nullptr) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, as_unsigned(bound), int_size(bound)) == 1 &&
      EVP_DecryptUpdate(context.get(), as_unsigned(plain.data()), &size, as_unsigned(text),
                        int_size(text)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagBytes),
                          raw->data() + raw->size() - kTagBytes) == 1 &&
      EVP_DecryptFinal_ex(context.get(), as_unsigned(plain.data() + size), &size) == 1;
  SecretText secret(done ? plain : std::string_view());
  wipe(plain);
  if (!done) {
    return fail(Code::kInternal,
                "a sealed secret cannot be opened: another master key, or it was changed");
  }
  return secret;
}

}  // namespace bitvault
