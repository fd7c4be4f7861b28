#include "api/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <span>

#include "api/problem.h"
#include "api/rate_limits.h"
#include "api/resources.h"
#include "event/parse.h"
#include "http/uri.h"

namespace bitvault::api {
namespace {

// Who may take a route.
enum class Access : std::uint8_t {
  kOpen,
  kOperator,
  kOperatorOrLoopback,
  kTenantScope,  // the route's scope on the tenant of the path
};

struct Route {
  std::string_view method;
  std::string_view path;  // segments; {tenant}, {id} and {part} take any one
  Access access;
  Scope scope;             // for kTenantScope
  std::string_view query;  // the parameters it takes, a blank between; "*" behind: repeatable
  Answer (*answer)(const Services&, const Call&);
};

constexpr Scope kNone = Scope::kAdmin;  // of routes whose access is no scope

constexpr Route kRoutes[] = {
    {"POST", "/v1/tenants/{tenant}/events", Access::kTenantScope, Scope::kEventsWrite, "", publish},
    {"GET", "/v1/tenants/{tenant}/events", Access::kTenantScope, Scope::kEventsRead,
     "cursor limit wait mode type* subject_prefix partitionkey pattern", read_feed},
    {"GET", "/v1/tenants/{tenant}/events/{id}", Access::kTenantScope, Scope::kEventsRead, "",
     get_event},
    {"GET", "/v1/tenants/{tenant}/cursor", Access::kTenantScope, Scope::kEventsRead, "at",
     get_cursor},
    {"POST", "/v1/tenants/{tenant}/patterns/test", Access::kTenantScope, Scope::kEventsRead, "",
     test_pattern},
    {"GET", "/v1/tenants", Access::kOperator, kNone, "limit page", list_tenants},
    {"PUT", "/v1/tenants/{tenant}", Access::kOperator, kNone, "", put_tenant},
    {"GET", "/v1/tenants/{tenant}", Access::kTenantScope, Scope::kAdmin, "", get_tenant},
    {"DELETE", "/v1/tenants/{tenant}", Access::kOperator, kNone, "", delete_tenant},
    {"POST", "/v1/tenants/{tenant}/keys", Access::kTenantScope, Scope::kAdmin, "", create_key},
    {"GET", "/v1/tenants/{tenant}/keys", Access::kTenantScope, Scope::kAdmin, "limit page",
     list_keys},
    {"DELETE", "/v1/tenants/{tenant}/keys/{id}", Access::kTenantScope, Scope::kAdmin, "",
     revoke_key},
    {"POST", "/v1/tenants/{tenant}/webhooks", Access::kTenantScope, Scope::kWebhooksManage, "",
     create_webhook},
    {"GET", "/v1/tenants/{tenant}/webhooks", Access::kTenantScope, Scope::kWebhooksManage,
     "limit page", list_webhooks},
    {"GET", "/v1/tenants/{tenant}/webhooks/{id}", Access::kTenantScope, Scope::kWebhooksManage, "",
     get_webhook},
    {"PATCH", "/v1/tenants/{tenant}/webhooks/{id}", Access::kTenantScope, Scope::kWebhooksManage,
     "", update_webhook},
    {"DELETE", "/v1/tenants/{tenant}/webhooks/{id}", Access::kTenantScope, Scope::kWebhooksManage,
     "", delete_webhook},
    {"POST", "/v1/tenants/{tenant}/webhooks/{id}/secret/rotate", Access::kTenantScope,
     Scope::kWebhooksManage, "", rotate_webhook_secret},
    {"POST", "/v1/tenants/{tenant}/webhooks/{id}/test", Access::kTenantScope,
     Scope::kWebhooksManage, "", test_webhook},
    {"POST", "/v1/tenants/{tenant}/webhooks/{id}/enable", Access::kTenantScope,
     Scope::kWebhooksManage, "", enable_webhook},
    {"POST", "/v1/tenants/{tenant}/webhooks/{id}/disable", Access::kTenantScope,
     Scope::kWebhooksManage, "", disable_webhook},
    {"GET", "/v1/tenants/{tenant}/webhooks/{id}/deliveries", Access::kTenantScope,
     Scope::kWebhooksManage, "status event_id limit page", list_deliveries},
    {"POST", "/v1/tenants/{tenant}/webhooks/{id}/deliveries/{part}/redeliver", Access::kTenantScope,
     Scope::kWebhooksManage, "", redeliver},
    {"GET", "/v1/tenants/{tenant}/webhooks/{id}/dead-letters", Access::kTenantScope,
     Scope::kWebhooksManage, "limit page", list_dead_letters},
    {"POST", "/v1/tenants/{tenant}/webhooks/{id}/dead-letters/redeliver", Access::kTenantScope,
     Scope::kWebhooksManage, "", redeliver_dead_letters},
    {"POST", "/v1/tenants/{tenant}/webhooks/{id}/dead-letters/discard", Access::kTenantScope,
     Scope::kWebhooksManage, "", discard_dead_letters},
    {"POST", "/v1/tenants/{tenant}/webhooks/{id}/replay", Access::kTenantScope,
     Scope::kWebhooksManage, "", start_replay},
    {"GET", "/v1/tenants/{tenant}/webhooks/{id}/replays", Access::kTenantScope,
     Scope::kWebhooksManage, "limit page", list_replays},
    {"GET", "/v1/tenants/{tenant}/webhooks/{id}/replays/{part}", Access::kTenantScope,
     Scope::kWebhooksManage, "", get_replay},
    {"POST", "/v1/tenants/{tenant}/webhooks/{id}/replays/{part}/cancel", Access::kTenantScope,
     Scope::kWebhooksManage, "", cancel_replay},
    {"GET", "/v1/catalog", Access::kOpen, kNone, "", list_catalog},
    {"GET", "/v1/catalog/{id}", Access::kOpen, kNone, "", get_catalog_type},
    {"GET", "/v1/catalog/{id}/schema.json", Access::kOpen, kNone, "", get_catalog_schema},
    {"GET", "/healthz", Access::kOpen, kNone, "", health},
    {"GET", "/readyz", Access::kOpen, kNone, "", ready},
    {"GET", "/metrics", Access::kOperatorOrLoopback, kNone, "", metrics},
};

struct Captures {
  std::optional<std::string> tenant;  // absent: the route names none; it may be empty
  std::string id;
  std::string part_id;
};

// Cuts the next segment of a route's path off its front.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

std::optional<Captures> match(std::string_view pattern, std::span<const std::string> segments) {
  Captures captures;
  for (const std::string& segment : segments) {
    if (pattern.empty()) {
      return std::nullopt;
    }
    const std::string_view expected = take_segment(pattern);
    if (expected == "{tenant}") {
      captures.tenant = segment;
    } else if (expected == "{id}") {
      captures.id = segment;
    } else if (expected == "{part}") {
      captures.part_id = segment;
    } else if (expected != segment) {
      return std::nullopt;
    }
  }
  return pattern.empty() ? std::optional(std::move(captures)) : std::nullopt;
}

struct Match {
  const Route* route = nullptr;
  Captures captures;
  std::string allowed;  // the methods of the path, when the request's is not among them
};

// HEAD is answered by GET's route; the server leaves the body out.
Match find_route(std::string_view method, std::span<const std::string> segments) {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  Match found;
  for (const Route& route : kRoutes) {
    auto captures = match(route.path, segments);
    if (!captures) {
      continue;
    }
    if (route.method == wanted) {
      return {&route, std::move(*captures), {}};
    }
    found.allowed += fmt::format("{}{}", found.allowed.empty() ? "" : ", ", route.method);
    if (route.method == "GET") {
      found.allowed += ", HEAD";
    }
  }
  return found;
}

Status check_query(const Parameters& query, std::string_view allowed) {
  Parameters seen;
  for (const auto& [name, value] : query) {
    bool known = false;
    bool repeatable = false;
    for (std::string_view rest = allowed; !rest.empty();) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      std::string_view candidate = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const bool starred = candidate.ends_with('*');
      candidate.remove_suffix(starred ? 1 : 0);
      if (candidate == name) {
        known = true;
        repeatable = starred;
      }
    }
    const std::string path = "query." + name;
    if (!known) {
      return wrong(path, allowed.empty()
                             ? "this route takes no query parameters"
                             : fmt::format("unknown parameter; known are: {}", allowed));
    }
    if (!repeatable && std::ranges::count(query, name, &Parameters::value_type::first) > 1) {
      return wrong(path, "may be given once");
    }
  }
  return {};
}

// The same answer whether or not the thing exists.
std::unexpected<Error> forbidden(const Route& route) {
  return fail(Code::kForbidden,
              route.access == Access::kTenantScope
                  ? fmt::format("this needs a key of this tenant with the scope {}",
                                scope_name(route.scope))
                  : std::string("this needs the operator's key"));
}

Status authorise(const Route& route, const Principal& principal, std::string_view tenant) {
  if (principal.is_operator()) {
    return {};
  }
  const bool allowed = route.access == Access::kTenantScope && principal.tenant->str() == tenant &&
                       principal.scopes.has(route.scope);
  return allowed ? Status{} : Status(forbidden(route));
}

}  // namespace

