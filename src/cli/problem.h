// Problem documents (RFC 9457) as the server sends them, and how a person reads them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "net/http_client.h"

namespace bitvault::cli {

struct Problem {
  unsigned status = 0;
  std::string title;
  std::string detail;
  std::string code;
  std::string request_id;
  std::vector<Violation> violations;
  std::optional<Duration> retry_after;
  // Of a cursor_reset only.
  std::string reason;
  std::string earliest_cursor;
  std::string latest_cursor;
};

// Reads an answer whose status is not 2xx. What is no problem document (a proxy's page) becomes a
// Problem with the status as its title and no code.
[[nodiscard]] Problem read_problem(const net::HttpAnswer& answer);

// Whether the same request may succeed later: 408, 429, 502, 503, 504.
[[nodiscard]] bool is_temporary(const Problem& problem);

// What the asker can do about it; empty when there is nothing to say.
[[nodiscard]] std::string hint(const Problem& problem, bool key_given);

// "error: <title>: <detail> (<code>, request <id>)", then a line for each violation.
[[nodiscard]] std::string render(const Problem& problem);

// "error: cannot reach <url>: ..." and a hint where there is one. `url` is the server's base URL.
[[nodiscard]] std::string render(const net::HttpFailure& failure, const std::string& url);

}  // namespace bitvault::cli
