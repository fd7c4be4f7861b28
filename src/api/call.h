// One call of one route: its parameters, already checked against what the route takes.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "access/keys.h"
#include "base/error.h"
#include "catalog/catalog.h"
#include "event/cursor.h"
#include "feed/feed.h"
#include "feed/live_feed.h"
#include "http/http.h"
#include "store/store.h"
#include "world/world.h"

namespace bitvault {
class AttemptLog;
}
namespace bitvault::webhooks {
class Webhooks;
}

namespace bitvault::api {

class Metrics;
class PageCache;
class RateLimits;

// What the resources work with; all of it outlives the API.
struct Services {
  World& world;
  Store& store;
  Feed& feed;
  LiveFeed& live;
  Keys& keys;
  const Catalog& catalog;
  const CursorCodec& cursors;
  Metrics& metrics;
  std::string version;
  RateLimits* limits = nullptr;  // null: none
  PageCache* pages = nullptr;    // null: none
  // Told after a tenant was made, changed or deleted, on a connection's thread; may be empty.
  std::function<void()> tenant_changed = {};
  webhooks::Webhooks* webhooks = nullptr;  // null: there are no such routes
  AttemptLog* attempts = nullptr;          // where there are webhooks
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct Call {
  const http::Request& request;
  std::optional<Principal> principal;  // absent on open routes
  std::optional<TenantName> tenant;    // of the path
  std::string id;                      // the path's first parameter behind that, when it has one
  std::string part_id;                 // and the second one
  Parameters query;

  // The first query parameter of this name.
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> parameters(std::string_view name) const;
  // A whole number within bounds. Error: kInvalid, naming the parameter.
  [[nodiscard]] Result<std::uint64_t> number(std::string_view name, std::uint64_t otherwise,
                                             std::uint64_t least, std::uint64_t most) const;
};

// Error: kUnsupportedMediaType when the body is said to be anything else.
[[nodiscard]] Status expect_json(const http::Request& request);

// The body as one JSON object, whatever its members are; an empty body is an empty object.
[[nodiscard]] Result<boost::json::object> json_object(const http::Request& request);

// The body as one JSON object whose members are among `known`; an empty body is an empty object.
[[nodiscard]] Result<boost::json::object> json_body(const http::Request& request,
                                                    std::initializer_list<std::string_view> known);

// A 422 about one member of the request.
[[nodiscard]] std::unexpected<Error> wrong(std::string path, std::string message);

[[nodiscard]] http::Response json_response(unsigned status, const boost::json::value& body);

// The token of "Authorization: Bearer <token>", empty when there is none.
[[nodiscard]] std::string bearer_token(const http::Request& request);

// Which page of a list is wanted: `?limit=` (1 to 1000, default 100) and `?page=`, base64url of the
// last key shown. Error: kInvalid.
struct PageRequest {
  std::uint64_t limit;
  std::string after;  // empty: from the first
};
[[nodiscard]] Result<PageRequest> page_request(const Call& call);
[[nodiscard]] boost::json::value next_page(bool more, std::string_view last_key);

}  // namespace bitvault::api
