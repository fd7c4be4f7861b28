#include "api/webhook_body.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <functional>
#include <limits>

#include "base/json.h"

namespace bitvault::api {
namespace {

namespace json = boost::json;
using webhooks::Webhook;
using webhooks::WebhookSettings;

constexpr std::string_view kMembers[] = {"url",
                                         "types",
                                         "pattern",
                                         "description",
                                         "headers",
                                         "basic_auth",
                                         "tls",
                                         "ordering",
                                         "concurrency",
                                         "signatures",
                                         "own_events",
                                         "rate_limit_per_second",
                                         "timeout_seconds",
                                         "retry_schedule_seconds"};

std::string_view view(const json::string& text) { return text; }

Result<std::string> text(const json::value& value, std::string path) {
  if (!value.is_string()) {
    return wrong(std::move(path), "must be a string");
  }
  return std::string(value.get_string());
}

Result<SecretText> secret_text(const json::value& value, std::string path) {
  if (!value.is_string()) {
    return wrong(std::move(path), "must be a string");
  }
  return SecretText(view(value.get_string()));
}

// What is too large for the type is out of bounds anyway: the greatest value says so.
Result<unsigned> number(const json::value& value, std::string path) {
  boost::system::error_code error;
  const auto whole = value.to_number<std::uint64_t>(error);
  if (error || value.is_double()) {
    return wrong(std::move(path), "must be a whole number, at least 0");
  }
  return static_cast<unsigned>(
      std::min<std::uint64_t>(whole, std::numeric_limits<std::int32_t>::max()));
}

Result<std::vector<std::string>> texts(const json::value& value, const std::string& path) {
  if (!value.is_array()) {
    return wrong(path, "must be a list of strings");
  }
  std::vector<std::string> list;
  list.reserve(value.get_array().size());
  for (const json::value& each : value.get_array()) {
    Result<std::string> item = text(each, path);
    if (!item) {
      return wrong(path, "must be a list of strings");
    }
    list.push_back(std::move(*item));
  }
  return list;
}

// The members of an object that has no others.
Result<const json::object*> object(const json::value& value, const std::string& path,
                                   std::initializer_list<std::string_view> known) {
  if (!value.is_object()) {
    return wrong(path, "must be an object");
  }
  for (const auto& member : value.get_object()) {
    if (std::ranges::find(known, std::string_view(member.key())) == known.end()) {
      return wrong(fmt::format("{}.{}", path, std::string_view(member.key())),
                   fmt::format("unknown member; known are {}", fmt::join(known, ", ")));
    }
  }
  return &value.get_object();
}

template <class T, class Read>
Status assign(T& to, const json::value& value, const std::string& path, const Read& read) {
  auto result = read(value, path);
  if (!result) {
    return fail(std::move(result.error()));
  }
  to = std::move(*result);
  return {};
}

Status read_headers(const json::value& value, WebhookSettings& settings) {
  if (!value.is_object()) {
    return wrong("headers", R"(must be an object, such as {"X-Api-Key": "..."})");
  }
  std::vector<webhooks::CustomHeader> headers;
  for (const auto& member : value.get_object()) {
    const std::string name(member.key());
    Result<SecretText> content = secret_text(member.value(), "headers." + name);
    if (!content) {
      return fail(std::move(content.error()));
    }
    headers.push_back({name, std::move(*content)});
  }
  settings.headers = std::move(headers);
  return {};
}

Status read_basic_auth(const json::value& value, WebhookSettings& settings) {
  const auto members = object(value, "basic_auth", {"user", "password"});
  if (!members) {
    return fail(members.error());
  }
  webhooks::BasicAuth auth;
  const std::pair<const char*, std::function<Status(const json::value&)>> parts[] = {
      {"user",
       [&](const json::value& given) { return assign(auth.user, given, "basic_auth.user", text); }},
      {"password", [&](const json::value& given) {
         return assign(auth.password, given, "basic_auth.password", secret_text);
       }}};
  for (const auto& [name, read] : parts) {
    const json::value* given = (*members)->if_contains(name);
    if (given == nullptr) {
      return wrong(fmt::format("basic_auth.{}", name), "is required");
    }
    if (Status done = read(*given); !done) {
      return done;
    }
  }
  settings.basic_auth = std::move(auth);
  return {};
}

Status read_tls(const json::value& value, WebhookSettings& settings) {
  const auto members = object(value, "tls", {"ca", "client_certificate", "client_key"});
  if (!members) {
    return fail(members.error());
  }
  webhooks::TlsSettings tls;
  const std::pair<const char*, SecretText*> parts[] = {
      {"ca", &tls.ca},
      {"client_certificate", &tls.client_certificate},
      {"client_key", &tls.client_key}};
  for (const auto& [name, to] : parts) {
    const json::value* given = (*members)->if_contains(name);
    if (given != nullptr && !given->is_null()) {
      if (Status done = assign(*to, *given, fmt::format("tls.{}", name), secret_text); !done) {
        return done;
      }
    }
  }
  settings.tls = std::move(tls);
  return {};
}

Status read_ordering(const json::value& value, WebhookSettings& settings) {
  if (value != "none" && value != "partitionkey") {
    return wrong("ordering", R"(must be "none" or "partitionkey")");
  }
  settings.policy.ordering =
      value == "none" ? delivery::Ordering::kNone : delivery::Ordering::kPartitionKey;
  return {};
}

Status read_signatures(const json::value& value, WebhookSettings& settings) {
  const auto names = texts(value, "signatures");
  if (!names) {
    return fail(names.error());
  }
  std::vector<webhooks::SignatureKind> kinds;
  for (const std::string& name : *names) {
    const auto kind = webhooks::parse_signature_kind(name);
    if (!kind) {
      return wrong("signatures", R"(is a list of "v1", "v1a" or both)");
    }
    kinds.push_back(*kind);
  }
  settings.signatures = std::move(kinds);
  return {};
}

Status read_schedule(const json::value& value, WebhookSettings& settings) {
  constexpr std::string_view kPath = "retry_schedule_seconds";
  if (!value.is_array()) {
    return wrong(std::string(kPath), "must be a list of seconds, one for each attempt");
  }
  std::vector<std::chrono::seconds> schedule;
  for (const json::value& each : value.get_array()) {
    const auto seconds = number(each, std::string(kPath));
    if (!seconds) {
      return fail(seconds.error());
    }
    schedule.emplace_back(*seconds);
  }
  settings.policy.schedule = std::move(schedule);
  return {};
}

Status read_flag(const json::value& value, WebhookSettings& settings) {
  if (!value.is_bool()) {
    return wrong("own_events", "must be true or false");
  }
  settings.own_events = value.get_bool();
  return {};
}

Status read_seconds(const json::value& value, WebhookSettings& settings) {
  const auto seconds = number(value, "timeout_seconds");
  if (!seconds) {
    return fail(seconds.error());
  }
  settings.policy.timeout = std::chrono::seconds(*seconds);
  return {};
}

Status read_rate(const json::value& value, WebhookSettings& settings) {
  return assign(settings.policy.rate_per_second, value, "rate_limit_per_second", number);
}

// Reads one member that is there and not null.
Status read_member(std::string_view name, const json::value& value, WebhookSettings& settings) {
  if (name == "url") {
    return assign(settings.url, value, "url", text);
  }
  if (name == "types") {
    return assign(settings.types, value, "types", texts);
  }
  if (name == "description") {
    return assign(settings.description, value, "description", text);
  }
  if (name == "concurrency") {
    return assign(settings.policy.concurrency, value, "concurrency", number);
  }
  using Reader = Status (*)(const json::value&, WebhookSettings&);
  const std::pair<std::string_view, Reader> readers[] = {{"headers", read_headers},
                                                         {"basic_auth", read_basic_auth},
                                                         {"tls", read_tls},
                                                         {"ordering", read_ordering},
                                                         {"signatures", read_signatures},
                                                         {"own_events", read_flag},
                                                         {"timeout_seconds", read_seconds},
                                                         {"rate_limit_per_second", read_rate},
                                                         {"retry_schedule_seconds", read_schedule}};
  for (const auto& [known, read] : readers) {
    if (known == name) {
      return read(value, settings);
    }
  }
  return {};
}

// Gives one member its default again.
void reset_member(std::string_view name, WebhookSettings& settings) {
  const WebhookSettings fresh{.url = ""};
  if (name == "url") {
    settings.url.clear();
  } else if (name == "types") {
    settings.types.clear();
  } else if (name == "description") {
    settings.description.clear();
  } else if (name == "headers") {
    settings.headers.clear();
  } else if (name == "basic_auth") {
    settings.basic_auth.reset();
  } else if (name == "tls") {
    settings.tls = {};
  } else if (name == "ordering") {
    settings.policy.ordering = fresh.policy.ordering;
  } else if (name == "concurrency") {
    settings.policy.concurrency = fresh.policy.concurrency;
  } else if (name == "signatures") {
    settings.signatures = fresh.signatures;
  } else if (name == "own_events") {
    settings.own_events = fresh.own_events;
  } else if (name == "rate_limit_per_second") {
    settings.policy.rate_per_second = fresh.policy.rate_per_second;
  } else if (name == "timeout_seconds") {
    settings.policy.timeout = fresh.policy.timeout;
  } else if (name == "retry_schedule_seconds") {
    settings.policy.schedule = fresh.policy.schedule;
  }
}

json::array render_secrets(const Webhook& webhook) {
  json::array list;
  for (const webhooks::WebhookSecret& secret : webhook.secrets) {
    json::object object{{"signature", webhooks::name_of(secret.secret.kind())},
                        {"created_at", format_time(secret.created)},
                        {"expires_at", render(secret.expires)}};
    if (secret.secret.kind() == webhooks::SignatureKind::kEd25519) {
      object["public_key"] = secret.secret.public_key();
    }
    list.push_back(std::move(object));
  }
  return list;
}

void render_policy(const delivery::Policy& policy, json::object& to) {
  json::array schedule;
  for (const std::chrono::seconds delay : policy.schedule) {
    schedule.emplace_back(delay.count());
  }
  to["ordering"] = policy.ordering == delivery::Ordering::kNone ? "none" : "partitionkey";
  to["concurrency"] = policy.concurrency;
  to["rate_limit_per_second"] =
      policy.rate_per_second ? json::value(*policy.rate_per_second) : json::value(nullptr);
  to["timeout_seconds"] = policy.timeout.count();
  to["retry_schedule_seconds"] = std::move(schedule);
}

json::value pattern_value(const std::string& pattern) {
  boost::system::error_code error;
  json::value value = json::parse(pattern, error);
  return error ? json::value(nullptr) : value;
}

}  // namespace

Result<WebhookBody> WebhookBody::read(const http::Request& request,
                                      std::initializer_list<std::string_view> more) {
  Result<json::object> object = json_object(request);
  if (!object) {
    return fail(std::move(object.error()));
  }
  for (const auto& member : *object) {
    const std::string_view name = member.key();
    if (std::ranges::find(kMembers, name) == std::end(kMembers) &&
        std::ranges::find(more, name) == more.end()) {
      return wrong(std::string(name),
                   fmt::format("unknown member; known are {}{}{}", fmt::join(kMembers, ", "),
                               more.size() == 0 ? "" : ", ", fmt::join(more, ", ")));
    }
  }
  WebhookBody body;
  body.object_ = std::move(*object);
  if (const auto whole = Json::parse(request.body)) {
    const auto pattern = whole->member("pattern");
    if (pattern && !pattern->is_null()) {
      if (!pattern->is_object()) {
        return wrong("pattern", R"(must be an object, such as {"data": {"size": [1]}})");
      }
      body.pattern_ = pattern->raw();
    }
  }
  return body;
}

Status WebhookBody::apply(WebhookSettings& settings) const {
  for (const auto& member : object_) {
    const std::string_view name = member.key();
    if (name == "pattern") {
      settings.pattern = pattern_;
    } else if (member.value().is_null()) {
      reset_member(name, settings);
    } else if (Status done = read_member(name, member.value(), settings); !done) {
      return done;
    }
  }
  return {};
}

std::vector<std::string> WebhookBody::names() const {
  std::vector<std::string> names;
  names.reserve(object_.size());
  for (const auto& member : object_) {
    names.emplace_back(member.key());
  }
  return names;
}

Result<std::optional<std::string>> text_member(const json::object& body, std::string_view name) {
  const json::value* value = body.if_contains(name);
  if (value == nullptr || value->is_null()) {
    return std::optional<std::string>();
  }
  Result<std::string> found = text(*value, std::string(name));
  if (!found) {
    return fail(std::move(found.error()));
  }
  return std::optional(std::move(*found));
}

Result<std::optional<webhooks::SigningSecret>> secret_member(const json::object& body) {
  Result<std::optional<std::string>> given = text_member(body, "secret");
  if (!given) {
    return fail(std::move(given.error()));
  }
  if (!*given) {
    return std::optional<webhooks::SigningSecret>();
  }
  Result<webhooks::SigningSecret> secret = webhooks::SigningSecret::parse(**given);
  wipe(**given);
  if (!secret) {
    return wrong("secret", secret.error().detail);
  }
  return std::optional(std::move(*secret));
}

json::value render(const std::optional<WallTime>& time) {
  return time ? json::value(format_time(*time)) : json::value(nullptr);
}

json::object render(const Webhook& webhook) {
  const WebhookSettings& settings = webhook.settings;
  json::array header_names;
  for (const webhooks::CustomHeader& header : settings.headers) {
    header_names.emplace_back(header.name);
  }
  json::object object{
      {"id", webhook.id},
      {"url", settings.url},
      {"types", json::array(settings.types.begin(), settings.types.end())},
      {"pattern", pattern_value(settings.pattern)},
      {"description", settings.description},
      {"header_names", std::move(header_names)},
      {"basic_auth", nullptr},
      {"tls", json::object{{"has_ca", !settings.tls.ca.empty()},
                           {"has_client_certificate", !settings.tls.client_certificate.empty()}}},
      {"own_events", settings.own_events}};
  if (settings.basic_auth) {
    object["basic_auth"] = json::object{{"user", settings.basic_auth->user}};
  }
  render_policy(settings.policy, object);
  json::array signatures;
  for (const webhooks::SignatureKind kind : settings.signatures) {
    signatures.emplace_back(webhooks::name_of(kind));
  }
  object["signatures"] = std::move(signatures);
  object["secrets"] = render_secrets(webhook);
  object["enabled"] = webhook.enabled;
  object["disabled_reason"] =
      webhook.disabled_reason.empty() ? json::value(nullptr) : json::value(webhook.disabled_reason);
  object["disabled_at"] = render(webhook.disabled_at);
  object["created_at"] = format_time(webhook.created);
  object["updated_at"] = format_time(webhook.updated);
  return object;
}

json::object render_with_secret(const Webhook& webhook) {
  json::object object = render(webhook);
  for (const webhooks::WebhookSecret& secret : webhook.secrets) {
    if (secret.created != webhook.updated || secret.expires) {
      continue;
    }
    if (secret.secret.kind() == webhooks::SignatureKind::kHmac) {
      object["secret"] = secret.secret.text().reveal();
    } else {
      object["public_key"] = secret.secret.public_key();
    }
  }
  return object;
}

json::object render(const AttemptEntry& attempt, const std::optional<std::string>& event_id) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
  };
  return {{"event_id", event_id ? json::value(*event_id) : json::value(nullptr)},
          {"sequence", attempt.sequence.value},
          {"attempt", attempt.attempt},
          {"status", attempt.delivered ? "delivered" : "failed"},
          {"at", format_time(attempt.at)},
          {"status_code", attempt.status == 0 ? json::value(nullptr) : json::value(attempt.status)},
          {"latency_ms", std::chrono::round<std::chrono::milliseconds>(attempt.latency).count()},
          {"reason", or_null(attempt.reason)},
          {"address", or_null(attempt.address)},
          {"response", or_null(attempt.answer)},
          {"next_attempt_at", render(attempt.next_attempt)},
          {"replay", or_null(attempt.replay)}};
}

}  // namespace bitvault::api
