// The head of a request: the request line and the headers (RFC 9112). Pure.
//
// What servers and proxies are known to read differently is refused, not guessed: bare line feeds,
// folded lines, a length given twice or beside a transfer coding, codings other than chunked, more
// than one Host. The grammar within a line is Beast's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/http.h"

namespace bitvault::http {

// A request that is not served, and why.
struct Refusal {
  unsigned status = 0;
  std::string why;
};

struct RequestHead {
  std::string_view method;
  std::string_view path;  // of the target, which may be in absolute form; starts with '/'
  std::string_view query;
  std::vector<Header> headers;
  std::uint64_t content_length = 0;
  bool chunked = false;
  bool keep_alive = false;  // never with HTTP/1.0
  bool expects_continue = false;
};

struct HeadLimits {
  std::size_t bytes_max = 0;
  std::size_t headers_max = 0;
};

// Collects a head from bytes that arrive in pieces of any size.
class HeadReader {
 public:
  // Takes the bytes that belong to the head, and says how many. Once done(), it takes none. Bytes
  // that cannot begin a head are refused as soon as they are seen.
  [[nodiscard]] std::size_t take(std::string_view bytes, const HeadLimits& limits);

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const std::optional<Refusal>& refusal() const { return refusal_; }

  // Once done(): fills `head`, whose views live until clear().
  [[nodiscard]] std::optional<Refusal> parse(RequestHead& head, const HeadLimits& limits);

  // For the next request; memory beyond `kept_bytes_max` is given back.
  void clear(std::size_t kept_bytes_max);

 private:
  void end_line(std::size_t line_feed);

  std::string bytes_;
  std::size_t begin_ = 0;       // of the request line: empty lines before it are skipped
  std::size_t line_begin_ = 0;  // of the line that has not ended
  bool done_ = false;
  std::optional<Refusal> refusal_;
};

}  // namespace bitvault::http
