#include "webhooks/webhook_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"
#include "event/event.h"

namespace bitvault::webhooks {
namespace {

using delivery::Outcome;
using delivery::Verdict;

constexpr Duration kRetryAfterMax = std::chrono::days(7);
constexpr Duration kConnectTimeoutMax = std::chrono::seconds(10);
// A short value would be found everywhere.
constexpr std::size_t kCredentialBytesMin = 4;
constexpr std::string_view kRedacted = "[redacted]";
// More than is kept: what is cut out makes room.
constexpr std::size_t kAnswerBytesRead = 4 * delivery::kAnswerHeadBytesMax;

constexpr unsigned kGone = 410;
constexpr unsigned kTooManyRequests = 429;
constexpr unsigned kServiceUnavailable = 503;

std::optional<WallTime> parse_http_date(std::string_view text) {
  const std::string value(text);
  // IMF-fixdate, and the two obsolete forms.
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* end = ::strptime(value.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') {
      return WallTime(std::chrono::seconds(::timegm(&parts)));
    }
  }
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

std::optional<Duration> retry_after(const OutgoingAnswer& answer, WallTime now) {
  const auto found =
      std::ranges::find(answer.headers, "retry-after", &std::pair<std::string, std::string>::first);
  return found == answer.headers.end() ? std::nullopt : parse_retry_after(found->second, now);
}

std::string detail_of(unsigned status) {
  if (status >= 300 && status < 400) {
    return fmt::format("the endpoint answered with HTTP {}; redirects are not followed", status);
  }
  if (status == kGone) {
    return "the endpoint answered with HTTP 410: it wants no more events";
  }
  return fmt::format("the endpoint answered with HTTP {}", status);
}

// The first credential that stands in the text from `from` on.
struct Found {
  std::size_t at = std::string::npos;
  std::size_t size = 0;
};
Found find_credential(std::string_view text, const std::vector<SecretText>& credentials,
                      std::size_t from) {
  Found first;
  for (const SecretText& credential : credentials) {
    const std::size_t at = text.find(credential.reveal(), from);
    if (at < first.at ||
        (at == first.at && at != std::string::npos && credential.size() > first.size)) {
      first = {at, credential.size()};
    }
  }
  return first;
}

// How many of the last bytes are the beginning of a credential that was cut off.
std::size_t begun_credential(std::string_view text, const std::vector<SecretText>& credentials) {
  std::size_t most = 0;
  for (const SecretText& credential : credentials) {
    for (std::size_t size = std::min(credential.size() - 1, text.size());
         size >= kCredentialBytesMin && size > most; --size) {
      if (text.ends_with(credential.reveal().substr(0, size))) {
        most = size;
      }
    }
  }
  return most;
}

}  // namespace

std::optional<Duration> parse_retry_after(std::string_view value, WallTime now) {
  value = trimmed(value);
  const bool digits =
      !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
  if (digits) {
    const auto seconds = parse_uint(value);  // nothing: more than there are
    const std::uint64_t most = static_cast<std::uint64_t>(kRetryAfterMax / std::chrono::seconds(1));
    return std::chrono::seconds(std::min(seconds.value_or(most), most));
  }
  const auto time = parse_http_date(value);
  if (!time) {
    return std::nullopt;
  }
  return std::clamp(*time - now, Duration(0), kRetryAfterMax);
}

std::string printable_head(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view kUnknown = "\xef\xbf\xbd";  // U+FFFD
  std::string out;
  while (!text.empty()) {
    std::size_t length = 1;
    while (length < 4 && length < text.size() && !is_valid_utf8(text.substr(0, length))) {
      ++length;
    }
    const bool valid = is_valid_utf8(text.substr(0, length));
    const auto lead = static_cast<unsigned char>(text.front());
    const bool control = lead < ' ' || lead == 0x7f;
    const std::string_view piece = !valid    ? kUnknown
                                   : control ? std::string_view(" ")
                                             : text.substr(0, length);
    if (out.size() + piece.size() > bytes_max) {
      break;
    }
    out += piece;
    text.remove_prefix(valid ? length : 1);
  }
  return out;
}

Outcome classify(OutgoingResult result, WallTime now) {
  Outcome outcome{
      .verdict = Verdict::kRetry, .address = std::move(result.address), .latency = result.latency};
  if (!result.answer) {
    outcome.reason = name_of(result.answer.error());
    outcome.detail = std::move(result.detail);
    outcome.slow_down = result.answer.error() == OutgoingFailure::kTimeout;
    return outcome;
  }
  OutgoingAnswer& answer = *result.answer;
  outcome.status = answer.status;
  if (answer.status >= 200 && answer.status < 300) {
    outcome.verdict = Verdict::kDelivered;
    return outcome;
  }
  outcome.reason = fmt::format("http_{}", answer.status);
  outcome.detail = detail_of(answer.status);
  outcome.answer = std::move(answer.body);
  if (answer.status == kGone) {
    outcome.verdict = Verdict::kDisable;
  } else if (answer.status == kTooManyRequests || answer.status == kServiceUnavailable) {
    outcome.retry_after = retry_after(answer, now);
    outcome.slow_down = answer.status == kTooManyRequests;
  }
  return outcome;
}

WebhookTarget::WebhookTarget(const Webhook& webhook, World& world, Outgoing& outgoing,
                             std::string_view version)
    : world_(world),
      outgoing_(outgoing),
      url_(webhook.settings.url),
      timeout_(webhook.settings.policy.timeout),
      signer_(active_secrets(webhook)) {
  const WebhookSettings& settings = webhook.settings;
  own_headers_.emplace_back("user-agent", SecretText(fmt::format("BitVault-Events/{}", version)));
  for (const CustomHeader& header : settings.headers) {
    own_headers_.emplace_back(header.name, header.value);
    credentials_.push_back(header.value);
    const std::string_view value = header.value.reveal();
    if (const std::size_t blank = value.find(' '); blank != std::string_view::npos) {
      credentials_.emplace_back(value.substr(blank + 1));  // of "Bearer ..."
    }
  }
  if (settings.basic_auth) {
    std::string pair(settings.basic_auth->user);
    pair.append(":").append(settings.basic_auth->password.reveal());
    std::string encoded = base64(as_bytes(pair));
    credentials_.emplace_back(encoded);
    credentials_.push_back(settings.basic_auth->password);
    std::string value = "Basic " + encoded;
    own_headers_.emplace_back("authorization", SecretText(value));
    wipe(pair);
    wipe(encoded);
    wipe(value);
  }
  std::erase_if(credentials_, [](const SecretText& credential) {
    return credential.size() < kCredentialBytesMin;
  });
  if (!settings.tls.empty()) {
    identity_ = std::make_shared<const OutgoingIdentity>(
        OutgoingIdentity{std::string(settings.tls.ca.reveal()),
                         std::string(settings.tls.client_certificate.reveal()),
                         std::string(settings.tls.client_key.reveal())});
  }
}

OutgoingRequest WebhookTarget::request(const delivery::Delivery& delivery) const {
  const EventHead event = read_head(delivery.event);
  const WallTime now = world_.clock().wall();
  const std::int64_t timestamp =
      std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  OutgoingRequest request;
  request.url = url_;
  request.body = delivery.event;
  request.timeout = timeout_;
  request.connect_timeout = std::min(timeout_, kConnectTimeoutMax);
  request.answer_bytes_max = kAnswerBytesRead;
  request.identity = identity_;
  auto& headers = request.headers;
  headers.reserve(own_headers_.size() + 9);
  headers.emplace_back("content-type", "application/cloudevents+json");
  headers.emplace_back(kIdHeader, event.id);
  headers.emplace_back(kTimestampHeader, std::to_string(timestamp));
  headers.emplace_back(kSignatureHeader, signer_.sign(event.id, timestamp, delivery.event, now));
  headers.emplace_back("bitvault-epoch", event.epoch);
  headers.emplace_back("bitvault-sequence", std::to_string(delivery.sequence.value));
  headers.emplace_back("bitvault-previous-sequence", std::to_string(delivery.previous.value));
  headers.emplace_back("bitvault-attempt", std::to_string(delivery.attempt));
  if (!delivery.replay.empty()) {
    headers.emplace_back("bitvault-replay", delivery.replay);
  }
  for (const auto& [name, value] : own_headers_) {
    headers.emplace_back(name, value.reveal());
  }
  return request;
}

std::string WebhookTarget::without_credentials(std::string text) const {
  std::size_t from = 0;
  for (Found found = find_credential(text, credentials_, from); found.at != std::string::npos;
       found = find_credential(text, credentials_, from)) {
    text.replace(found.at, found.size, kRedacted);
    from = found.at + kRedacted.size();
  }
  text.resize(text.size() - begun_credential(text, credentials_));
  return text;
}

Task<Outcome> WebhookTarget::attempt(delivery::Delivery delivery) const {
  OutgoingRequest sent = request(delivery);
  OutgoingResult result = co_await outgoing_.send(std::move(sent));
  Outcome outcome = classify(std::move(result), world_.clock().wall());
  std::string answer = without_credentials(std::move(outcome.answer));
  outcome.answer = printable_head(answer, delivery::kAnswerHeadBytesMax);
  outcome.detail = without_credentials(std::move(outcome.detail));
  co_return outcome;
}

}  // namespace bitvault::webhooks
