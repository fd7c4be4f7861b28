#include "webhooks/webhook.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"
#include "webhooks/pem.h"

namespace bitvault::webhooks {
namespace {

// What the delivery itself sets, or what would change how its bytes travel.
constexpr std::array<std::string_view, 13> kReservedHeaders = {
    "accept-encoding",  "connection", "date",    "expect",      "host",    "http2-settings",
    "keep-alive",       "te",         "trailer", "traceparent", "upgrade", "user-agent",
    "transfer-encoding"};
constexpr std::array<std::string_view, 4> kReservedPrefixes = {"content-", "webhook-", "bitvault-",
                                                               "proxy-"};

// Collects what is wrong, member by member.
class Violations {
 public:
  void add(std::string path, std::string message) {
    error_.violations.push_back({0, std::move(path), std::move(message)});
  }
  void add_if(std::string path, std::string message) {
    if (!message.empty()) {
      add(std::move(path), std::move(message));
    }
  }
  void take(const Status& status) {
    if (!status) {
      for (const Violation& violation : status.error().violations) {
        error_.violations.push_back(violation);
      }
    }
  }
  [[nodiscard]] Status finish() {
    if (error_.violations.empty()) {
      return {};
    }
    const Violation& first = error_.violations.front();
    error_.detail = fmt::format("{}: {}", first.path, first.message);
    return fail(std::move(error_));
  }

 private:
  Error error_{Code::kInvalid, "", {}};
};

bool is_token(std::string_view text) {  // RFC 9110, 5.6.2
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    const char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || kOthers.contains(c);
  });
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

bool is_header_value(std::string_view text) {
  return !text.empty() && text.front() != ' ' && text.back() != ' ' &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), ascii_lower);
  return out;
}

bool is_reserved(std::string_view lower_name) {
  return std::ranges::find(kReservedHeaders, lower_name) != kReservedHeaders.end() ||
         std::ranges::any_of(kReservedPrefixes, [&](std::string_view prefix) {
           return lower_name.starts_with(prefix);
         });
}

std::string judge_url(std::string_view url) {
  const std::string scheme = lower(url.substr(0, url.find(':')));
  if (url.empty()) {
    return "is required: where events are sent, such as https://example.com/hook";
  }
  if (url.size() > kUrlBytesMax) {
    return fmt::format("has at most {} bytes", kUrlBytesMax);
  }
  if (!is_visible(url)) {
    return "has only printable ASCII characters, others percent-encoded";
  }
  if ((scheme != "https" && scheme != "http") || !url.substr(scheme.size()).starts_with("://")) {
    return "begins with https://";
  }
  const std::string_view rest = url.substr(scheme.size() + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.empty()) {
    return "names a host";
  }
  if (authority.contains('@')) {
    return "holds no user and password; give them as basic_auth";
  }
  if (url.contains('#')) {
    return "has no fragment";
  }
  return "";
}

void judge_headers(const WebhookSettings& settings, Violations& to) {
  if (settings.headers.size() > kHeadersMax) {
    to.add("headers", fmt::format("has at most {} entries", kHeadersMax));
    return;
  }
  std::size_t bytes = 0;
  std::vector<std::string> seen;
  for (const CustomHeader& header : settings.headers) {
    const std::string name = lower(header.name);
    const std::string path = "headers." + header.name;
    bytes += name.size() + header.value.size();
    if (!is_token(name) || name.size() > kHeaderNameBytesMax) {
      to.add("headers",
             fmt::format("a header's name is a token of 1 to {} characters", kHeaderNameBytesMax));
    } else if (is_reserved(name)) {
      to.add(path, "is set by the delivery itself");
    } else if (std::ranges::find(seen, name) != seen.end()) {
      to.add(path, "comes twice");
    } else if (name == "authorization" && settings.basic_auth) {
      to.add(path, "is what basic_auth sets: give one of them");
    } else if (!is_header_value(header.value.reveal()) ||
               header.value.size() > kHeaderValueBytesMax) {
      to.add(path, fmt::format("is 1 to {} printable ASCII characters, without a blank at its ends",
                               kHeaderValueBytesMax));
    }
    seen.push_back(name);
  }
  if (bytes > kHeadersBytesMax) {
    to.add("headers", fmt::format("have at most {} bytes together", kHeadersBytesMax));
  }
}

void judge_basic_auth(const BasicAuth& auth, Violations& to) {
  const auto printable = [](std::string_view text) {
    return is_valid_utf8(text) && std::ranges::none_of(text, [](char c) {
             return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
           });
  };
  if (auth.user.empty() || auth.user.size() > kUserBytesMax || auth.user.contains(':') ||
      !printable(auth.user)) {
    to.add("basic_auth.user",
           fmt::format("is 1 to {} bytes without a colon and control characters", kUserBytesMax));
  }
  if (auth.password.size() > kPasswordBytesMax || !printable(auth.password.reveal())) {
    to.add("basic_auth.password",
           fmt::format("is at most {} bytes without control characters", kPasswordBytesMax));
  }
}

