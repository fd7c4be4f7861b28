// The parts of a request's target and of its media types, taken apart. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace bitvault::http {

// "/a/b%20c" becomes {"a", "b c"}: percent-encoding is undone within each segment, so an encoded
// slash stays inside its segment. An empty segment is kept. Error: kMalformed for an invalid
// escape, an encoded NUL, bytes that are not UTF-8, or a path that does not start with a slash.
[[nodiscard]] Result<std::vector<std::string>> split_path(std::string_view path);

// "a=1&b=%20" becomes {{"a", "1"}, {"b", " "}}, in order. A plus sign is a plus sign (RFC 3986), so
// that a time with an offset needs no escape. Error: kMalformed as for split_path().
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> parse_query(
    std::string_view query);

// Whether a Content-Type header is this media type, without parameters or with charset=utf-8.
// `type` is in lower case.
[[nodiscard]] bool is_media_type(std::string_view header, std::string_view type);

// The media type among `offered` that an Accept header likes best (RFC 9110, 12.5.1); of equals the
// first. Without a header the first, and nothing when none is acceptable.
[[nodiscard]] std::string_view negotiate(std::string_view accept,
                                         std::span<const std::string_view> offered);

}  // namespace bitvault::http
