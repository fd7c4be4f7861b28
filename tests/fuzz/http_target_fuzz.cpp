// The parts of a request's target and of its media types: one text, read as each of them.

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "fuzz.h"
#include "http/uri.h"

namespace bitvault::fuzz {
namespace {

void path(std::string_view text) {
  const auto segments = http::split_path(text);
  if (!segments) {
    check(segments.error().code == Code::kMalformed, "a path is well or malformed");
    return;
  }
  const auto slashes = static_cast<std::size_t>(std::ranges::count(text, '/'));
  check(segments->size() == slashes, "a path has a segment for each slash");
  std::string again;
  for (const std::string& segment : *segments) {
    check(is_valid_utf8(segment) && !segment.contains('\0'), "a segment is text");
    again += "/" + percent_encode(segment);
  }
  const auto read = http::split_path(again);
  check(read && *read == *segments, "a path reads as what was written");
}

void query(std::string_view text) {
  const auto parameters = http::parse_query(text);
  if (!parameters) {
    check(parameters.error().code == Code::kMalformed, "a query is well or malformed");
    return;
  }
  std::string again;
  for (const auto& [name, value] : *parameters) {
    check(is_valid_utf8(name) && is_valid_utf8(value), "a parameter is text");
    again += "&" + percent_encode(name) + "=" + percent_encode(value);
  }
  const auto read = http::parse_query(again);
  check(read && *read == *parameters, "a query reads as what was written");
}

void media_types(std::string_view text) {
  static constexpr std::array<std::string_view, 3> kOffered = {
      "application/json", "application/x-ndjson", "application/cloudevents-batch+json"};
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
  const std::string_view chosen = http::negotiate(text, kOffered);
  check(chosen.empty() || std::ranges::find(kOffered, chosen) != kOffered.end(),
        "what is chosen was offered");
  check(http::negotiate(upper, kOffered) == chosen, "media ranges have no case");
  for (const std::string_view type : kOffered) {
    check(http::is_media_type(text, type) == http::is_media_type(upper, type),
          "media types have no case");
  }
}

void run(std::string_view input) {
  path(input);
  query(input);
  media_types(input);
}

const Registered kTarget({"http_target", run});

}  // namespace
}  // namespace bitvault::fuzz
