// The HTTP/1.1 server (RFC 9110, 9112): one io_context and one thread each, SO_REUSEPORT.
//
// Every limit below is a refusal, never a crash: a connection too many gets 503 and is closed, a
// head that is too large is 431, a body 413 (before it is read), a slow head or body 408, bodies
// beyond the common budget 503. Keep-alive connections that idle are closed. stop() stops
// accepting, cancels what waits so that it is answered now, lets requests in flight end within
// `drain`, then closes. Time-outs are checked once a tick of half a second.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "http/http.h"

namespace bitvault::http {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: any free one
  unsigned threads = 2;
  std::size_t connections_max = 20'000;
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t body_bytes_in_flight_max = 256 * 1024 * 1024;  // of all connections together
  Duration header_timeout = std::chrono::seconds(10);
  Duration body_timeout = std::chrono::seconds(60);
  Duration idle_timeout = std::chrono::seconds(75);
  Duration write_timeout = std::chrono::seconds(30);
  Duration drain = std::chrono::seconds(10);
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

  // Blocks until every connection is closed. From any thread but the server's own; idempotent.
  void stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitvault::http
