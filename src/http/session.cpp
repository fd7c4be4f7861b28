#include "http/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/text.h"
#include "http/response_text.h"

namespace bitvault::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
using net::ip::tcp;

constexpr std::size_t kReadBytes = 16 * 1024;
// A connection that once had a large body or answer does not keep its memory.
constexpr std::size_t kKeptBytesMax = 64 * 1024;
constexpr std::size_t kLingerBytesMax = 256 * 1024;
constexpr auto kToken = net::as_tuple(net::use_awaitable);

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

// The path and query of a target in origin form or absolute form (RFC 9112, 3.2).
std::string_view origin_form(std::string_view target) {
  if (target.starts_with("http://") || target.starts_with("https://")) {
    const std::size_t slash = target.find('/', target.find("//") + 2);
    return slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target;
}

}  // namespace

Session::Session(tcp::socket socket, SessionContext& context)
    : socket_(std::move(socket)), context_(context) {
  boost::system::error_code error;
  const auto peer = socket_.remote_endpoint(error);
  loopback_ = !error && peer.address().is_loopback();
  socket_.set_option(tcp::no_delay(true), error);
}

Session::~Session() { release_body(); }

void Session::set_deadline(Duration from_now) {
  deadline_ = context_.world.clock().monotonic() + from_now;
}

void Session::expire(MonotonicTime now) {
  if (deadline_ && *deadline_ <= now) {
    deadline_.reset();
    expired_ = true;
    signal_.emit(net::cancellation_type::terminal);
  }
}

void Session::wind_up() { signal_.emit(net::cancellation_type::terminal); }

void Session::abort() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Session::release_body() {
  context_.body_bytes_in_flight -= body_charge_;
  body_charge_ = 0;
}

Task<> Session::run() {
  co_await net::this_coro::throw_if_cancelled(false);
  buffer_.reserve(kReadBytes);
  bool open = true;
  while (open && !context_.stopping) {
    open = co_await serve_one();
    release_body();
    if (out_.capacity() > kKeptBytesMax) {
      out_ = {};
    }
    if (buffer_.size() == 0 && buffer_.capacity() > kKeptBytesMax) {
      buffer_ = {};
      buffer_.reserve(kReadBytes);
    }
  }
  co_await close();
}

Task<std::optional<Session::Refusal>> Session::read_some() {
  const auto [error, count] = co_await socket_.async_read_some(buffer_.prepare(kReadBytes), kToken);
  if (error) {
    co_return expired_ ? Refusal{408, "the request did not arrive in time"} : Refusal{};
  }
  buffer_.commit(count);
  co_return std::nullopt;
}

// Reads until the head is complete. A connection that closes or idles between requests just ends.
Task<std::optional<Session::Refusal>> Session::read_head(Parser& parser) {
  set_deadline(buffer_.size() == 0 ? context_.options.idle_timeout
                                   : context_.options.header_timeout);
  while (!parser.is_header_done()) {
    if (buffer_.size() == 0) {
      const bool idle = !parser.got_some();
      std::optional<Refusal> ended = co_await read_some();
      if (ended) {
        co_return idle ? Refusal{} : std::move(*ended);
      }
      if (idle) {
        set_deadline(context_.options.header_timeout);
      }
    }
    beast::error_code error;
    const std::size_t used = parser.put(buffer_.data(), error);
    buffer_.consume(used);
    if (error == beast::http::error::need_more) {
      std::optional<Refusal> ended = co_await read_some();
      if (ended) {
        co_return ended;
      }
    } else if (error == beast::http::error::header_limit) {
      co_return Refusal{431, fmt::format("the request's head may have {} bytes",
                                         context_.options.header_bytes_max)};
    } else if (error) {
      co_return Refusal{400, "this is not a valid HTTP/1.1 request: " + error.message()};
    }
  }
  co_return std::nullopt;
}

// Decides from the head alone whether the body may be read, and charges it to the shared budget.
std::optional<Session::Refusal> Session::admit(Parser& parser) {
  const std::size_t most = context_.handler.body_bytes_max(request_);
  const auto length = parser.content_length();
  if (length && *length > most) {
    return Refusal{413, fmt::format("the body may have {} bytes", most)};
  }
  parser.body_limit(most);
  body_charge_ = parser.chunked() ? most : static_cast<std::size_t>(length.value_or(0));
  const std::size_t before = context_.body_bytes_in_flight.fetch_add(body_charge_);
  if (before + body_charge_ > context_.options.body_bytes_in_flight_max) {
    return Refusal{503, "the server holds too many request bodies; try again shortly"};
  }
  return std::nullopt;
}

