#include "http/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <limits>

#include "base/text.h"
#include "http/memory.h"

namespace bitvault::http {
namespace {

namespace beast = boost::beast;

constexpr std::size_t kMethodBytesMax = 32;

Refusal malformed(std::string_view why) {
  return {400, fmt::format("this is not a valid HTTP/1.1 request: {}", why)};
}

// Beast's grammar, without its message and its copies: every view stays within the bytes given.
class HeadParser final : public beast::http::basic_parser<true> {
 public:
  // `bytes` end with the empty line. Header names are made lower case in place.
  HeadParser(std::string& bytes, RequestHead& head) : bytes_(bytes), head_(head) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // HeadReader has its own
    body_limit(boost::none);
  }

  [[nodiscard]] beast::error_code parse(std::size_t begin) {
    beast::error_code error;
    put(boost::asio::buffer(bytes_.data() + begin, bytes_.size() - begin), error);
    return error;
  }

  [[nodiscard]] std::string_view target() const { return target_; }
  [[nodiscard]] int version() const { return version_; }

 private:
  using Text = beast::string_view;

  void on_request_impl(beast::http::verb, Text method, Text target, int version,
                       beast::error_code&) override {
    head_.method = method;
    target_ = target;
    version_ = version;
  }

  void on_field_impl(beast::http::field, Text name, Text value, beast::error_code&) override {
    char* const begin = bytes_.data() + (name.data() - bytes_.data());
    std::transform(begin, begin + name.size(), begin, ascii_lower);
    head_.headers.push_back({name, value});
  }

  void on_response_impl(int, Text, int, beast::error_code&) override {}
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(Text, beast::error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, Text, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text, beast::error_code&) override { return 0; }
  void on_finish_impl(beast::error_code&) override {}

  std::string& bytes_;
  RequestHead& head_;
  std::string_view target_;
  int version_ = 0;
};

// A target in origin form, or in absolute form, of which the scheme and authority are dropped.
std::optional<Refusal> split_target(std::string_view target, RequestHead& head) {
  if (target.find('#') != std::string_view::npos) {
    return malformed("a target has no fragment");
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_ascii_case(target.substr(0, scheme.size()), scheme)) {
      continue;
    }
    target.remove_prefix(scheme.size());
    const std::size_t authority = std::min(target.find_first_of("/?"), target.size());
    if (authority == 0) {
      return malformed("the target's authority is empty");
    }
    target.remove_prefix(authority);
    head.path = "/";  // unless one follows
  }
  const std::size_t question = std::min(target.find('?'), target.size());
  if (question > 0) {
    head.path = target.substr(0, question);
  }
  if (!head.path.starts_with('/')) {
    return malformed("the target is not a path");
  }
  head.query = target.substr(std::min(question + 1, target.size()));
  return std::nullopt;
}

// How the body is framed, and whether the headers that decide it leave no doubt.
std::optional<Refusal> frame(int version, RequestHead& head) {
  std::size_t hosts = 0;
  std::size_t lengths = 0;
  std::size_t codings = 0;
  for (const auto& [name, value] : head.headers) {
    if (name == "host") {
      ++hosts;
    } else if (name == "content-length") {
      const auto length = parse_uint(value);
      if (!length || ++lengths > 1) {
        return malformed("Content-Length is one decimal number, given once");
      }
      head.content_length = *length;
    } else if (name == "transfer-encoding") {
      if (++codings > 1 || version < 11 || !equal_ignoring_ascii_case(value, "chunked")) {
        return malformed("the only Transfer-Encoding is chunked, given once, in HTTP/1.1");
      }
      head.chunked = true;
    } else if (name == "expect" && version >= 11) {
      if (!equal_ignoring_ascii_case(value, "100-continue")) {
        return Refusal{417, "the only expectation that can be met is 100-continue"};
      }
      head.expects_continue = true;
    }
  }
  if (lengths > 0 && codings > 0) {
    return malformed("Content-Length and Transfer-Encoding exclude each other");
  }
  if (hosts > 1 || (hosts == 0 && version >= 11)) {
    return malformed("HTTP/1.1 needs one Host header");
  }
  return std::nullopt;
}

}  // namespace

std::size_t HeadReader::take(std::string_view bytes, const HeadLimits& limits) {
  if (done_ || refusal_) {
    return 0;
  }
  const std::size_t before = bytes_.size();
  bytes_ += bytes.substr(0, limits.bytes_max - std::min(limits.bytes_max, before));
  std::size_t from = before;
  while (!done_ && !refusal_) {
    const std::size_t line_feed = bytes_.find('\n', from);
    if (line_feed == std::string::npos) {
      break;
    }
    end_line(line_feed);
    from = line_feed + 1;
  }
  if (done_) {
    bytes_.resize(from);
  } else if (!refusal_ && bytes_.size() >= limits.bytes_max) {
    refusal_ = Refusal{431, fmt::format("a request's head has at most {} bytes", limits.bytes_max)};
  }
  return bytes_.size() - before;
}

void HeadReader::end_line(std::size_t line_feed) {
  if (line_feed == line_begin_ || bytes_[line_feed - 1] != '\r') {
    refusal_ = malformed("a line ends with CR LF");
  } else if (bytes_[line_begin_] == ' ' || bytes_[line_begin_] == '\t') {
    refusal_ = malformed("a line does not begin with a blank");
  } else if (line_feed != line_begin_ + 1) {
    line_begin_ = line_feed + 1;
  } else if (line_begin_ == begin_) {  // an empty line before the request (RFC 9112, 2.2)
    begin_ = line_begin_ = line_feed + 1;
  } else {
    done_ = true;
  }
}

std::optional<Refusal> HeadReader::parse(RequestHead& head, const HeadLimits& limits) {
  head.headers.clear();
  HeadParser parser(bytes_, head);
  if (const beast::error_code error = parser.parse(begin_)) {
    return malformed(error.message());
  }
  if (head.method.size() > kMethodBytesMax) {
    return malformed("there is no such method");
  }
  if (head.headers.size() > limits.headers_max) {
    return Refusal{431, fmt::format("a request has at most {} headers", limits.headers_max)};
  }
  head.path = {};
  head.query = {};
  head.content_length = 0;
  head.chunked = false;
  head.expects_continue = false;
  head.keep_alive = parser.keep_alive() && parser.version() >= 11;
  if (std::optional<Refusal> refusal = split_target(parser.target(), head)) {
    return refusal;
  }
  return frame(parser.version(), head);
}

void HeadReader::clear(std::size_t kept_bytes_max) {
  clear_keeping(bytes_, kept_bytes_max);
  begin_ = 0;
  line_begin_ = 0;
  done_ = false;
  refusal_.reset();
}

}  // namespace bitvault::http
