// HTTP as the rest of the server sees it: a Request, a Response, a Handler. No Beast in here.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
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

// Where a Stream's bytes go: its connection. All of it on the connection's thread.
class Outlet {
 public:
  virtual ~Outlet() = default;

  // Sends at once what the client takes. The rest is kept, and with it `owner`, in which the pieces
  // lie (null: they live for ever): then, or when the connection is to end, it says false. Nothing
  // more may be sent until flushed() has been awaited.
  [[nodiscard]] virtual bool send(std::span<const std::string_view> pieces,
                                  std::shared_ptr<const std::string> owner) = 0;

  // Waits until what is kept was sent. False when the connection is to end: the client has gone, is
  // too slow, or the server stops.
  [[nodiscard]] virtual Task<bool> flushed() = 0;

  // Waits for rouse(), which may have come before, or (false) for the connection's end. Costs no
  // buffer and no timer.
  [[nodiscard]] virtual Task<bool> rest() = 0;
  virtual void rouse() = 0;

  // Ends the connection, whatever it is doing: every wait says false from now on.
  virtual void cut() = 0;
};

// The body of an answer that goes on for as long as client and server want. It may go on, and end,
// on another thread than the one that made it.
class Stream {
 public:
  virtual ~Stream() = default;

  // Writes the body, on the connection's thread and executor, which are the connection's from now
  // on; it ends with its return, and the connection with it. Cancelled as Handler::handle() is; it
  // does not throw.
  [[nodiscard]] virtual Task<> run(Outlet& outlet) = 0;

  // Whose share of the answers' memory is taken by what is kept for a client; may be empty.
  [[nodiscard]] virtual std::string payer() const = 0;

  // Comes about every ServerOptions::tick while run() is in rest().
  virtual void tick(MonotonicTime now) = 0;
};

// Moves only.
struct Response {
  unsigned status = 200;
  std::string content_type = {};  // empty: no body is sent
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  // In place of `body`: bytes that other answers send, too. `held` keeps them alive.
  std::string_view shared_body = {};
  // Let go when the answer was written, or could not be. An answer that holds something is bounded
  // by that: it is not counted against the server's answer_bytes_in_flight_max.
  std::shared_ptr<const void> held = {};
  // In place of a body. The connection ends with it.
  std::unique_ptr<Stream> stream = {};

  // Its bytes, whoever has them.
  [[nodiscard]] std::string_view content() const {
    return shared_body.empty() ? std::string_view(body) : shared_body;
  }
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