Task<std::optional<Session::Refusal>> Session::read_body(Parser& parser) {
  const bool expects = parser.get()[beast::http::field::expect] == "100-continue";
  if (expects && buffer_.size() == 0 && !parser.is_done()) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [error, count] = co_await net::async_write(socket_, net::buffer(kContinue), kToken);
    static_cast<void>(count);
    if (error) {
      co_return Refusal{};
    }
  }
  parser.eager(true);
  set_deadline(context_.options.body_timeout);
  while (!parser.is_done()) {
    if (buffer_.size() == 0) {
      std::optional<Refusal> ended = co_await read_some();
      if (ended) {
        co_return ended;
      }
    }
    beast::error_code error;
    buffer_.consume(parser.put(buffer_.data(), error));
    if (error == beast::http::error::need_more) {
      std::optional<Refusal> ended = co_await read_some();
      if (ended) {
        co_return ended;
      }
    } else if (error == beast::http::error::body_limit) {
      co_return Refusal{413, "the body is too large"};
    } else if (error) {
      co_return Refusal{400, "the body is not valid HTTP/1.1: " + error.message()};
    }
  }
  co_return std::nullopt;
}

std::string Session::make_request_id(std::string_view given) {
  if (is_request_id(given)) {
    return std::string(given);
  }
  std::array<std::byte, 8> random;
  context_.world.random().fill(random);
  return "req_" + hex(random);
}

// Fills request_ from the parsed head.
void Session::describe(Parser& parser) {
  const auto& message = parser.get();
  const std::string_view target = origin_form(message.target());
  const std::size_t question = std::min(target.find('?'), target.size());
  request_.method = message.method_string();
  request_.path = target.substr(0, question);
  request_.query = target.substr(std::min(question + 1, target.size()));
  request_.from_loopback = loopback_;
  request_.headers.clear();
  std::size_t bytes = 0;
  for (const auto& field : message) {
    bytes += field.name_string().size();
  }
  names_.clear();
  names_.reserve(bytes);
  for (const auto& field : message) {
    const std::size_t start = names_.size();
    for (const char c : std::string_view(field.name_string())) {
      names_ += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    request_.headers.push_back({std::string_view(names_).substr(start), field.value()});
  }
  request_.request_id = make_request_id(request_.header("x-request-id"));
}

Task<bool> Session::answer(const Response& response, bool keep_alive, bool head_only) {
  out_.clear();
  append_response(out_, response,
                  {.date = context_.date,
                   .request_id = request_.request_id,
                   .keep_alive = keep_alive,
                   .head_only = head_only});
  set_deadline(context_.options.write_timeout);
  const auto [error, count] = co_await net::async_write(socket_, net::buffer(out_), kToken);
  static_cast<void>(count);
  deadline_.reset();
  co_return !error && keep_alive;
}

Task<> Session::refuse(const Refusal& refusal) {
  if (refusal.status == 0) {
    co_return;
  }
  if (request_.request_id.empty()) {
    request_.request_id = make_request_id("");
  }
  const Response response =
      context_.handler.refuse(refusal.status, refusal.why, request_.request_id);
  const bool open = co_await answer(response, false, false);
  static_cast<void>(open);
}

// Serves one request; false when the connection ends with it.
Task<bool> Session::serve_one() {
  request_.request_id.clear();
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(context_.options.header_bytes_max));
  parser.body_limit(boost::none);  // admit() sets it, once the head is known
  parser.eager(false);
  std::optional<Refusal> refusal = co_await read_head(parser);
  if (!refusal) {
    describe(parser);
    refusal = admit(parser);
  }
  if (!refusal) {
    refusal = co_await read_body(parser);
  }
  deadline_.reset();
  if (refusal) {
    co_await refuse(*refusal);
    co_return false;
  }
  request_.body = parser.get().body();
  const Response response = co_await context_.handler.handle(request_);
  const bool keep_alive = parser.keep_alive() && !context_.stopping;
  const bool open = co_await answer(response, keep_alive, request_.method == "HEAD");
  co_return open;
}

// Lets the peer read the last answer: closing with unread bytes would reset the connection.
Task<> Session::close() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  set_deadline(std::chrono::seconds(1));
  expired_ = false;
  std::size_t drained = 0;
  while (!expired_ && drained < kLingerBytesMax && !context_.stopping) {
    buffer_.clear();
    const auto [error, count] =
        co_await socket_.async_read_some(buffer_.prepare(kReadBytes), kToken);
    if (error) {
      break;
    }
    drained += count;
  }
  socket_.close(ignored);
}

}  // namespace bitvault::http
