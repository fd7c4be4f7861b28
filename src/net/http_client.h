// A blocking HTTP/1.1 client over libcurl, for the command line: one request at a time, connections
// kept for the next one.
//
// TLS certificates and host names are verified. Redirects are not followed. Only http and https.
// Answers are bounded in size and time. send() comes back at once when `stop_fd` becomes readable,
// also in the middle of a request. Proxies of the environment are used, but never for loopback.
// Nothing that a caller puts into headers or bodies appears in a failure's detail.
//
// Not thread-safe. It has no address guard: its user chose the server.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace bitvault::net {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view body;  // outlives the call; sent when it is not empty or the method is POST, PUT
  Duration timeout = std::chrono::seconds(60);
  std::size_t answer_bytes_max = 16 * 1024 * 1024;
};

struct HttpAnswer {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  // The first header of this name (lower case), or an empty view.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// Why there is no answer.
struct HttpFailure {
  enum class Kind : std::uint8_t {
    kStopped,      // stop_fd became readable
    kRefused,      // nobody listens there
    kUnreachable,  // no such host, no route, no proxy
    kTls,          // the certificate or the handshake
    kTimeout,      // the server did not answer in time
    kBroken,       // the connection broke or it does not speak HTTP
    kTooLarge,     // the answer exceeded answer_bytes_max
    kBadUrl,
  };
  Kind kind;
  std::string detail;  // libcurl's sentence
};

class HttpClient {
 public:
  struct Options {
    std::string user_agent;
    std::string ca_file;  // PEM; empty: the system's
    Duration connect_timeout = std::chrono::seconds(10);
    int stop_fd = -1;
  };

  explicit HttpClient(Options options);
  ~HttpClient();
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&& other) noexcept;

  [[nodiscard]] std::expected<HttpAnswer, HttpFailure> send(const HttpRequest& request);

  // Takes the next piece of a body; false when it wants no more.
  using Sink = std::function<bool(std::string_view piece)>;
  // The same for a body that goes on: that of a 2xx answer of this media type is given to `sink` as
  // it comes, and not kept. The request's timeout is how long nothing may come. When the sink wants
  // no more: kStopped.
  [[nodiscard]] std::expected<HttpAnswer, HttpFailure> stream(const HttpRequest& request,
                                                              std::string_view media_type,
                                                              const Sink& sink);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitvault::net
