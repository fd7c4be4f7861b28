// Signatures of deliveries, as Standard Webhooks 1.0.0 has them.
//
// What is signed is "<webhook-id>.<webhook-timestamp>.<body>". `v1` is HMAC-SHA256 with a shared
// secret, shown as "whsec_" and base64 of its 24 to 64 bytes; `v1a` is Ed25519, its keys shown as
// "whsk_" (secret: base64 of the seed and the public key) and "whpk_" (public). The header
// `webhook-signature` has one entry for each active secret, the current one first, a blank between.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret_text.h"
#include "base/time.h"
#include "world/world.h"

namespace bitvault::webhooks {

inline constexpr std::string_view kIdHeader = "webhook-id";
inline constexpr std::string_view kTimestampHeader = "webhook-timestamp";
inline constexpr std::string_view kSignatureHeader = "webhook-signature";

inline constexpr std::size_t kSecretBytesMin = 24;
inline constexpr std::size_t kSecretBytesMax = 64;

enum class SignatureKind : std::uint8_t { kHmac, kEd25519 };

// "v1", "v1a".
[[nodiscard]] std::string_view name_of(SignatureKind kind);
[[nodiscard]] std::optional<SignatureKind> parse_signature_kind(std::string_view name);

// What a sender signs with.
class SigningSecret {
 public:
  // "whsec_..." or "whsk_..." (the seed alone, or with its public key). Error: kInvalid, without
  // the text.
  [[nodiscard]] static Result<SigningSecret> parse(std::string_view text);
  [[nodiscard]] static SigningSecret make(SignatureKind kind, Random& random);

  [[nodiscard]] SignatureKind kind() const { return kind_; }
  // As parse() takes it.
  [[nodiscard]] SecretText text() const;
  // "whpk_..." of an Ed25519 key; "" of a shared secret.
  [[nodiscard]] std::string public_key() const;

 private:
  friend class Signer;
  friend class Verifier;
  SigningSecret(SignatureKind kind, SecretText key) : kind_(kind), key_(std::move(key)) {}

  SignatureKind kind_;
  SecretText key_;  // raw: the shared secret, or the seed
};

struct ActiveSecret {
  SigningSecret secret;
  std::optional<WallTime> expires = {};  // it signs before this; absent: until it is replaced
};

// Signs for one sender. What OpenSSL needs for a key is made at its first use and kept.
// Thread-safe.
class Signer {
 public:
  explicit Signer(std::vector<ActiveSecret> secrets);
  ~Signer();

  // The value of webhook-signature. `id` has no dot; `timestamp` is Unix seconds. Empty when no
  // secret is active at `now`.
  [[nodiscard]] std::string sign(std::string_view id, std::int64_t timestamp, std::string_view body,
                                 WallTime now) const;

 private:
  struct Key;
  [[nodiscard]] static std::string signature(Key& key, std::string_view head,
                                             std::string_view body);

  std::vector<std::unique_ptr<Key>> keys_;
  mutable std::mutex mutex_;  // while a key is used: about a microsecond
};

}  // namespace bitvault::webhooks
