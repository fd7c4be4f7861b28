// A webhook's record: JSON. What is secret is one JSON document of its own, sealed.

#include <array>
#include <boost/json.hpp>
#include <exception>

#include "base/text.h"
#include "webhooks/webhook.h"

namespace bitvault::webhooks {
namespace {

namespace json = boost::json;

std::string identity_of(std::string_view id) { return "webhook/" + std::string(id); }

std::int64_t micros(WallTime time) { return time.time_since_epoch().count(); }

json::object policy_json(const delivery::Policy& policy) {
  json::array schedule;
  for (const std::chrono::seconds delay : policy.schedule) {
    schedule.emplace_back(delay.count());
  }
  json::object object{{"keeps_order", policy.ordering == delivery::Ordering::kPartitionKey},
                      {"concurrency", policy.concurrency},
                      {"timeout", policy.timeout.count()},
                      {"schedule", std::move(schedule)}};
  if (policy.rate_per_second) {
    object["rate"] = *policy.rate_per_second;
  }
  return object;
}

std::string secret_part(const Webhook& webhook) {
  const WebhookSettings& settings = webhook.settings;
  json::array secrets;
  for (const WebhookSecret& secret : webhook.secrets) {
    json::object object{{"secret", secret.secret.text().reveal()},
                        {"created", micros(secret.created)}};
    if (secret.expires) {
      object["expires"] = micros(*secret.expires);
    }
    secrets.push_back(std::move(object));
  }
  json::array headers;
  for (const CustomHeader& header : settings.headers) {
    headers.push_back(json::array{header.name, header.value.reveal()});
  }
  json::object object{{"secrets", std::move(secrets)}, {"headers", std::move(headers)}};
  if (settings.basic_auth) {
    object["basic_auth"] =
        json::array{settings.basic_auth->user, settings.basic_auth->password.reveal()};
  }
  if (!settings.tls.empty()) {
    object["tls"] = json::array{settings.tls.ca.reveal(), settings.tls.client_certificate.reveal(),
                                settings.tls.client_key.reveal()};
  }
  return json::serialize(object);
}

// Reads the members of an object that to_record() made; what is missing or of another kind throws,
// which ends the reading of the record.
std::string text_of(const json::value& value) { return std::string(value.as_string()); }
SecretText secret_of(const json::value& value) {
  return SecretText(std::string_view(value.as_string()));
}
WallTime time_of(const json::value& value) { return WallTime(Duration(value.as_int64())); }
std::optional<WallTime> time_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr ? std::optional(time_of(*value)) : std::nullopt;
}

delivery::Policy policy_of(const json::object& object) {
  delivery::Policy policy{.ordering = object.at("keeps_order").as_bool()
                                          ? delivery::Ordering::kPartitionKey
                                          : delivery::Ordering::kNone,
                          .concurrency = object.at("concurrency").to_number<unsigned>(),
                          .timeout = std::chrono::seconds(object.at("timeout").as_int64()),
                          .schedule = {}};
  if (const json::value* rate = object.if_contains("rate"); rate != nullptr) {
    policy.rate_per_second = rate->to_number<unsigned>();
  }
  for (const json::value& delay : object.at("schedule").as_array()) {
    policy.schedule.emplace_back(delay.as_int64());
  }
  return policy;
}

void read_secret_part(std::string_view text, Webhook& webhook) {
  const json::value parsed = json::parse(text);
  const json::object& object = parsed.as_object();
  for (const json::value& each : object.at("secrets").as_array()) {
    const json::object& entry = each.as_object();
    webhook.secrets.push_back(
        {SigningSecret::parse(std::string_view(entry.at("secret").as_string())).value(),
         time_of(entry.at("created")), time_in(entry, "expires")});
  }
  for (const json::value& each : object.at("headers").as_array()) {
    webhook.settings.headers.push_back({text_of(each.at(0)), secret_of(each.at(1))});
  }
  if (const json::value* auth = object.if_contains("basic_auth"); auth != nullptr) {
    webhook.settings.basic_auth = {text_of(auth->at(0)), secret_of(auth->at(1))};
  }
  if (const json::value* tls = object.if_contains("tls"); tls != nullptr) {
    webhook.settings.tls = {secret_of(tls->at(0)), secret_of(tls->at(1)), secret_of(tls->at(2))};
  }
}

Webhook read(const Record& record, const json::object& object) {
  Webhook webhook{.id = record.key, .settings = {.url = text_of(object.at("url"))}};
  WebhookSettings& settings = webhook.settings;
  for (const json::value& type : object.at("types").as_array()) {
    settings.types.push_back(text_of(type));
  }
  settings.signatures.clear();
  for (const json::value& name : object.at("signatures").as_array()) {
    settings.signatures.push_back(parse_signature_kind(std::string_view(name.as_string())).value());
  }
  settings.pattern = text_of(object.at("pattern"));
  settings.description = text_of(object.at("description"));
  settings.own_events = object.at("own_events").as_bool();
  settings.policy = policy_of(object.at("policy").as_object());
  webhook.enabled = object.at("enabled").as_bool();
  webhook.disabled_reason = text_of(object.at("disabled_reason"));
  webhook.disabled_at = time_in(object, "disabled_at");
  webhook.created = time_of(object.at("created"));
  webhook.updated = time_of(object.at("updated"));
  webhook.filter_revision = object.at("filter_revision").to_number<std::uint64_t>();
  return webhook;
}

}  // namespace

std::string to_record(const Webhook& webhook, const Sealer& sealer, Random& random) {
  const WebhookSettings& settings = webhook.settings;
  std::string plain = secret_part(webhook);
  std::array<std::byte, Sealer::kNonceBytes> nonce;
  random.fill(nonce);
  const std::string sealed = sealer.seal(SecretText(plain), identity_of(webhook.id), nonce);
  wipe(plain);
  json::array types(settings.types.begin(), settings.types.end());
  json::array signatures;
  for (const SignatureKind kind : settings.signatures) {
    signatures.emplace_back(name_of(kind));
  }
  json::object object{{"url", settings.url},
                      {"types", std::move(types)},
                      {"pattern", settings.pattern},
                      {"description", settings.description},
                      {"own_events", settings.own_events},
                      {"signatures", std::move(signatures)},
                      {"policy", policy_json(settings.policy)},
                      {"enabled", webhook.enabled},
                      {"disabled_reason", webhook.disabled_reason},
                      {"created", micros(webhook.created)},
                      {"updated", micros(webhook.updated)},
                      {"filter_revision", webhook.filter_revision},
                      {"sealed", sealed}};
  if (webhook.disabled_at) {
    object["disabled_at"] = micros(*webhook.disabled_at);
  }
  return json::serialize(object);
}

Result<Webhook> from_record(const Record& record, const Sealer& sealer) {
  try {
    const json::value parsed = json::parse(record.value);
    const json::object& object = parsed.as_object();
    const Result<SecretText> sealed =
        sealer.open(std::string_view(object.at("sealed").as_string()), identity_of(record.key));
    if (!sealed) {
      return fail(Code::kInternal, "webhook " + record.key + ": " + sealed.error().detail);
    }
    Webhook webhook = read(record, object);
    read_secret_part(sealed->reveal(), webhook);
    if (!Filter::make(webhook.settings.types, {}, {})) {
      return fail(Code::kInternal, "webhook " + record.key + " has types that are none");
    }
    return webhook;
  } catch (const std::exception&) {  // of JSON, and of values that are not there
    return fail(Code::kInternal, "the record of webhook " + record.key + " cannot be read");
  }
}

}  // namespace bitvault::webhooks