std::size_t Api::body_bytes_max(const http::Request& head) const {
  if (head.path.ends_with("/events")) {
    return kPublishBodyBytesMax;
  }
  if (head.path.contains("/webhooks")) {
    return kWebhookBodyBytesMax;
  }
  return head.path.ends_with("/patterns/test") ? kPatternTestBodyBytesMax : kControlBodyBytesMax;
}

// Finds the request's route and checks that its caller may take it.
Task<std::expected<Api::Opened, http::Response>> Api::open(const http::Request& request) {
  const auto refused = [&](const Error& error) {
    return std::unexpected(problem(error, request.request_id));
  };
  Result<std::vector<std::string>> segments = http::split_path(request.path);
  Result<Parameters> query = http::parse_query(request.query);
  if (!segments || !query) {
    co_return refused(
        {Code::kMalformed, "the request's path or query is not valid percent-encoding", {}});
  }
  Match found = find_route(request.method, *segments);
  const bool has_webhooks = services_.webhooks != nullptr && services_.attempts != nullptr;
  if (!has_webhooks && found.route != nullptr && found.route->scope == Scope::kWebhooksManage) {
    found = {};
  }
  if (found.route == nullptr) {
    if (found.allowed.empty()) {
      co_return refused({Code::kNotFound, "there is no such route", {}});
    }
    auto response = refused({Code::kMethodNotAllowed, "this path takes " + found.allowed, {}});
    response.error().headers.emplace_back("Allow", found.allowed);
    co_return response;
  }
  const Route& route = *found.route;
  Call call{request,
            std::nullopt,
            std::nullopt,
            std::move(found.captures.id),
            std::move(found.captures.part_id),
            std::move(*query)};
  const bool is_open = route.access == Access::kOpen ||
                       (route.access == Access::kOperatorOrLoopback && request.from_loopback);
  if (!is_open) {
    Result<Principal> principal = co_await services_.keys.authenticate(bearer_token(request));
    if (!principal) {
      co_return refused(principal.error());
    }
    if (Status allowed = authorise(route, *principal, found.captures.tenant.value_or(""));
        !allowed) {
      co_return refused(allowed.error());
    }
    call.principal = std::move(*principal);
  }
  if (Status known = check_query(call.query, route.query); !known) {
    co_return refused(known.error());
  }
  if (found.captures.tenant) {
    Result<TenantName> tenant = TenantName::parse(*found.captures.tenant);
    if (!tenant) {
      const Result<TenantName> why = route.method == "PUT"
                                         ? wrong("tenant", tenant.error().detail)
                                         : fail(Code::kNotFound, "there is no such tenant");
      co_return refused(why.error());
    }
    call.tenant = std::move(*tenant);
  }
  const bool limited = call.tenant && route.access == Access::kTenantScope;
  co_return Opened{route.answer, limited, std::move(call)};
}

