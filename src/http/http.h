// HTTP as the rest of the server sees it: a Request, a Response, a Handler. No Beast in here.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "world/world.h"

namespace bitvault::http {

struct Header {
  std::string_view name;  // lower case
  std::string_view value;
};

// A request whose body has arrived whole. The views live until its Response is made.
struct Request {
  std::string_view method;
  std::string_view path;   // as sent, percent-encoded, starts with '/'
  std::string_view query;  // as sent, without '?'
  std::vector<Header> headers;
  std::string_view body;
  std::string request_id;
  bool from_loopback = false;

  // The first header of this name (lower case), or an empty view.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  std::string content_type;  // empty: no body is sent
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // Let go when the answer was written, or could not be. An answer that holds something is bounded
  // by that: it is not counted against the server's answer_bytes_in_flight_max.
  std::shared_ptr<const void> held = {};
};

// What becomes of a request whose body is still on its way.
struct Admission {
  std::optional<Response> refusal = {};  // sent instead of reading the body
  std::string payer = {};                // whose share of the bodies' memory it takes; may be empty
};

class Handler {
 public:
  virtual ~Handler() = default;

  // The largest body this request may have, known from its head alone: what is larger is refused
  // before it is read. Called on the connection's thread.
  [[nodiscard]] virtual std::size_t body_bytes_max(const Request& head) const = 0;

  // Judges a request whose body has not come with its head, so that nobody's body is waited for who
  // may not send one. On the connection's thread and executor; it is not cancelled.
  [[nodiscard]] virtual Task<Admission> admit(const Request& head) = 0;

  // Answers a request, on the connection's thread and executor. Errors are answers: it does not
  // throw. `request` lives until it returns. The body of an answer to HEAD is not sent, its length
  // is.
  //
  // It is cancelled (terminal) when the server stops, or when the client closes its connection
  // during a long wait. What only waits (Signal::wait, World::sleep) then ends its wait and
  // answers; what is being done (a commit) is finished, by not heeding the cancellation. It may be
  // cancelled from the start.
  [[nodiscard]] virtual Task<Response> handle(const Request& request) = 0;

  // The answer to a request that is not handled: malformed, too large, too slow, or one for which
  // the server has no room (503).
  [[nodiscard]] virtual Response refuse(unsigned status, std::string_view why,
                                        std::string_view request_id) const = 0;
};

}  // namespace bitvault::http
