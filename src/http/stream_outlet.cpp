#include "http/stream_outlet.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "base/check.h"

namespace bitvault::http {
namespace {

namespace net = boost::asio;

constexpr auto kToken = net::as_tuple(net::use_awaitable);
constexpr std::size_t kPiecesAtOnce = 64;  // asio passes no more to one writev()

using Buffers = std::array<net::const_buffer, kPiecesAtOnce>;

std::span<const net::const_buffer> buffers_of(std::span<const std::string_view> pieces,
                                              Buffers& buffers) {
  const std::size_t count = std::min(pieces.size(), buffers.size());
  for (std::size_t i = 0; i < count; ++i) {
    buffers[i] = net::buffer(pieces[i]);
  }
  return std::span(buffers).first(count);
}

}  // namespace

StreamOutlet::StreamOutlet(Socket& socket, SessionContext& context)
    : socket_(socket), context_(context) {}

bool StreamOutlet::send(std::span<const std::string_view> pieces,
                        std::shared_ptr<const void> owner) {
  check(!rest_, "nothing is sent before what is kept");
  Buffers buffers;
  boost::system::error_code error;
  while (!broken_ && !pieces.empty()) {
    const auto now = buffers_of(pieces, buffers);
    std::size_t sent = socket_.write_some(now, error);
    context_.counters.bytes_sent.add(sent);
    while (!pieces.empty() && sent >= pieces.front().size()) {
      sent -= pieces.front().size();
      pieces = pieces.subspan(1);
    }
    if (error == net::error::would_block || sent > 0) {
      keep(pieces, sent, std::move(owner));
      return false;
    }
    if (error) {
      cut();
    }
  }
  return !broken_;
}

// Keeps the pieces but for the first `sent` bytes.
void StreamOutlet::keep(std::span<const std::string_view> pieces, std::size_t sent,
                        std::shared_ptr<const void> owner) {
  rest_ = std::make_unique<Rest>(context_.answers);
  rest_->owner = std::move(owner);
  rest_->pieces.assign(pieces.begin(), pieces.end());
  rest_->pieces.front().remove_prefix(sent);
  std::size_t size = 0;
  for (const std::string_view piece : rest_->pieces) {
    size += piece.size();
  }
  if (!rest_->charge.raise_to(size)) {
    cut();
  }
  const MonotonicTime now = context_.world.clock().monotonic();
  rest_->progress_until = now + context_.options.write_timeout;
  rest_->all_until = rest_->progress_until +
                     std::chrono::seconds(size / context_.options.write_bytes_per_second_min);
}

void StreamOutlet::send_some() {
  std::vector<std::string_view>& pieces = rest_->pieces;
  Buffers buffers;
  boost::system::error_code error;
  std::size_t sent = socket_.write_some(buffers_of(pieces, buffers), error);
  context_.counters.bytes_sent.add(sent);
  if (error && error != net::error::would_block) {
    cut();
    return;
  }
  if (sent > 0) {
    rest_->progress_until = context_.world.clock().monotonic() + context_.options.write_timeout;
  }
  const auto left = std::ranges::find_if(pieces, [&](std::string_view piece) {
    const bool is_whole = sent >= piece.size();
    sent -= is_whole ? piece.size() : 0;
    return !is_whole;
  });
  pieces.erase(pieces.begin(), left);
  if (pieces.empty()) {
    rest_.reset();
  } else {
    pieces.front().remove_prefix(sent);
  }
}

Task<bool> StreamOutlet::flushed() {
  bool cancelled = co_await is_cancelled();
  wait_ = Wait::kFlush;
  while (rest_ && !broken_ && !cancelled) {
    const auto [failed] = co_await socket_.async_wait(Socket::wait_write, kToken);
    static_cast<void>(failed);  // a cancelled wait, or send_some() meets it as well
    cancelled = co_await is_cancelled();
    if (!broken_ && !cancelled) {
      send_some();
    }
  }
  wait_ = Wait::kNone;
  rest_.reset();
  co_return !broken_ && !cancelled;
}

Task<bool> StreamOutlet::rest() {
  bool cancelled = co_await is_cancelled();
  wait_ = Wait::kRest;
  while (!roused_ && !broken_ && !cancelled) {
    const auto [failed] = co_await socket_.async_wait(Socket::wait_read, kToken);
    cancelled = co_await is_cancelled();
    if (!failed && !take_input()) {
      broken_ = true;
      context_.counters.clients_gone.add();
    }
  }
  wait_ = Wait::kNone;
  roused_ = false;
  co_return !broken_ && !cancelled;
}

void StreamOutlet::rouse() {
  roused_ = true;
  if (wait_ == Wait::kRest) {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }
}

void StreamOutlet::tick(MonotonicTime now) {
  if (wait_ == Wait::kFlush && rest_ && (rest_->progress_until <= now || rest_->all_until <= now)) {
    context_.counters.streams_too_slow.add();
    cut();
  }
}

// Reads over what the client sends during a stream; false when it has closed its side.
bool StreamOutlet::take_input() {
  std::array<char, 512> ignored;
  const ssize_t count =
      ::recv(socket_.native_handle(), ignored.data(), ignored.size(), MSG_DONTWAIT);
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

void StreamOutlet::cut() {
  broken_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

}  // namespace bitvault::http
