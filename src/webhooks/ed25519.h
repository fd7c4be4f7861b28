// Ed25519 (RFC 8032) over OpenSSL.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace bitvault::webhooks {

inline constexpr std::size_t kEd25519KeyBytes = 32;  // of a seed, and of a public key
inline constexpr std::size_t kEd25519SignatureBytes = 64;

// A key that signs or, made of a public key, verifies. Immutable and thread-safe.
class Ed25519Key {
 public:
  // kEd25519KeyBytes, any.
  [[nodiscard]] static Ed25519Key of_seed(std::string_view seed);
  [[nodiscard]] static Ed25519Key of_public_key(std::string_view text);

  [[nodiscard]] std::string public_key() const;
  [[nodiscard]] std::string sign(std::string_view message) const;  // of a seed's only
  [[nodiscard]] bool verify(std::string_view message, std::string_view signature) const;

 private:
  struct Free {
    void operator()(void* key) const;
  };
  explicit Ed25519Key(void* key) : key_(key) {}

  std::unique_ptr<void, Free> key_;  // an EVP_PKEY
};

}  // namespace bitvault::webhooks
