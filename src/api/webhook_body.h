// A webhook as the API takes and shows it.
#pragma once

#include <boost/json/object.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "store/attempt_log.h"
#include "webhooks/webhook.h"

namespace bitvault::api {

// What a request says of a webhook. One member at a time: what is absent stays as it is, and null
// is the default again.
class WebhookBody {
 public:
  // The request's body, with the members of a webhook and `more` ones.
  [[nodiscard]] static Result<WebhookBody> read(const http::Request& request,
                                                std::initializer_list<std::string_view> more);

  // Changes what the body names.
  [[nodiscard]] Status apply(webhooks::WebhookSettings& settings) const;

  [[nodiscard]] const boost::json::object& object() const { return object_; }
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  boost::json::object object_;
  std::string pattern_;  // as it was sent; empty: null or absent
};

// A text member; absent when it is not there or null.
[[nodiscard]] Result<std::optional<std::string>> text_member(const boost::json::object& body,
                                                             std::string_view name);

// The secret of a request, when it names one.
[[nodiscard]] Result<std::optional<webhooks::SigningSecret>> secret_member(
    const boost::json::object& body);

// All but what is secret.
[[nodiscard]] boost::json::object render(const webhooks::Webhook& webhook);
// The same with the secret, where a shared one was made at its last change.
[[nodiscard]] boost::json::object render_with_secret(const webhooks::Webhook& webhook);

[[nodiscard]] boost::json::object render(const AttemptEntry& attempt,
                                         const std::optional<std::string>& event_id);

// A time, or null.
[[nodiscard]] boost::json::value render(const std::optional<WallTime>& time);

}  // namespace bitvault::api
