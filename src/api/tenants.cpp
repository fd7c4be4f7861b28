#include <fmt/format.h>

#include <boost/json.hpp>

#include "api/resources.h"
#include "base/text.h"
#include "store/attempt_log.h"

namespace bitvault::api {
namespace {

namespace json = boost::json;

json::value optional_number(const std::optional<std::uint64_t>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

json::object render(const Tenant& tenant) {
  const TenantSettings& settings = tenant.settings;
  return {{"name", tenant.name.str()},
          {"display_name", settings.display_name},
          {"state", tenant.state == TenantState::kActive ? "active" : "deleting"},
          {"created_at", format_time(tenant.created)},
          {"epoch", tenant.journal.epoch.str()},
          {"head", tenant.journal.head.value},
          {"floor", tenant.journal.floor.value},
          {"retention",
           json::object{{"max_age_seconds", optional_number(settings.retention_age_seconds)},
                        {"max_events", optional_number(settings.retention_events)}}},
          {"rate_limit", optional_number(settings.rate_limit_per_second)},
          {"operational_events", settings.operational_events}};
}

// Reads a positive whole number; null goes back to the default.
Status read_number(const json::object& body, std::string_view name, const std::string& path,
                   std::optional<std::optional<std::uint64_t>>& out) {
  const json::value* value = body.if_contains(name);
  if (value == nullptr) {
    return {};
  }
  if (value->is_null()) {
    out.emplace(std::nullopt);
    return {};
  }
  if (!value->is_int64() || value->get_int64() <= 0) {
    return wrong(path, "must be a positive whole number, or null for the default");
  }
  out.emplace(static_cast<std::uint64_t>(value->get_int64()));
  return {};
}

Status read_retention(const json::object& body, TenantPatch& patch) {
  const json::value* retention = body.if_contains("retention");
  if (retention == nullptr) {
    return {};
  }
  if (!retention->is_object()) {
    return wrong("retention", "must be an object with max_age_seconds and max_events");
  }
  const json::object& object = retention->get_object();
  for (const auto& member : object) {
    if (member.key() != "max_age_seconds" && member.key() != "max_events") {
      return wrong("retention." + std::string(member.key()),
                   "unknown member; known are max_age_seconds, max_events");
    }
  }
  if (Status age = read_number(object, "max_age_seconds", "retention.max_age_seconds",
                               patch.retention_age_seconds);
      !age) {
    return age;
  }
  return read_number(object, "max_events", "retention.max_events", patch.retention_events);
}

Result<TenantPatch> read_patch(const json::object& body) {
  TenantPatch patch;
  if (const json::value* name = body.if_contains("display_name")) {
    if (!name->is_string() || name->get_string().size() > kDisplayNameBytesMax) {
      return wrong("display_name",
                   fmt::format("must be a text of at most {} bytes", kDisplayNameBytesMax));
    }
    patch.display_name = name->get_string();
  }
  if (const json::value* flag = body.if_contains("operational_events")) {
    if (!flag->is_bool()) {
      return wrong("operational_events", "must be true or false");
    }
    patch.operational_events = flag->get_bool();
  }
  if (Status limit = read_number(body, "rate_limit", "rate_limit", patch.rate_limit_per_second);
      !limit) {
    return fail(std::move(limit.error()));
  }
  if (Status retention = read_retention(body, patch); !retention) {
    return fail(std::move(retention.error()));
  }
  return patch;
}

// The background work looks at once, instead of after its period.
void tell(const Services& services) {
  if (services.tenant_changed) {
    services.tenant_changed();
  }
}

}  // namespace

Answer put_tenant(const Services& services, const Call& call) {
  Result<json::object> body =
      json_body(call.request, {"display_name", "retention", "rate_limit", "operational_events"});
  if (!body) {
    co_return fail(std::move(body.error()));
  }
  Result<TenantPatch> patch = read_patch(*body);
  if (!patch) {
    co_return fail(std::move(patch.error()));
  }
  Result<TenantPut> put = co_await services.store.put_tenant(*call.tenant, std::move(*patch));
  if (!put) {
    co_return fail(std::move(put.error()));
  }
  tell(services);
  co_return json_response(put->created ? 201 : 200, render(put->tenant));
}

Answer get_tenant(const Services& services, const Call& call) {
  Result<Tenant> tenant = co_await services.store.tenant(*call.tenant);
  if (!tenant) {
    co_return fail(std::move(tenant.error()));
  }
  co_return json_response(200, render(*tenant));
}

Answer list_tenants(const Services& services, const Call& call) {
  Result<PageRequest> wanted = page_request(call);
  if (!wanted) {
    co_return fail(std::move(wanted.error()));
  }
  Result<ListPage<Tenant>> page =
      co_await services.store.tenants(std::move(wanted->after), wanted->limit);
  if (!page) {
    co_return fail(std::move(page.error()));
  }
  json::array items;
  for (const Tenant& tenant : page->items) {
    items.push_back(render(tenant));
  }
  const std::string last = page->items.empty() ? "" : page->items.back().name.str();
  co_return json_response(
      200, json::object{{"items", std::move(items)}, {"next_page", next_page(page->more, last)}});
}

Answer delete_tenant(const Services& services, const Call& call) {
  Status deleted = co_await services.store.delete_tenant(*call.tenant);
  services.keys.forget(*call.tenant);  // also when the outcome is not known
  if (deleted && services.attempts != nullptr) {
    services.attempts->forget(*call.tenant, std::nullopt);
  }
  if (!deleted) {
    co_return fail(std::move(deleted.error()));
  }
  tell(services);
  co_return json_response(202, json::object{{"name", call.tenant->str()}, {"state", "deleting"}});
}

}  // namespace bitvault::api
