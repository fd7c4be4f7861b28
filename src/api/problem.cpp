#include "api/problem.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/json.hpp>

namespace bitvault::api {
namespace {

namespace json = boost::json;

std::string_view client_detail(const Error& error) {
  switch (error.code) {
    case Code::kOutcomeUnknown:
      return "the write may or may not have happened; repeat it with the same event ids, and it "
             "happens once";
    case Code::kUnavailable:
      return "nothing was changed; try again shortly";
    case Code::kInternal:
      return "an error of the server; its log tells more under the request's id";
    default:
      return error.detail;
  }
}

// Every 422 has some: what is wrong with the request as a whole has no path.
json::array violations(const Error& error) {
  if (error.violations.empty()) {
    return {json::object{{"index", 0}, {"path", ""}, {"message", client_detail(error)}}};
  }
  json::array list;
  for (const Violation& violation : error.violations) {
    list.push_back(json::object{
        {"index", violation.index}, {"path", violation.path}, {"message", violation.message}});
  }
  return list;
}

}  // namespace

http::Response problem(const Error& error, std::string_view request_id, json::object more) {
  const CodeInfo& code = info(error.code);
  if (code.internal) {
    spdlog::log(error.code == Code::kInternal ? spdlog::level::err : spdlog::level::warn,
                "request {}: {}: {}", request_id, code.name, error.detail);
  }
  json::object document{{"type", fmt::format("urn:bitvault:problem:{}", code.name)},
                        {"title", code.title},
                        {"status", code.http_status},
                        {"detail", client_detail(error)},
                        {"code", code.name},
                        {"request_id", request_id}};
  if (code.http_status == 422 || !error.violations.empty()) {
    document["errors"] = violations(error);
  }
  for (auto& [name, value] : more) {
    document[name] = std::move(value);
  }
  http::Response response{code.http_status, "application/problem+json", {}, {}};
  if (code.http_status == 401) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  if (code.http_status == 503 || code.http_status == 429) {
    response.headers.emplace_back("Retry-After", "1");
  }
  response.body = json::serialize(document) + "\n";
  return response;
}

}  // namespace bitvault::api
