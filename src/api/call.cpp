#include "api/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "http/uri.h"

namespace bitvault::api {

namespace json = boost::json;

namespace {

constexpr std::uint64_t kPageDefault = 100;
constexpr std::uint64_t kPageMax = 1'000;

}  // namespace

std::optional<std::string> Call::parameter(std::string_view name) const {
  const auto found = std::ranges::find(query, name, &Parameters::value_type::first);
  return found == query.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> Call::parameters(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : query) {
    if (key == name) {
      values.push_back(value);
    }
  }
  return values;
}

Result<std::uint64_t> Call::number(std::string_view name, std::uint64_t otherwise,
                                   std::uint64_t least, std::uint64_t most) const {
  const auto text = parameter(name);
  if (!text) {
    return otherwise;
  }
  const auto value = parse_uint(*text);
  if (!value || *value < least || *value > most) {
    return wrong(fmt::format("query.{}", name),
                 fmt::format("must be a whole number from {} to {}", least, most));
  }
  return *value;
}

Status expect_json(const http::Request& request) {
  const auto type = request.header("content-type");
  if (!type.empty() && !http::is_media_type(type, "application/json")) {
    return fail(Code::kUnsupportedMediaType, "send the body as application/json");
  }
  return {};
}

Result<json::object> json_object(const http::Request& request) {
  if (request.body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return json::object{};
  }
  if (Status type = expect_json(request); !type) {
    return fail(std::move(type.error()));
  }
  boost::system::error_code error;
  json::value body = json::parse(json::string_view(request.body), error);
  if (error) {
    return fail(Code::kMalformed, "the body is not valid JSON: " + error.message());
  }
  if (!body.is_object()) {
    return fail(Code::kMalformed, "the body must be a JSON object");
  }
  return std::move(body.get_object());
}

Result<json::object> json_body(const http::Request& request,
                               std::initializer_list<std::string_view> known) {
  Result<json::object> body = json_object(request);
  if (!body) {
    return fail(std::move(body.error()));
  }
  for (const auto& member : *body) {
    if (std::ranges::find(known, std::string_view(member.key())) == known.end()) {
      return wrong(std::string(member.key()),
                   fmt::format("unknown member; known are {}", fmt::join(known, ", ")));
    }
  }
  return body;
}

std::unexpected<Error> wrong(std::string path, std::string message) {
  std::string detail = fmt::format("{}: {}", path, message);
  return std::unexpected(
      Error{Code::kInvalid, std::move(detail), {{0, std::move(path), std::move(message)}}});
}

http::Response json_response(unsigned status, const json::value& body) {
  return {status, "application/json", {}, json::serialize(body) + "\n"};
}

std::string bearer_token(const http::Request& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view header = request.header("authorization");
  if (!equal_ignoring_ascii_case(header.substr(0, kScheme.size()), kScheme)) {
    return {};
  }
  std::string_view token = header.substr(kScheme.size());
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  return std::string(token);
}

Result<PageRequest> page_request(const Call& call) {
  const Result<std::uint64_t> limit = call.number("limit", kPageDefault, 1, kPageMax);
  if (!limit) {
    return fail(limit.error());
  }
  const auto page = call.parameter("page");
  if (!page) {
    return PageRequest{*limit, ""};
  }
  auto key = from_base64url(*page);
  if (!key || !is_valid_utf8(*key)) {
    return wrong("query.page", "is not a page of this list; use next_page of the page before");
  }
  return PageRequest{*limit, std::move(*key)};
}

json::value next_page(bool more, std::string_view last_key) {
  return more ? json::value(base64url(as_bytes(last_key))) : json::value(nullptr);
}

}  // namespace bitvault::api
