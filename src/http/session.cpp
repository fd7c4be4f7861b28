#include "http/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>

#include "base/text.h"
#include "http/chunked.h"
#include "http/frame_cache.h"
#include "http/memory.h"
#include "http/response_text.h"
#include "http/stream_outlet.h"

namespace bitvault::http {
namespace {

namespace net = boost::asio;

constexpr std::size_t kReadBytes = 16 * 1024;
// What a connection may keep of each buffer from one request to the next.
constexpr std::size_t kKeptBytesMax = 16 * 1024;
// A longer body is written from where it is, rather than copied behind its head.
constexpr std::size_t kCopiedBodyBytesMax = 16 * 1024;
// Shorter answers are not charged to the answers' budget.
constexpr std::size_t kFreeAnswerBytesMax = 16 * 1024;

constexpr unsigned kParkTicks = 2;
constexpr unsigned kClientCheckTicks = 2;

// How long and how much is read over after a refusal, so that the client gets to read it: closing
// a socket with unread bytes resets the connection.
constexpr Duration kLinger = std::chrono::seconds(2);
constexpr std::size_t kLingerBytesMax = 16 * 1024 * 1024;

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

Refusal busy_with_bodies() {
  return {503, "the server holds too many request bodies; try again shortly"};
}

std::string make_request_id(Random& random) {
  std::array<std::byte, 8> bytes;
  random.fill(bytes);
  return "req_" + hex(bytes);
}

}  // namespace

Session::Session(Socket socket, SessionContext& context, Welcome welcome)
    : transport_(std::move(socket), context.options.tls),
      context_(context),
      welcome_(welcome),
      streams_(false),
      body_charge_(context.bodies) {
  loopback_ = transport_.peer_is_loopback();
}

Session::Session(Streaming streaming, net::io_context& executor, SessionContext& context)
    : transport_(std::move(streaming.connection), executor),
      context_(context),
      welcome_(Welcome::kServe),
      streams_(true),
      stream_(std::move(streaming.stream)),
      body_charge_(context.bodies) {}

Task<> Session::run() {
  co_await net::this_coro::throw_if_cancelled(false);
  auto work = streams_ ? stream() : serve();
  co_await std::move(work);
  if (stream_) {
    co_return;
  }
  if (unread_expected_ || begin_ != end_) {
    co_await linger();
  }
  transport_.close();
}

std::optional<Session::Streaming> Session::hand_over() {
  if (!stream_) {
    return std::nullopt;
  }
  return Streaming{transport_.release(), std::move(stream_)};
}

// One request after the other, until the connection ends or goes on as a stream.
Task<> Session::serve() {
  bool open = true;
  if (transport_.is_secure()) {
    open = co_await greet();
  }
  if (open && welcome_ == Welcome::kTurnAway) {
    co_await refuse({503, "the server has too many connections; try again shortly"});
  } else {
    while (open && !context_.stopping) {
      open = co_await serve_one();
      rest();
    }
  }
}

// The handshake of TLS; false when the connection ends with it.
Task<bool> Session::greet() {
  enter(Phase::kGreeting, context_.options.header_timeout);
  const Transport::Greeting greeting = co_await transport_.greet();
  if (greeting == Transport::Greeting::kDone) {
    co_return true;
  }
  context_.counters.handshakes_failed.add();
  if (greeting == Transport::Greeting::kPlainHttp) {
    co_await refuse({400, "this port speaks HTTPS, not plain HTTP: use https://"});
  }
  co_return false;
}

// Serves one request; false when the connection ends with it.
Task<bool> Session::serve_one() {
  Refused refused = co_await read_head();
  if (!refused) {
    refused = begin_request();
  }
  if (!refused && !body_is_here()) {
    const std::optional<Response> refusal = co_await admit();
    if (refusal) {
      unread_expected_ = true;
      const bool open = co_await answer(*refusal, false);
      co_return open;
    }
  }
  if (!refused) {
    refused = co_await read_body();
  }
  if (refused) {
    co_await refuse(*refused);
    co_return false;
  }
  request_.body = body_;
  enter(Phase::kHandling);
  if (context_.stopping) {
    signal_.emit(net::cancellation_type::terminal);
  }
  Response response = co_await context_.handler.handle(request_);
  clear_keeping(body_, kKeptBytesMax);
  body_charge_.release();
  if (response.stream && request_.method != "HEAD") {
    co_await begin_stream(std::move(response));
    co_return false;
  }
  const bool keep_alive = head_.keep_alive && !context_.stopping && !client_gone_;
  const bool open = co_await answer(response, keep_alive);
  co_return open;
}

// Reads until the head is complete. A connection that closes or idles between requests just ends.
Task<Session::Refused> Session::read_head() {
  const HeadLimits limits{context_.options.header_bytes_max, context_.options.headers_max};
  request_.request_id.clear();
  request_.method = {};
  enter(Phase::kIdle, context_.options.idle_timeout);
  while (!head_reader_.done()) {
    if (begin_ == end_) {
      const bool filled = co_await fill();
      if (!filled) {
        co_return phase_ == Phase::kIdle ? Refusal{} : ended();
      }
    }
    begin_ += head_reader_.take(unread(), limits);
    if (head_reader_.refusal()) {
      co_return head_reader_.refusal();
    }
    if (phase_ == Phase::kIdle && !head_reader_.done()) {
      enter(Phase::kReading, context_.options.header_timeout);
    }
  }
  co_return head_reader_.parse(head_, limits);
}

// Decides from the head alone whether the body may be read.
Session::Refused Session::begin_request() {
  request_.method = head_.method;
  request_.path = head_.path;
  request_.query = head_.query;
  request_.headers.swap(head_.headers);
  request_.body = {};
  request_.from_loopback = loopback_;
  const std::string_view given = request_.header("x-request-id");
  request_.request_id =
      is_request_id(given) ? std::string(given) : make_request_id(context_.world.random());
  body_bytes_max_ = context_.handler.body_bytes_max(request_);
  if (head_.content_length > body_bytes_max_) {
    return Refusal{413, fmt::format("the body may have {} bytes", body_bytes_max_)};
  }
  return std::nullopt;
}

bool Session::body_is_here() const {
  return !head_.chunked && head_.content_length <= end_ - begin_;
}

// What the handler says to a body that is still to come; nothing when it may come.
Task<std::optional<Response>> Session::admit() {
  enter(Phase::kReading, context_.options.body_timeout);
  Admission admission = co_await context_.handler.admit(request_);
  body_charge_.pay_for(std::move(admission.payer));
  co_return std::move(admission.refusal);
}

Task<Session::Refused> Session::read_body() {
  if (!head_.chunked && head_.content_length == 0) {
    co_return std::nullopt;
  }
  if (body_is_here()) {
    const auto length = static_cast<std::size_t>(head_.content_length);
    body_ = unread().substr(0, length);
    begin_ += length;
    co_return std::nullopt;
  }
  if (head_.expects_continue && begin_ == end_) {
    const bool written = co_await write("HTTP/1.1 100 Continue\r\n\r\n", {});
    if (!written) {
      co_return Refusal{};
    }
  }
  enter(Phase::kReading, context_.options.body_timeout);
  auto reading = head_.chunked ? read_chunked_body() : read_sized_body();
  Refused refused = co_await std::move(reading);
  co_return refused;
}

// Reads straight into the body, which grows with what has come: a length that is only announced
// takes no memory.
Task<Session::Refused> Session::read_sized_body() {
  const auto length = static_cast<std::size_t>(head_.content_length);
  const std::size_t at_hand = std::min(length, end_ - begin_);
  body_ = unread().substr(0, at_hand);
  begin_ += at_hand;
  while (true) {
    const std::size_t have = body_.size();
    const std::size_t step = std::min(length - have, std::max(have, kReadBytes));
    if (!body_charge_.raise_to(have + step)) {
      co_return busy_with_bodies();
    }
    if (step == 0) {
      co_return std::nullopt;
    }
    body_.resize(have + step);
    const auto [error, count] = co_await transport_.read_all(body_.data() + have, step);
    context_.counters.bytes_received.add(count);
    if (error) {
      co_return ended();
    }
  }
}

Task<Session::Refused> Session::read_chunked_body() {
  ChunkedDecoder decoder(body_bytes_max_);
  while (true) {
    if (begin_ == end_) {
      const bool filled = co_await fill();
      if (!filled) {
        co_return ended();
      }
    }
    std::string_view bytes = unread();
    const ChunkedDecoder::State state = decoder.take(bytes, body_);
    begin_ = end_ - bytes.size();
    switch (state) {
      case ChunkedDecoder::State::kMore:
        break;
      case ChunkedDecoder::State::kDone:
        co_return std::nullopt;
      case ChunkedDecoder::State::kMalformed:
        co_return Refusal{400, "the body is not in the chunked coding of HTTP/1.1"};
      case ChunkedDecoder::State::kTooLarge:
        co_return Refusal{413, fmt::format("the body may have {} bytes", body_bytes_max_)};
    }
    if (!body_charge_.raise_to(body_.capacity())) {
      co_return busy_with_bodies();
    }
  }
}

Task<bool> Session::answer(const Response& response, bool keep_alive) {
  const bool head_only = request_.method == "HEAD";
  std::string_view body = body_to_send(response, head_only);
  Charge charge(context_.answers);
  if (!response.held && body.size() > kFreeAnswerBytesMax && !charge.raise_to(body.size())) {
    const Response busy = render_refusal(503, "the server is sending too much; try again shortly");
    const bool open = co_await answer(busy, keep_alive);
    co_return open;
  }
  out_.clear();
  append_head(out_, response,
              {.date = context_.date, .request_id = request_.request_id, .keep_alive = keep_alive});
  if (body.size() <= kCopiedBodyBytesMax) {
    out_ += body;
    body = {};
  }
  context_.counters.answers[std::clamp(response.status / 100, 1u, 5u) - 1].add();
  const bool written = co_await write(out_, body);
  const bool open = written && keep_alive;
  co_return open;
}

// Answers with the head alone: the body is left to the session that streams.
Task<> Session::begin_stream(Response response) {
  out_.clear();
  append_head(out_, response,
              {.date = context_.date, .request_id = request_.request_id, .keep_alive = false});
  context_.counters.answers[response.status / 100 - 1].add();
  const bool written = co_await write(out_, {});
  if (written && !context_.stopping) {
    stream_ = std::move(response.stream);
  }
}

// While it goes on, the connection has no buffer.
Task<> Session::stream() {
  enter(Phase::kStreaming);
  StreamOutlet outlet(transport_, context_, *stream_);
  outlet_ = &outlet;
  context_.counters.streams_open.add();
  co_await stream_->run(outlet);
  context_.counters.streams_open.subtract();
  outlet_ = nullptr;
  stream_.reset();
  unread_expected_ = true;
}

Task<> Session::refuse(const Refusal& refusal) {
  if (refusal.status == 0) {
    co_return;
  }
  if (request_.request_id.empty()) {
    request_.request_id = make_request_id(context_.world.random());
  }
  free_memory(body_);
  body_charge_.release();
  unread_expected_ = true;
  const Response response = render_refusal(refusal.status, refusal.why);
  const bool open = co_await answer(response, false);
  static_cast<void>(open);
}

Response Session::render_refusal(unsigned status, std::string_view why) const {
  Response response = context_.handler.refuse(status, why, request_.request_id);
  const auto& headers = response.headers;
  if (status == 503 && std::ranges::none_of(headers, [](const auto& header) {
        return header.first == "Retry-After";
      })) {
    response.headers.emplace_back("Retry-After", "1");
  }
  return response;
}

Task<> Session::linger() {
  transport_.finish_sending();
  enter(Phase::kLingering, kLinger);
  std::size_t read = 0;
  bool more = !context_.stopping;
  while (more && read < kLingerBytesMax) {
    more = co_await fill();
    read += end_ - begin_;
  }
}

// Reads what has arrived, when all that was read before is used up. While nothing arrives, a
// parked connection has no buffer.
Task<bool> Session::fill() {
  begin_ = end_ = 0;
  while (!expired_) {
    if (!buffer_) {
      buffer_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
    }
    const auto [error, count] = co_await transport_.read(buffer_.get(), kReadBytes);
    if (!error) {
      end_ = count;
      context_.counters.bytes_received.add(count);
      co_return true;
    }
    if (!parking_ || expired_ || context_.stopping) {
      co_return false;
    }
    park();
    context_.counters.connections_parked.add();
    const auto [failed] = co_await transport_.readable();
    context_.counters.connections_parked.subtract();
    if (failed) {
      co_return false;
    }
  }
  co_return false;
}

// Writes both. A client that reads slowly has the time-out anew each time that it made room.
Task<bool> Session::write(std::string_view first, std::string_view second) {
  enter(Phase::kWriting);
  const std::size_t size = first.size() + second.size();
  context_.counters.bytes_sent.add(size);
  const Duration slowest = context_.options.write_timeout +
                           std::chrono::seconds(size / context_.options.write_bytes_per_second_min);
  const MonotonicTime end = context_.world.clock().monotonic() + slowest;
  while (!expired_) {
    const std::array<std::string_view, 2> parts{first, second};
    const Transport::Moved moved = transport_.write(parts);
    if (moved.state != Transport::State::kBlocked) {
      co_return moved.state == Transport::State::kDone;
    }
    const std::size_t of_first = std::min(moved.count, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(moved.count - of_first);
    enter(Phase::kWriting, context_.options.write_timeout);
    deadline_ = std::min(*deadline_, end);
    const auto [failed] = co_await transport_.writable();
    if (failed) {
      co_return false;
    }
  }
  co_return false;
}

Refusal Session::ended() const {
  return expired_ ? Refusal{408, "the request did not arrive in time"} : Refusal{};
}

std::string_view Session::unread() const { return {buffer_.get() + begin_, end_ - begin_}; }

void Session::enter(Phase phase) {
  phase_ = phase;
  deadline_.reset();
  ticks_ = 0;
  expired_ = false;
  parking_ = false;
}

void Session::enter(Phase phase, Duration timeout) {
  enter(phase);
  deadline_ = context_.world.clock().monotonic() + timeout;
}

void Session::tick(MonotonicTime now) {
  ++ticks_;
  if (deadline_ && *deadline_ <= now) {
    deadline_.reset();
    expired_ = true;
    transport_.cancel_waits();
  } else if (phase_ == Phase::kIdle && ticks_ == kParkTicks) {
    parking_ = true;
    transport_.cancel_waits();
  } else if (phase_ == Phase::kHandling && ticks_ % kClientCheckTicks == 0) {
    attend_long_request();
  } else if (phase_ == Phase::kStreaming && outlet_ != nullptr) {
    attend_stream(now);
  }
}

void Session::attend_stream(MonotonicTime now) {
  outlet_->tick(now);
  if (outlet_->resting()) {
    stream_->tick(now);
  } else if (!outlet_->waiting() && ticks_ % kClientCheckTicks == 0) {
    attend_long_request();
  }
}

void Session::attend_long_request() {
  if (begin_ == end_) {
    buffer_.reset();
    begin_ = end_ = 0;
  }
  // One that only sends no more is answered all the same, now.
  if (!client_gone_ && transport_.peer_has_ended()) {
    client_gone_ = true;
    context_.counters.clients_gone.add();
    signal_.emit(net::cancellation_type::terminal);
  }
}

void Session::wind_up() {
  switch (phase_) {
    case Phase::kGreeting:
    case Phase::kIdle:
    case Phase::kLingering:
      transport_.cancel_waits();
      break;
    case Phase::kHandling:
    case Phase::kStreaming:
      signal_.emit(net::cancellation_type::terminal);
      break;
    case Phase::kReading:
    case Phase::kWriting:
      break;
  }
}

void Session::close_now() { transport_.close_now(); }

void Session::rest() {
  head_reader_.clear(kKeptBytesMax);
  clear_keeping(body_, kKeptBytesMax);
  clear_keeping(out_, kKeptBytesMax);
  body_charge_.release();
}

void Session::park() {
  parking_ = false;
  buffer_.reset();
  head_reader_.clear(0);
  free_memory(body_);
  free_memory(out_);
  free_memory(head_.headers);
  free_memory(request_.headers);
}

}  // namespace bitvault::http
