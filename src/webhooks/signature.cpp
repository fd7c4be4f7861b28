#include "webhooks/signature.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <span>

#include "base/check.h"
#include "base/crypto.h"
#include "base/text.h"
#include "webhooks/ed25519.h"

namespace bitvault::webhooks {
namespace {

constexpr std::string_view kSharedPrefix = "whsec_";
constexpr std::string_view kSecretPrefix = "whsk_";
constexpr std::string_view kPublicPrefix = "whpk_";
constexpr std::size_t kMadeSecretBytes = 32;

struct FreeContext {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using HmacContext = std::unique_ptr<EVP_MAC_CTX, FreeContext>;

// A context that has its key: to begin anew without giving it again saves half of a short HMAC.
HmacContext keyed_context(std::string_view key) {
  static EVP_MAC* const kHmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  std::string digest = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end()};
  HmacContext context(EVP_MAC_CTX_new(kHmac));
  check(EVP_MAC_init(context.get(), reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                     parameters) == 1,
        "OpenSSL has HMAC-SHA256");
  return context;
}

Digest hmac(EVP_MAC_CTX* context, std::string_view head, std::string_view body) {
  Digest digest;
  const auto update = [&](std::string_view part) {
    return EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(part.data()),
                          part.size()) == 1;
  };
  const bool done = EVP_MAC_init(context, nullptr, 0, nullptr) == 1 && update(head) &&
                    update(body) &&
                    EVP_MAC_final(context, reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                                  digest.size()) == 1;
  check(done, "OpenSSL computes an HMAC");
  return digest;
}

}  // namespace

std::string_view name_of(SignatureKind kind) {
  switch (kind) {
    case SignatureKind::kHmac:
      return "v1";
    case SignatureKind::kEd25519:
      return "v1a";
  }
  return "";
}

std::optional<SignatureKind> parse_signature_kind(std::string_view name) {
  for (const SignatureKind kind : {SignatureKind::kHmac, SignatureKind::kEd25519}) {
    if (name == name_of(kind)) {
      return kind;
    }
  }
  return std::nullopt;
}

Result<SigningSecret> SigningSecret::parse(std::string_view text) {
  const bool shared = text.starts_with(kSharedPrefix);
  if (!shared && !text.starts_with(kSecretPrefix)) {
    return fail(Code::kInvalid, "a secret begins with whsec_ (or whsk_, an Ed25519 key)");
  }
  std::optional<std::string> raw =
      from_base64(text.substr(shared ? kSharedPrefix.size() : kSecretPrefix.size()));
  if (!raw) {
    return fail(Code::kInvalid,
                "what stands behind the secret's prefix is not base64 (RFC 4648, section 4, with "
                "its padding)");
  }
  SecretText key(*raw);
  wipe(*raw);
  if (shared) {
    if (key.size() < kSecretBytesMin || key.size() > kSecretBytesMax) {
      return fail(Code::kInvalid,
                  fmt::format("a secret has {} to {} bytes before it is encoded in base64; this "
                              "one has {}",
                              kSecretBytesMin, kSecretBytesMax, key.size()));
    }
    return SigningSecret(SignatureKind::kHmac, std::move(key));
  }
  if (key.size() != kEd25519KeyBytes && key.size() != 2 * kEd25519KeyBytes) {
    return fail(Code::kInvalid, "an Ed25519 key has 32 bytes, its seed, or 64 with its public key");
  }
  SigningSecret secret(SignatureKind::kEd25519,
                       SecretText(key.reveal().substr(0, kEd25519KeyBytes)));
  if (key.size() > kEd25519KeyBytes && Ed25519Key::of_seed(secret.key_.reveal()).public_key() !=
                                           key.reveal().substr(kEd25519KeyBytes)) {
    return fail(Code::kInvalid, "the two halves of the Ed25519 key do not belong together");
  }
  return secret;
}

SigningSecret SigningSecret::make(SignatureKind kind, Random& random) {
  static_assert(kMadeSecretBytes == kEd25519KeyBytes);
  std::string raw(kMadeSecretBytes, '\0');
  random.fill(std::as_writable_bytes(std::span(raw)));
  SigningSecret secret(kind, SecretText(raw));
  wipe(raw);
  return secret;
}

SecretText SigningSecret::text() const {
  std::string raw(key_.reveal());
  if (kind_ == SignatureKind::kEd25519) {
    raw += Ed25519Key::of_seed(key_.reveal()).public_key();
  }
  std::string shown(kind_ == SignatureKind::kHmac ? kSharedPrefix : kSecretPrefix);
  shown += base64(as_bytes(raw));
  SecretText text(shown);
  wipe(raw);
  wipe(shown);
  return text;
}

std::string SigningSecret::public_key() const {
  return kind_ == SignatureKind::kHmac
             ? ""
             : std::string(kPublicPrefix) +
                   base64(as_bytes(Ed25519Key::of_seed(key_.reveal()).public_key()));
}

struct Signer::Key {
  explicit Key(ActiveSecret active) : active(std::move(active)) {}

  ActiveSecret active;
  HmacContext hmac;  // of a shared secret, once it was used
  std::optional<Ed25519Key> ed25519;
};

Signer::Signer(std::vector<ActiveSecret> secrets) {
  keys_.reserve(secrets.size());
  for (ActiveSecret& secret : secrets) {
    keys_.push_back(std::make_unique<Key>(std::move(secret)));
  }
}

Signer::~Signer() = default;

std::string Signer::signature(Key& key, std::string_view head, std::string_view body) {
  const SigningSecret& secret = key.active.secret;
  if (secret.kind() == SignatureKind::kHmac) {
    if (!key.hmac) {
      key.hmac = keyed_context(secret.key_.reveal());
    }
    return base64(hmac(key.hmac.get(), head, body));
  }
  if (!key.ed25519) {
    key.ed25519.emplace(Ed25519Key::of_seed(secret.key_.reveal()));
  }
  return base64(as_bytes(key.ed25519->sign(std::string(head).append(body))));
}

std::string Signer::sign(std::string_view id, std::int64_t timestamp, std::string_view body,
                         WallTime now) const {
  const std::string head = fmt::format("{}.{}.", id, timestamp);
  std::string value;
  const std::scoped_lock lock(mutex_);
  for (const auto& key : keys_) {
    if (key->active.expires && *key->active.expires <= now) {
      continue;
    }
    value += value.empty() ? "" : " ";
    value += name_of(key->active.secret.kind());
    value += ',';
    value += signature(*key, head, body);
  }
  return value;
}

}  // namespace bitvault::webhooks
