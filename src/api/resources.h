// The resources, one function a route. Each answers a Call whose caller may make it.
#pragma once

#include "api/call.h"

namespace bitvault::api {

using Answer = Task<Result<http::Response>>;

// publish.cpp
[[nodiscard]] Answer publish(const Services& services, const Call& call);

// events.cpp
[[nodiscard]] Answer read_feed(const Services& services, const Call& call);
[[nodiscard]] Answer get_event(const Services& services, const Call& call);
[[nodiscard]] Answer get_cursor(const Services& services, const Call& call);

// patterns.cpp
[[nodiscard]] Answer test_pattern(const Services& services, const Call& call);

// tenants.cpp
[[nodiscard]] Answer list_tenants(const Services& services, const Call& call);
[[nodiscard]] Answer put_tenant(const Services& services, const Call& call);
[[nodiscard]] Answer get_tenant(const Services& services, const Call& call);
[[nodiscard]] Answer delete_tenant(const Services& services, const Call& call);

// keys.cpp
[[nodiscard]] Answer create_key(const Services& services, const Call& call);
[[nodiscard]] Answer list_keys(const Services& services, const Call& call);
[[nodiscard]] Answer revoke_key(const Services& services, const Call& call);

// webhooks.cpp
[[nodiscard]] Answer create_webhook(const Services& services, const Call& call);
[[nodiscard]] Answer list_webhooks(const Services& services, const Call& call);
[[nodiscard]] Answer get_webhook(const Services& services, const Call& call);
[[nodiscard]] Answer update_webhook(const Services& services, const Call& call);
[[nodiscard]] Answer delete_webhook(const Services& services, const Call& call);
[[nodiscard]] Answer rotate_webhook_secret(const Services& services, const Call& call);
[[nodiscard]] Answer test_webhook(const Services& services, const Call& call);
[[nodiscard]] Answer enable_webhook(const Services& services, const Call& call);
[[nodiscard]] Answer disable_webhook(const Services& services, const Call& call);

// webhook_deliveries.cpp
[[nodiscard]] Answer list_deliveries(const Services& services, const Call& call);
[[nodiscard]] Answer redeliver(const Services& services, const Call& call);
[[nodiscard]] Answer list_dead_letters(const Services& services, const Call& call);
[[nodiscard]] Answer redeliver_dead_letters(const Services& services, const Call& call);
[[nodiscard]] Answer discard_dead_letters(const Services& services, const Call& call);
[[nodiscard]] Answer start_replay(const Services& services, const Call& call);
[[nodiscard]] Answer list_replays(const Services& services, const Call& call);
[[nodiscard]] Answer get_replay(const Services& services, const Call& call);
[[nodiscard]] Answer cancel_replay(const Services& services, const Call& call);

// catalog.cpp
[[nodiscard]] Answer list_catalog(const Services& services, const Call& call);
[[nodiscard]] Answer get_catalog_type(const Services& services, const Call& call);
[[nodiscard]] Answer get_catalog_schema(const Services& services, const Call& call);

// operations.cpp
[[nodiscard]] Answer health(const Services& services, const Call& call);
[[nodiscard]] Answer ready(const Services& services, const Call& call);
[[nodiscard]] Answer metrics(const Services& services, const Call& call);

}  // namespace bitvault::api
