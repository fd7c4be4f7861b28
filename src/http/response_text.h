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
  bool head_only = false;  // the answer to HEAD: everything but the body
};

// Appends status line, headers and, unless `head_only`, the body. Header values must not hold line
// breaks: one that does ends the process.
void append_response(std::string& out, const Response& response, const ResponseContext& context);

[[nodiscard]] std::string_view reason_phrase(unsigned status);

// "Mon, 23 Nov 2026 04:22:02 GMT" (RFC 9110, 5.6.7).
[[nodiscard]] std::string http_date(WallTime time);

}  // namespace bitvault::http