Task<http::Response> Api::dispatch(const http::Request& request) {
  auto opened = co_await open(request);
  if (!opened) {
    co_return std::move(opened.error());
  }
  if (services_.limits != nullptr && opened->limited) {
    std::optional<http::Response> too_many = co_await services_.limits->take(
        *opened->call.tenant, RateLimits::Kind::kRequests, 1, request.request_id);
    if (too_many) {
      co_return *std::move(too_many);
    }
  }
  Result<http::Response> answer = co_await opened->answer(services_, opened->call);
  co_return answer ? std::move(*answer) : problem(answer.error(), request.request_id);
}

Task<http::Admission> Api::judge(const http::Request& head) {
  auto opened = co_await open(head);
  if (!opened) {
    co_return http::Admission{.refusal = std::move(opened.error())};
  }
  if (services_.limits != nullptr && opened->limited) {
    std::optional<http::Response> too_many = co_await services_.limits->judge(
        *opened->call.tenant, RateLimits::Kind::kRequests, 1, head.request_id);
    if (too_many) {
      co_return http::Admission{.refusal = std::move(too_many)};
    }
  }
  const auto& tenant = opened->call.tenant;
  co_return http::Admission{.payer = tenant ? tenant->str() : std::string()};
}

// These two and app/'s main() are the places that end one unit of work at an exception.
Task<http::Response> Api::handle(const http::Request& request) {
  http::Response response;
  try {
    response = co_await dispatch(request);
  } catch (const std::exception& error) {
    response = problem(Error{Code::kInternal, error.what(), {}}, request.request_id);
  }
  co_return response;
}

Task<http::Admission> Api::admit(const http::Request& head) {
  http::Admission admission;
  try {
    admission = co_await judge(head);
  } catch (const std::exception& error) {
    admission.refusal = problem(Error{Code::kInternal, error.what(), {}}, head.request_id);
  }
  co_return admission;
}

http::Response Api::refuse(unsigned status, std::string_view why,
                           std::string_view request_id) const {
  Code code = Code::kMalformed;
  for (const Code candidate : {Code::kTimeout, Code::kTooLarge, Code::kHeadersTooLarge,
                               Code::kUnavailable, Code::kRateLimited}) {
    if (info(candidate).http_status == status) {
      code = candidate;
    }
  }
  return problem(Error{code, std::string(why), {}}, request_id);
}

}  // namespace bitvault::api
