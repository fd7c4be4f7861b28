// Where a webhook's deliveries go: one POST each, signed, with the headers that the API promises.
//
// What the answer means is a pure function beside it. No text that leaves here has a credential of
// the webhook in it, also when the receiver sends one back.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "delivery/target.h"
#include "webhooks/signature.h"
#include "webhooks/webhook.h"
#include "world/outgoing.h"

namespace bitvault::webhooks {

// What an attempt came to. `answer` of the outcome is as it came.
[[nodiscard]] delivery::Outcome classify(OutgoingResult result, WallTime now);

// Retry-After: seconds, or an HTTP date (RFC 9110, 5.6.7). Nothing when it is neither; never
// negative, and at most a week.
[[nodiscard]] std::optional<Duration> parse_retry_after(std::string_view value, WallTime now);

// At most `bytes_max` of a text that may be anything, as valid UTF-8 without control characters.
[[nodiscard]] std::string printable_head(std::string_view text, std::size_t bytes_max);

class WebhookTarget final : public delivery::Target {
 public:
  // `version` of the server. All of these outlive it but the webhook.
  WebhookTarget(const Webhook& webhook, World& world, Outgoing& outgoing, std::string_view version);

  [[nodiscard]] Task<delivery::Outcome> attempt(delivery::Delivery delivery) const override;

 private:
  [[nodiscard]] OutgoingRequest request(const delivery::Delivery& delivery) const;
  [[nodiscard]] std::string without_credentials(std::string text) const;

  World& world_;
  Outgoing& outgoing_;
  const std::string url_;
  const Duration timeout_;
  std::vector<std::pair<std::string, SecretText>> own_headers_;  // user agent, custom, Basic
  std::vector<SecretText> credentials_;                          // what no text may hold
  std::shared_ptr<const OutgoingIdentity> identity_;
  const Signer signer_;
};

}  // namespace bitvault::webhooks
