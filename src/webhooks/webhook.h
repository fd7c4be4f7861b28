// A Webhook as a value: what its owner said of it, its secrets, and whether it is enabled.
//
// What is secret in it (header values, passwords, TLS keys, signing secrets) cannot be printed and
// leaves the process in two ways only: to the webhook's own endpoint, and sealed into the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/seal.h"
#include "base/secret_text.h"
#include "base/time.h"
#include "delivery/policy.h"
#include "event/filter.h"
#include "pattern/pattern.h"
#include "store/transaction.h"
#include "webhooks/signature.h"

namespace bitvault::webhooks {

inline constexpr Collection kWebhooks{"webhook"};  // by id
inline constexpr std::string_view kIdPrefix = "whk_";
inline constexpr std::string_view kTypePrefix = "bitvault.webhook.";  // of events about webhooks

inline constexpr std::size_t kUrlBytesMax = 2'048;
inline constexpr std::size_t kDescriptionBytesMax = 1'024;
inline constexpr std::size_t kHeadersMax = 32;
inline constexpr std::size_t kHeaderNameBytesMax = 128;
inline constexpr std::size_t kHeaderValueBytesMax = 4'096;
inline constexpr std::size_t kHeadersBytesMax = 16 * 1024;  // of all, names included
inline constexpr std::size_t kUserBytesMax = 256;
inline constexpr std::size_t kPasswordBytesMax = 1'024;
inline constexpr std::size_t kPemBytesMax = 32 * 1024;  // of each text
inline constexpr std::size_t kSecretsMax = 10;          // that sign at once
inline constexpr std::chrono::seconds kOverlapMax = std::chrono::days(7);
inline constexpr std::chrono::seconds kOverlapDefault = std::chrono::days(1);

struct CustomHeader {
  std::string name;
  SecretText value;
};

struct BasicAuth {
  std::string user;
  SecretText password;
};

// PEM texts; empty: the system's authorities, no client certificate.
struct TlsSettings {
  SecretText ca;
  SecretText client_certificate;
  SecretText client_key;

  [[nodiscard]] bool empty() const {
    return ca.empty() && client_certificate.empty() && client_key.empty();
  }
};

// What its owner says.
struct WebhookSettings {
  std::string url;
  std::vector<std::string> types = {};  // full ones or "bitvault.node.*"; empty: all
  std::string pattern = {};             // JSON; empty: none
  std::string description = {};
  std::vector<CustomHeader> headers = {};
  std::optional<BasicAuth> basic_auth = {};
  TlsSettings tls = {};
  delivery::Policy policy = {};
  std::vector<SignatureKind> signatures = {SignatureKind::kHmac};
  bool own_events = false;  // whether it gets events about itself
};

struct WebhookSecret {
  SigningSecret secret;
  WallTime created;
  std::optional<WallTime> expires = {};  // absent: it is the current one of its kind
};

struct Webhook {
  std::string id;
  WebhookSettings settings;
  std::vector<WebhookSecret> secrets = {};  // the current ones first
  bool enabled = true;
  std::string disabled_reason = {};
  std::optional<WallTime> disabled_at = {};
  WallTime created{};
  WallTime updated{};
  std::uint64_t filter_revision = 0;
};

// Error: kInvalid with a violation for each member that is wrong, under its name in the API.
// Where the URL leads is not judged here.
[[nodiscard]] Status validate(const WebhookSettings& settings);

// Which events the webhook gets, but for its pattern.
[[nodiscard]] Filter filter_of(const Webhook& webhook);
[[nodiscard]] Result<std::optional<Pattern>> pattern_of(const Webhook& webhook);
// Whether the same events are wanted by both.
[[nodiscard]] bool same_filter(const WebhookSettings& a, const WebhookSettings& b);

// Host and path of its URL: what others may know of it.
[[nodiscard]] std::string endpoint_of(std::string_view url);

// Gives it secrets of the kinds that it signs with and has no current one for, `given` being one of
// them, and takes away those of other kinds and those that expired. What is new comes first.
void complete_secrets(Webhook& webhook, std::optional<SigningSecret> given, WallTime now,
                      Random& random);
// Gives it a new secret of each of its kinds; the ones before sign until `now` + `overlap`. Error:
// kConflict when more than kSecretsMax would sign at once.
[[nodiscard]] Status rotate_secrets(Webhook& webhook, std::optional<SigningSecret> given,
                                    Duration overlap, WallTime now, Random& random);
[[nodiscard]] std::vector<ActiveSecret> active_secrets(const Webhook& webhook);

// The record in the store: JSON, with what is secret sealed in one piece.
[[nodiscard]] std::string to_record(const Webhook& webhook, const Sealer& sealer, Random& random);
// Error: kInternal for what to_record() did not make for this id.
[[nodiscard]] Result<Webhook> from_record(const Record& record, const Sealer& sealer);

}  // namespace bitvault::webhooks
