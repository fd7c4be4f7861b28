// The events about webhooks (proto/bitvault/events/v1/webhook_events.proto), encoded. Pure.
//
// None of them holds a secret, a header's value or the query of a URL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/tenant_name.h"
#include "catalog/catalog.h"
#include "delivery/subscription.h"
#include "event/event.h"
#include "webhooks/webhook.h"

namespace bitvault::webhooks {

// Who asked for a change.
struct Actor {
  std::string key_id;  // of the API key
};

enum class Resume : std::uint8_t { kCatchUp, kSkip };

class WebhookEvents {
 public:
  // When it is, and what its id is.
  struct Stub {
    EventId id;
    WallTime time;
  };

  explicit WebhookEvents(const Catalog& catalog) : catalog_(catalog) {}

  [[nodiscard]] EncodedEvent created(const TenantName& tenant, const Webhook& webhook,
                                     const Actor& actor, Stub stub) const;
  [[nodiscard]] EncodedEvent updated(const TenantName& tenant, const Webhook& webhook,
                                     const Actor& actor, const std::vector<std::string>& changed,
                                     Stub stub) const;
  [[nodiscard]] EncodedEvent enabled(const TenantName& tenant, const Webhook& webhook,
                                     const Actor& actor, Resume resume, Stub stub) const;
  [[nodiscard]] EncodedEvent disabled(const TenantName& tenant, const Webhook& webhook,
                                      const Actor& actor, Stub stub) const;
  [[nodiscard]] EncodedEvent test(const TenantName& tenant, const Webhook& webhook,
                                  const Actor& actor, Stub stub) const;
  // Of what the engine found. The same notice makes the same event, with the same id.
  [[nodiscard]] EncodedEvent of(const TenantName& tenant, const Webhook& webhook,
                                const delivery::Notice& notice) const;

 private:
  const Catalog& catalog_;
};

}  // namespace bitvault::webhooks
