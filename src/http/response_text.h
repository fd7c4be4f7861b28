// A Response as the bytes of HTTP/1.1 (RFC 9112).
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "http/http.h"

namespace bitvault::http {

struct ResponseContext {
  std::string_view date;  // IMF-fixdate
  std::string_view request_id;
  bool keep_alive = true;
};

// Appends status line and headers, up to and with the empty line. Header values must not hold line
// breaks: one that does ends the process.
void append_head(std::string& out, const Response& response, const ResponseContext& context);

// What follows the head: nothing after HEAD, with a status that has no body, or without a type.
[[nodiscard]] std::string_view body_to_send(const Response& response, bool head_only);

[[nodiscard]] std::string_view reason_phrase(unsigned status);

// "Mon, 23 Nov 2026 04:22:02 GMT" (RFC 9110, 5.6.7).
[[nodiscard]] std::string http_date(WallTime time);

}  // namespace bitvault::http
