// What a client sends over one connection: requests, one behind the other, with their bodies.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fuzz.h"
#include "http/chunked.h"
#include "http/request_head.h"

namespace bitvault::fuzz {
namespace {

constexpr http::HeadLimits kLimits{.bytes_max = 1'024, .headers_max = 12};
constexpr std::size_t kBodyBytesMax = 500;

struct Read {
  std::string method;
  std::string path;
  std::string query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool chunked = false;
  bool keep_alive = false;
  bool expects_continue = false;
  std::uint64_t content_length = 0;
  bool operator==(const Read&) const = default;
};

struct Connection {
  std::vector<Read> requests;
  unsigned refused = 0;  // the status; 0: the client's bytes ended
  std::string why;
  bool operator==(const Connection&) const = default;
};

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return c > ' ' && c < 0x7f &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(char(c)) == std::string_view::npos;
  });
}

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

// What the rest of the server relies on.
void is_sound(const http::RequestHead& head) {
  check(is_token(head.method), "a method is a token");
  check(head.path.starts_with('/') && is_one_line(head.path) && !head.path.contains('?'),
        "a path is one");
  check(is_one_line(head.query) && !head.query.contains('#'), "a query is one");
  check(head.headers.size() <= kLimits.headers_max, "headers are as many as allowed");
  for (const auto& [name, value] : head.headers) {
    check(is_token(name) && std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; }),
          "a header's name is a token in lower case");
    check(is_one_line(value), "a header's value is one line");
    check(!value.starts_with(' ') && !value.ends_with(' '), "a header's value is trimmed");
  }
  check(!head.chunked || head.content_length == 0, "a body is framed in one way");
}

Read copy(const http::RequestHead& head) {
  Read read{.method = std::string(head.method),
            .path = std::string(head.path),
            .query = std::string(head.query),
            .headers = {},
            .body = {},
            .chunked = head.chunked,
            .keep_alive = head.keep_alive,
            .expects_continue = head.expects_continue,
            .content_length = head.content_length};
  for (const auto& [name, value] : head.headers) {
    read.headers.emplace_back(name, value);
  }
  return read;
}

// Reads as a session does, without its socket.
class Reader {
 public:
  explicit Reader(NextPiece next) : next_(std::move(next)) {}

  Connection run() {
    while (read_head() && read_body()) {
      reader_.clear(64);
    }
    return std::move(connection_);
  }

 private:
  bool refuse(unsigned status, std::string why) {
    connection_.refused = status;
    connection_.why = std::move(why);
    return false;
  }

  bool fill() {
    if (unread_.empty()) {
      unread_ = next_();
    }
    return !unread_.empty();
  }

  bool read_head() {
    while (!reader_.done()) {
      if (!fill()) {
        return false;
      }
      const std::size_t taken = reader_.take(unread_, kLimits);
      check(taken <= unread_.size(), "a head takes what it is given");
      unread_.remove_prefix(taken);
      if (const auto& refusal = reader_.refusal()) {
        return refuse(refusal->status, refusal->why);
      }
    }
    check(reader_.take(unread_, kLimits) == 0, "a head that is done takes no more");
    http::RequestHead head;
    if (const auto refusal = reader_.parse(head, kLimits)) {
      return refuse(refusal->status, refusal->why);
    }
    is_sound(head);
    connection_.requests.push_back(copy(head));
    return true;
  }

  bool read_body() {
    Read& request = connection_.requests.back();
    return request.chunked ? read_chunked(request.body) : read_sized(request);
  }

  bool read_sized(Read& request) {
    if (request.content_length > kBodyBytesMax) {
      return refuse(413, "too large");
    }
    while (request.body.size() < request.content_length) {
      if (!fill()) {
        return false;
      }
      const auto missing = static_cast<std::size_t>(request.content_length) - request.body.size();
      const std::string_view part = unread_.substr(0, missing);
      request.body += part;
      unread_.remove_prefix(part.size());
    }
    return true;
  }

  bool read_chunked(std::string& body) {
    http::ChunkedDecoder decoder(kBodyBytesMax);
    auto state = http::ChunkedDecoder::State::kMore;
    while (state == http::ChunkedDecoder::State::kMore) {
      if (!fill()) {
        return false;
      }
      state = decoder.take(unread_, body);
    }
    return state == http::ChunkedDecoder::State::kDone || refuse(400, "chunks");
  }

  NextPiece next_;
  std::string_view unread_;
  http::HeadReader reader_;
  Connection connection_;
};

Connection read(NextPiece next) { return Reader(std::move(next)).run(); }

// A request that was understood, written anew in the plainest way, is understood the same.
void reads_as_written(const Read& request) {
  std::string text = request.method + " " + request.path;
  if (!request.query.empty()) {
    text += "?" + request.query;
  }
  text += request.keep_alive || request.chunked || request.expects_continue ? " HTTP/1.1\r\n"
                                                                            : " HTTP/1.0\r\n";
  for (const auto& [name, value] : request.headers) {
    text += fmt::format("{}: {}\r\n", name, value);
  }
  text += "\r\n";
  http::HeadReader reader;
  const http::HeadLimits limits{.bytes_max = 2 * kLimits.bytes_max,
                                .headers_max = kLimits.headers_max};
  check(reader.take(text, limits) == text.size() && reader.done(), "a head written anew is read");
  http::RequestHead head;
  check(!reader.parse(head, limits), "a head written anew is not refused");
  Read again = copy(head);
  again.body = request.body;
  again.keep_alive = request.keep_alive;  // the version is not told apart above
  check(again == request, "a head written anew says the same");
}

void run(std::string_view input) {
  std::optional<Connection> first;
  for_each_cutting(input, [&](NextPiece next) {
    Connection connection = read(std::move(next));
    check(!first || connection == *first, "requests are the same however they are cut");
    first = std::move(connection);
  });
  for (const Read& request : first->requests) {
    reads_as_written(request);
  }
}

const Registered kRequest({"http_request", run});

}  // namespace
}  // namespace bitvault::fuzz
