#include "webhooks/webhook_events.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/check.h"
#include "base/crypto.h"
#include "base/text.h"

namespace bitvault::webhooks {
namespace {

namespace json = boost::json;
using delivery::Notice;

constexpr std::size_t kWordBytesMax = 256;  // what the catalog allows

json::object describe(const Webhook& webhook) {
  json::object object{{"id", webhook.id},
                      {"endpoint", endpoint_of(webhook.settings.url)},
                      {"enabled", webhook.enabled}};
  if (!webhook.settings.description.empty()) {
    object["description"] = webhook.settings.description;
  }
  return object;
}

json::object describe(const Actor& actor) {
  return {{"kind", "ACTOR_KIND_SERVICE"}, {"id", actor.key_id}};
}

json::object system_actor() {
  return {{"kind", "ACTOR_KIND_SYSTEM"}, {"id", "webhooks"}, {"name", "Webhooks"}};
}

// A word that is said where it is missing, and cut where it is long.
std::string word(std::string_view text) {
  return text.empty() ? "unknown" : std::string(text.substr(0, kWordBytesMax));
}

// `verb` is of the catalog, and `data` valid for it: both are ours.
EncodedEvent make(const Catalog& catalog, const TenantName& tenant, std::string_view verb,
                  const json::object& data, const WebhookEvents::Stub& stub) {
  EventDraft draft;
  draft.type = fmt::format("{}{}.v1", kTypePrefix, verb);
  const EventType* type = catalog.find(draft.type);
  check(type != nullptr, "the catalog has the types about webhooks");
  Result<ValidData> valid = type->validate(json::serialize(data));
  check(valid.has_value(), valid ? "" : valid.error().detail);
  draft.data = std::move(valid->json);
  draft.id = stub.id;
  draft.time = stub.time;
  Result<EncodedEvent> event = encode(draft, {.tenant = tenant,
                                              .id = stub.id,
                                              .time = stub.time,
                                              .dataschema = std::string(type->dataschema()),
                                              .partitionkey = std::move(valid->partitionkey),
                                              .subject = std::move(valid->subject),
                                              .traceparent = std::nullopt});
  check(event.has_value(), "an event about a webhook is small");
  return std::move(*event);
}

// Made of all that tells one notice from another.
EventId id_of(const Notice& notice) {
  const Digest digest =
      sha256(fmt::format("{}\n{}\n{}\n{}\n{}", static_cast<int>(notice.kind), notice.subscription,
                         notice.sequence.value, notice.at.time_since_epoch().count(),
                         notice.since.time_since_epoch().count()));
  return EventId::parse("whn_" + hex(std::span(digest).first<16>())).value();
}

}  // namespace

EncodedEvent WebhookEvents::created(const TenantName& tenant, const Webhook& webhook,
                                    const Actor& actor, Stub stub) const {
  return make(catalog_, tenant, "created",
              {{"actor", describe(actor)}, {"webhook", describe(webhook)}}, stub);
}

EncodedEvent WebhookEvents::updated(const TenantName& tenant, const Webhook& webhook,
                                    const Actor& actor, const std::vector<std::string>& changed,
                                    Stub stub) const {
  json::array names(changed.begin(), changed.end());
  return make(
      catalog_, tenant, "updated",
      {{"actor", describe(actor)}, {"webhook", describe(webhook)}, {"changed", std::move(names)}},
      stub);
}

EncodedEvent WebhookEvents::enabled(const TenantName& tenant, const Webhook& webhook,
                                    const Actor& actor, Resume resume, Stub stub) const {
  return make(
      catalog_, tenant, "enabled",
      {{"actor", describe(actor)},
       {"webhook", describe(webhook)},
       {"resume", resume == Resume::kSkip ? "WEBHOOK_RESUME_SKIP" : "WEBHOOK_RESUME_CATCH_UP"}},
      stub);
}

EncodedEvent WebhookEvents::disabled(const TenantName& tenant, const Webhook& webhook,
                                     const Actor& actor, Stub stub) const {
  return make(catalog_, tenant, "disabled",
              {{"actor", describe(actor)},
               {"webhook", describe(webhook)},
               {"reason", word(webhook.disabled_reason)}},
              stub);
}

EncodedEvent WebhookEvents::test(const TenantName& tenant, const Webhook& webhook,
                                 const Actor& actor, Stub stub) const {
  return make(catalog_, tenant, "test",
              {{"actor", describe(actor)}, {"webhook", describe(webhook)}}, stub);
}

EncodedEvent WebhookEvents::of(const TenantName& tenant, const Webhook& webhook,
                               const Notice& notice) const {
  const Stub stub{id_of(notice), notice.at};
  json::object data{{"webhook", describe(webhook)}};
  switch (notice.kind) {
    case Notice::Kind::kFailing:
      data["since"] = format_time(notice.since);
      data["reason"] = word(notice.reason);
      return make(catalog_, tenant, "failing", data, stub);
    case Notice::Kind::kRecovered:
      data["since"] = format_time(notice.since);
      return make(catalog_, tenant, "recovered", data, stub);
    case Notice::Kind::kDeadLettered:
      data["event"] = json::object{{"id", word(notice.event_id)},
                                   {"type", word(notice.event_type)},
                                   {"sequence", std::to_string(notice.sequence.value)}};
      data["reason"] = word(notice.reason);
      data["attempts"] = notice.attempts;
      return make(catalog_, tenant, "dead_lettered", data, stub);
    case Notice::Kind::kDisabled:
      data["actor"] = system_actor();
      data["reason"] = word(notice.reason);
      return make(catalog_, tenant, "disabled", data, stub);
  }
  check(false, "a notice is of a known kind");
  std::unreachable();
}

}  // namespace bitvault::webhooks
