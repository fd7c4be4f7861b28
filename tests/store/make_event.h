// Events for tests of the store.
#pragma once

#include <string>
#include <string_view>

#include "event/event.h"
#include "world/world.h"

namespace bitvault::test {

[[nodiscard]] inline TenantName tenant_name(std::string_view text) {
  return TenantName::parse(text).value();
}

[[nodiscard]] inline EventId event_id(std::string_view text) {
  return EventId::parse(text).value();
}

[[nodiscard]] inline EncodedEvent encoded(const TenantName& tenant, const EventId& id, bool given,
                                          std::string_view note) {
  EventDraft draft;
  draft.type = "bitvault.node.created.v1";
  draft.data = "{\"note\":\"" + std::string(note) + "\"}";
  if (given) {
    draft.id = id;
  }
  const EventDefaults defaults{.tenant = tenant,
                               .id = id,
                               .time = WallTime{Duration{1'795'406'522'000'000}},
                               .dataschema = "urn:bitvault:schema:bitvault.node.created.v1:1",
                               .partitionkey = "node-1",
                               .subject = "/a",
                               .traceparent = std::nullopt};
  return encode(draft, defaults).value();
}

// An event whose id the producer gave. `note` holds no character that JSON escapes.
[[nodiscard]] inline EncodedEvent given_event(const TenantName& tenant, std::string_view id,
                                              std::string_view note = "") {
  return encoded(tenant, event_id(id), true, note);
}

// An event whose id the server made.
[[nodiscard]] inline EncodedEvent made_event(const TenantName& tenant, World& world,
                                             std::string_view note = "") {
  std::array<std::byte, 10> random;
  world.random().fill(random);
  return encoded(tenant, EventId::make(world.clock().wall(), random), false, note);
}

}  // namespace bitvault::test
