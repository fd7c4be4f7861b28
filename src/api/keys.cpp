#include "access/keys.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "api/resources.h"
#include "base/text.h"

namespace bitvault::api {
namespace {

namespace json = boost::json;

json::object render(const Key& key) {
  json::array scopes;
  for (const Scope scope : key.description.scopes.list()) {
    scopes.emplace_back(scope_name(scope));
  }
  json::object object{{"id", key.id},
                      {"name", key.description.name},
                      {"scopes", std::move(scopes)},
                      {"created_at", format_time(key.created)},
                      {"expires_at", nullptr}};
  if (key.description.expires) {
    object["expires_at"] = format_time(*key.description.expires);
  }
  if (key.description.user) {
    object["user"] = *key.description.user;
  }
  return object;
}

Result<Scopes> read_scopes(const json::value* value) {
  if (value == nullptr || !value->is_array() || value->get_array().empty()) {
    return wrong("scopes", "is required: a list such as [\"events:read\"]");
  }
  Scopes scopes;
  for (const json::value& item : value->get_array()) {
    const auto scope = item.is_string() ? parse_scope(std::string_view(item.get_string()))
                                        : std::optional<Scope>();
    if (!scope) {
      std::vector<std::string_view> names;
      for (const Scope known : Scopes::all().list()) {
        names.push_back(scope_name(known));
      }
      return wrong("scopes", fmt::format("each is one of {}", fmt::join(names, ", ")));
    }
    scopes.add(*scope);
  }
  return scopes;
}

Result<KeyDescription> read_description(const json::object& body, WallTime now) {
  KeyDescription description;
  const json::value* name = body.if_contains("name");
  if (name == nullptr || !name->is_string() || name->get_string().empty() ||
      name->get_string().size() > Keys::kNameBytesMax) {
    return wrong("name", fmt::format("is required: 1 to {} bytes", Keys::kNameBytesMax));
  }
  description.name = name->get_string();
  Result<Scopes> scopes = read_scopes(body.if_contains("scopes"));
  if (!scopes) {
    return fail(std::move(scopes.error()));
  }
  description.scopes = *scopes;
  if (const json::value* expires = body.if_contains("expires_at");
      expires != nullptr && !expires->is_null()) {
    const auto time = expires->is_string() ? parse_time(std::string_view(expires->get_string()))
                                           : Result<WallTime>(fail(Code::kInvalid, ""));
    if (!time || *time <= now) {
      return wrong("expires_at", "must be an RFC 3339 time in the future");
    }
    description.expires = *time;
  }
  if (const json::value* user = body.if_contains("user"); user != nullptr && !user->is_null()) {
    if (!user->is_string() || user->get_string().empty() || user->get_string().size() > 128) {
      return wrong("user", "must be a user's id of 1 to 128 bytes");
    }
    description.user = user->get_string();
  }
  if (description.scopes.has(Scope::kInboxRead) != description.user.has_value()) {
    return wrong("user", "goes with the scope inbox:read: give both or neither");
  }
  return description;
}

}  // namespace

Answer create_key(const Services& services, const Call& call) {
  Result<json::object> body = json_body(call.request, {"name", "scopes", "expires_at", "user"});
  if (!body) {
    co_return fail(std::move(body.error()));
  }
  Result<KeyDescription> description = read_description(*body, services.world.clock().wall());
  if (!description) {
    co_return fail(std::move(description.error()));
  }
  if (!call.principal->scopes.covers(description->scopes)) {
    co_return fail(Code::kForbidden, "a key may grant only the scopes it has itself");
  }
  Result<NewKey> made = co_await services.keys.create(*call.tenant, std::move(*description));
  if (!made) {
    co_return fail(std::move(made.error()));
  }
  json::object answer = render(made->key);
  answer["key"] = made->token;
  http::Response response = json_response(201, answer);
  response.headers.emplace_back("Cache-Control", "no-store");
  co_return response;
}

Answer list_keys(const Services& services, const Call& call) {
  Result<PageRequest> wanted = page_request(call);
  if (!wanted) {
    co_return fail(std::move(wanted.error()));
  }
  Result<ListPage<Key>> page =
      co_await services.keys.list(*call.tenant, std::move(wanted->after), wanted->limit);
  if (!page) {
    co_return fail(std::move(page.error()));
  }
  json::array items;
  for (const Key& key : page->items) {
    items.push_back(render(key));
  }
  const std::string last = page->items.empty() ? "" : page->items.back().id;
  co_return json_response(
      200, json::object{{"items", std::move(items)}, {"next_page", next_page(page->more, last)}});
}

Answer revoke_key(const Services& services, const Call& call) {
  Status revoked = co_await services.keys.revoke(*call.tenant, call.id);
  if (!revoked) {
    co_return fail(std::move(revoked.error()));
  }
  co_return http::Response{204, "", {}, ""};
}

}  // namespace bitvault::api