void judge_tls(const WebhookSettings& settings, Violations& to) {
  const TlsSettings& tls = settings.tls;
  if (tls.empty()) {
    return;
  }
  if (!lower(settings.url).starts_with("https:")) {
    to.add("tls", "goes with an https:// URL only");
  }
  const std::string long_text = fmt::format("has at most {} bytes", kPemBytesMax);
  const std::pair<const char*, const SecretText*> texts[] = {
      {"tls.ca", &tls.ca},
      {"tls.client_certificate", &tls.client_certificate},
      {"tls.client_key", &tls.client_key}};
  for (const auto& [path, text] : texts) {
    if (text->size() > kPemBytesMax) {
      to.add(path, long_text);
      return;
    }
  }
  if (!tls.ca.empty()) {
    to.add_if("tls.ca", judge_authorities(tls.ca.reveal()));
  }
  if (tls.client_certificate.empty() != tls.client_key.empty()) {
    to.add(tls.client_key.empty() ? "tls.client_key" : "tls.client_certificate",
           "is required: a certificate and its key go together");
  } else if (!tls.client_key.empty()) {
    const std::string wrong = judge_certificate(tls.client_certificate.reveal());
    to.add_if("tls.client_certificate", wrong);
    if (wrong.empty()) {
      to.add_if("tls.client_key",
                judge_private_key(tls.client_key.reveal(), tls.client_certificate.reveal()));
    }
  }
}

void judge_signatures(const std::vector<SignatureKind>& kinds, Violations& to) {
  const bool repeats = kinds.size() == 2 && kinds.front() == kinds.back();
  if (kinds.empty() || kinds.size() > 2 || repeats) {
    to.add("signatures", "is a list of \"v1\", \"v1a\" or both");
  }
}

}  // namespace

Status validate(const WebhookSettings& settings) {
  Violations wrong;
  wrong.add_if("url", judge_url(settings.url));
  if (const auto filter = Filter::make(settings.types, {}, {}); !filter) {
    wrong.add("types", filter.error().detail);
  }
  if (!settings.pattern.empty()) {
    if (const auto pattern = Pattern::compile(settings.pattern); !pattern) {
      wrong.add("pattern", pattern.error().detail);
    }
  }
  if (settings.description.size() > kDescriptionBytesMax || !is_valid_utf8(settings.description)) {
    wrong.add("description", fmt::format("has at most {} bytes of UTF-8", kDescriptionBytesMax));
  }
  judge_headers(settings, wrong);
  if (settings.basic_auth) {
    judge_basic_auth(*settings.basic_auth, wrong);
  }
  judge_tls(settings, wrong);
  wrong.take(delivery::validate(settings.policy));
  judge_signatures(settings.signatures, wrong);
  return wrong.finish();
}

Filter filter_of(const Webhook& webhook) {
  Result<Filter> filter = Filter::make(webhook.settings.types, {}, {});
  check(filter.has_value(), "a webhook's types were validated");
  return webhook.settings.own_events ? std::move(*filter)
                                     : filter->without(kTypePrefix, webhook.id);
}

Result<std::optional<Pattern>> pattern_of(const Webhook& webhook) {
  if (webhook.settings.pattern.empty()) {
    return std::optional<Pattern>();
  }
  Result<Pattern> pattern = Pattern::compile(webhook.settings.pattern);
  if (!pattern) {
    return fail(std::move(pattern.error()));
  }
  return std::optional(std::move(*pattern));
}

bool same_filter(const WebhookSettings& a, const WebhookSettings& b) {
  return a.types == b.types && a.pattern == b.pattern && a.own_events == b.own_events;
}

std::string endpoint_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  url.remove_prefix(scheme == std::string_view::npos ? 0 : scheme + 3);
  return std::string(url.substr(0, url.find_first_of("?#")));
}

void complete_secrets(Webhook& webhook, std::optional<SigningSecret> given, WallTime now,
                      Random& random) {
  const auto& kinds = webhook.settings.signatures;
  std::erase_if(webhook.secrets, [&](const WebhookSecret& secret) {
    return std::ranges::find(kinds, secret.secret.kind()) == kinds.end() ||
           (secret.expires && *secret.expires <= now);
  });
  std::vector<WebhookSecret> made;
  for (const SignatureKind kind : kinds) {
    const bool has_one = std::ranges::any_of(webhook.secrets, [&](const WebhookSecret& secret) {
      return secret.secret.kind() == kind && !secret.expires;
    });
    if (!has_one) {
      made.push_back(
          {given && given->kind() == kind ? *given : SigningSecret::make(kind, random), now});
    }
  }
  webhook.secrets.insert(webhook.secrets.begin(), made.begin(), made.end());
}

Status rotate_secrets(Webhook& webhook, std::optional<SigningSecret> given, Duration overlap,
                      WallTime now, Random& random) {
  Webhook rotated = webhook;
  for (WebhookSecret& secret : rotated.secrets) {
    secret.expires = std::min(secret.expires.value_or(WallTime::max()), now + overlap);
  }
  complete_secrets(rotated, std::move(given), now, random);
  if (rotated.secrets.size() > kSecretsMax) {
    return fail(Code::kConflict,
                fmt::format("{} secrets sign at once already; wait until one expires, or rotate "
                            "with a shorter overlap_seconds",
                            webhook.secrets.size()));
  }
  webhook = std::move(rotated);
  return {};
}

std::vector<ActiveSecret> active_secrets(const Webhook& webhook) {
  std::vector<ActiveSecret> secrets;
  secrets.reserve(webhook.secrets.size());
  for (const WebhookSecret& secret : webhook.secrets) {
    secrets.push_back({secret.secret, secret.expires});
  }
  return secrets;
}

}  // namespace bitvault::webhooks
