// The HTTP/1.1 server (RFC 9110, 9112): one io_context and one thread each, SO_REUSEPORT. Answers
// that go on have threads of their own, so that what is sent to many streams keeps nobody waiting.
//
// Every limit below is a refusal, never a crash: a connection too many gets 503 and is closed, a
// head that is too large is 431, a body 413 (before it is read), a slow head or body 408, bodies or
// answers beyond their common budget 503 with Retry-After. What is not HTTP/1.1, or could be read
// in two ways, is 400. Each closes the connection, except 503 in place of a large answer, whose
// request was handled. A client that stops reading, or reads too slowly, is cut off, one that
// closes while its request is handled has the handler cancelled, one that idles is closed and,
// until then, costs no buffer. A body that does not come with its head is read only when the
// handler admits the request. Pipelined requests are answered in order.
//
// stop() stops accepting, closes what idles, cancels what waits so that it is answered now, lets
// what was begun end within `drain`, then closes the sockets that are left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "http/counters.h"
#include "http/http.h"

namespace bitvault::http {

class Tls;

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: any free one
  // With it every connection is TLS, its handshake bounded by header_timeout; a plain request is
  // answered 400. Outlives the server.
  const Tls* tls = nullptr;
  unsigned threads = 2;
  unsigned stream_threads = 1;  // beside these: nothing else runs there but streams
  std::size_t connections_max = 20'000;
  std::size_t header_bytes_max = 16 * 1024;  // of a whole head, its request line included
  std::size_t headers_max = 100;
  std::size_t body_bytes_in_flight_max = 256 * 1024 * 1024;  // of all connections together
  std::size_t body_bytes_share_max = 64 * 1024 * 1024;       // of them, of one payer
  // The same, of answers above 16 KiB that hold nothing.
  std::size_t answer_bytes_in_flight_max = 256 * 1024 * 1024;
  std::size_t answer_bytes_share_max = 64 * 1024 * 1024;  // of them, kept for one payer's streams
  Duration header_timeout = std::chrono::seconds(10);     // from a head's first byte to its last
  Duration body_timeout = std::chrono::seconds(60);       // of a whole body
  Duration idle_timeout = std::chrono::seconds(75);
  Duration write_timeout = std::chrono::seconds(30);   // without any progress
  std::size_t write_bytes_per_second_min = 16 * 1024;  // of an answer, beside write_timeout
  Duration drain = std::chrono::seconds(10);
  Duration tick = std::chrono::milliseconds(500);  // how often all these times are looked at
};

class Server {
 public:
  // Binds and starts to accept. `handler` and `world` outlive the server.
  // Error: kUnavailable, saying which address could not be bound and why.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerOptions options,
                                                             Handler& handler, World& world);
  ~Server();  // stop()

  // The port that was bound.
  [[nodiscard]] std::uint16_t port() const;

  // Open connections.
  [[nodiscard]] std::size_t connections() const;

  // Lives as long as the server.
  [[nodiscard]] const ServerCounters& counters() const;

  // Blocks until every connection is closed and every handler has returned: for longer than
  // `drain` only when a handler that was cancelled goes on. From any thread but the server's own;
  // idempotent.
  void stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitvault::http
