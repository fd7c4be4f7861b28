#include "webhooks/verifier.h"

#include <algorithm>
#include <optional>

#include "base/crypto.h"
#include "base/text.h"
#include "webhooks/signature.h"

namespace bitvault::webhooks {
namespace {

constexpr std::string_view kPublicPrefix = "whpk_";
constexpr std::size_t kTimestampBytesMax = 12;

std::optional<std::chrono::seconds> parse_timestamp(std::string_view text) {
  if (text.size() > kTimestampBytesMax) {
    return std::nullopt;
  }
  const auto seconds = parse_uint(text);
  return seconds ? std::optional(std::chrono::seconds(*seconds)) : std::nullopt;
}

std::string_view take_word(std::string_view& list) {
  const std::size_t end = std::min(list.find(' '), list.size());
  const std::string_view word = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return word;
}

}  // namespace

std::string_view explain(Verification verification) {
  switch (verification) {
    case Verification::kValid:
      return "the signature is valid";
    case Verification::kMissingHeader:
      return "webhook-id, webhook-timestamp or webhook-signature is missing";
    case Verification::kBadId:
      return "webhook-id has a dot in it";
    case Verification::kBadTimestamp:
      return "webhook-timestamp is not a whole number of Unix seconds";
    case Verification::kTooOld:
      return "webhook-timestamp is more than 5 minutes behind this clock";
    case Verification::kTooNew:
      return "webhook-timestamp is more than 5 minutes ahead of this clock";
    case Verification::kBadSignature:
      return "webhook-signature is not a list of <version>,<base64>";
    case Verification::kNoSuchVersion:
      return "webhook-signature has no entry that the given secrets can verify";
    case Verification::kMismatch:
      return "no signature matches: another secret, or the body was changed on its way";
  }
  return "";
}

Status Verifier::add(std::string_view key) {
  if (key.starts_with(kPublicPrefix)) {
    const auto raw = from_base64(key.substr(kPublicPrefix.size()));
    if (!raw || raw->size() != kEd25519KeyBytes) {
      return fail(Code::kInvalid, "what stands behind whpk_ must be base64 of 32 bytes");
    }
    public_.push_back(Ed25519Key::of_public_key(*raw));
    return {};
  }
  Result<SigningSecret> secret = SigningSecret::parse(key);
  if (!secret) {
    return fail(std::move(secret.error()));
  }
  if (secret->kind() == SignatureKind::kEd25519) {
    return add(secret->public_key());
  }
  shared_.push_back(std::move(secret->key_));
  return {};
}

Verifier::Tried Verifier::try_entry(std::string_view version, std::string_view signature,
                                    std::string_view text) const {
  Tried tried;
  const std::optional<std::string> raw = from_base64(signature);
  if (version == name_of(SignatureKind::kHmac)) {
    for (const SecretText& key : shared_) {
      tried.known = true;
      tried.valid =
          tried.valid || (raw && equal_in_constant_time(hmac_sha256(as_bytes(key.reveal()), text),
                                                        as_bytes(*raw)));
    }
  } else if (version == name_of(SignatureKind::kEd25519)) {
    for (const Ed25519Key& key : public_) {
      tried.known = true;
      tried.valid = tried.valid || (raw && key.verify(text, *raw));
    }
  }
  return tried;
}

Verification Verifier::verify(const Signed& message, WallTime now) const {
  if (message.id.empty() || message.timestamp.empty() || message.signature.empty()) {
    return Verification::kMissingHeader;
  }
  if (message.id.contains('.')) {
    return Verification::kBadId;
  }
  const auto timestamp = parse_timestamp(message.timestamp);
  if (!timestamp) {
    return Verification::kBadTimestamp;
  }
  const WallTime sent{*timestamp};
  if (sent + kTolerance < now) {
    return Verification::kTooOld;
  }
  if (sent - kTolerance > now) {
    return Verification::kTooNew;
  }
  std::string text(message.id);
  text.append(".").append(message.timestamp).append(".").append(message.body);
  bool known = false;
  std::string_view rest = message.signature;
  for (std::size_t i = 0; i < kEntriesMax && !rest.empty(); ++i) {
    const std::string_view entry = take_word(rest);
    const std::size_t comma = entry.find(',');
    if (comma == std::string_view::npos) {
      return Verification::kBadSignature;
    }
    const Tried tried = try_entry(entry.substr(0, comma), entry.substr(comma + 1), text);
    if (tried.valid) {
      return Verification::kValid;
    }
    known = known || tried.known;
  }
  return known ? Verification::kMismatch : Verification::kNoSuchVersion;
}

}  // namespace bitvault::webhooks
