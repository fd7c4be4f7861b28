#include <boost/json.hpp>

#include "api/metrics.h"
#include "api/resources.h"

namespace bitvault::api {

namespace json = boost::json;

Answer health(const Services& services, const Call&) {
  co_return json_response(200, json::object{{"status", "ok"}, {"version", services.version}});
}

Answer ready(const Services& services, const Call&) {
  const Status store = services.store.health();
  http::Response response =
      json_response(store ? 200 : 503, json::object{{"status", store ? "ready" : "unavailable"},
                                                    {"store", store ? "ok" : "refuses writes"}});
  if (!store) {
    response.headers.emplace_back("Retry-After", "1");
  }
  co_return response;
}

Answer metrics(const Services& services, const Call&) {
  co_return http::Response{
      200, "text/plain; version=0.0.4; charset=utf-8", {}, services.metrics.render()};
}

}  // namespace bitvault::api
