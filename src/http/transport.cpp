#include "http/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <utility>

namespace bitvault::http {
namespace {

namespace net = boost::asio;
using net::ip::tcp;

constexpr auto kToken = net::as_tuple(net::use_awaitable);
constexpr std::size_t kPiecesAtOnce = 64;
constexpr std::size_t kRecordBytes = 16 * 1024;  // TLS allows no more

bool is_passing(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// The pieces without their first `count` bytes; those of the first that is left begin at `offset`.
void advance(std::span<const std::string_view>& pieces, std::size_t& offset, std::size_t count) {
  offset += count;
  while (!pieces.empty() && offset >= pieces.front().size()) {
    offset -= pieces.front().size();
    pieces = pieces.subspan(1);
  }
}

// Many small pieces become one record. The same pieces give the same bytes, as a second try must.
std::string_view gather(std::span<const std::string_view> pieces, std::size_t offset,
                        std::array<char, kRecordBytes>& record) {
  const std::string_view first = pieces.front().substr(offset);
  if (first.size() >= record.size() || pieces.size() == 1) {
    return first;
  }
  std::size_t size = 0;
  for (const std::string_view piece : pieces) {
    const std::string_view part = size == 0 ? piece.substr(offset) : piece;
    const std::size_t taken = std::min(part.size(), record.size() - size);
    std::ranges::copy(part.substr(0, taken), record.begin() + static_cast<std::ptrdiff_t>(size));
    size += taken;
    if (size == record.size()) {
      break;
    }
  }
  return {record.data(), size};
}

Task<Transport::Waited> at_once() { co_return Transport::Waited{}; }

}  // namespace

Transport::Transport(Socket socket, const Tls* tls) : socket_(std::move(socket)), tls_(tls) {
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
}

Transport::Transport(Loose loose, net::io_context& context)
    : socket_(context), tls_(nullptr), ssl_(std::move(loose.ssl_)) {
  boost::system::error_code error;
  socket_.assign(loose.protocol_, loose.socket_, error);
  if (!error) {
    loose.socket_ = -1;
    socket_.non_blocking(true, error);
  }
}

Transport::Loose::Loose(Loose&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      protocol_(other.protocol_),
      ssl_(std::move(other.ssl_)) {}

Transport::Loose::~Loose() {
  if (socket_ >= 0) {
    ::close(socket_);
  }
}

Transport::Loose Transport::release() {
  boost::system::error_code error;
  const auto local = socket_.local_endpoint(error);
  const int socket = broken_ ? -1 : socket_.release(error);
  return {error ? -1 : socket, local.protocol(), std::move(ssl_)};
}

// The descriptor may belong to another connection as soon as this one is closed.
bool Transport::usable() const { return ssl_ && !broken_ && socket_.is_open(); }

// What became of a call of OpenSSL. `other_way` tells whether it waits for the other direction.
Transport::State Transport::state_after(int result, bool& other_way, bool other_is_read) {
  other_way = false;
  if (result > 0) {
    return State::kDone;
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      other_way = other_is_read;
      return State::kBlocked;
    case SSL_ERROR_WANT_WRITE:
      other_way = !other_is_read;
      return State::kBlocked;
    case SSL_ERROR_ZERO_RETURN:
      return State::kEnded;
    default:
      broken_ = true;
      return State::kEnded;
  }
}

Task<Transport::Greeting> Transport::greet() {
  const auto [nobody] = co_await socket_.async_wait(Socket::wait_read, kToken);
  if (!nobody) {
    ssl_ = tls_->accept(socket_.native_handle());
  }
  while (usable()) {
    ERR_clear_error();
    const int result = SSL_accept(ssl_.get());
    const State state = state_after(result, read_wants_write_, false);
    if (state == State::kDone) {
      co_return Greeting::kDone;
    }
    if (state == State::kEnded) {
      broken_ = true;
      if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
        ssl_.reset();
        tls_ = nullptr;
        co_return Greeting::kPlainHttp;
      }
      co_return Greeting::kFailed;
    }
    const auto way = read_wants_write_ ? Socket::wait_write : Socket::wait_read;
    const auto [failed] = co_await socket_.async_wait(way, kToken);
    if (failed) {
      break;
    }
  }
  broken_ = true;
  co_return Greeting::kFailed;
}

Task<Transport::Read> Transport::read(char* to, std::size_t size) {
  return ssl_ ? read_tls(to, size) : socket_.async_read_some(net::buffer(to, size), kToken);
}

Task<Transport::Read> Transport::read_all(char* to, std::size_t size) {
  return ssl_ ? read_all_tls(to, size) : net::async_read(socket_, net::buffer(to, size), kToken);
}

Task<Transport::Read> Transport::read_tls(char* to, std::size_t size) {
  while (true) {
    const Moved moved = read_some_tls(to, size);
    if (moved.state != State::kBlocked) {
      co_return Read{moved.state == State::kDone ? boost::system::error_code() : net::error::eof,
                     moved.count};
    }
    const auto way = read_wants_write_ ? Socket::wait_write : Socket::wait_read;
    const auto [failed] = co_await socket_.async_wait(way, kToken);
    if (failed) {
      co_return Read{failed, 0};
    }
  }
}

Task<Transport::Read> Transport::read_all_tls(char* to, std::size_t size) {
  std::size_t have = 0;
  while (have < size) {
    const auto [failed, count] = co_await read_tls(to + have, size - have);
    have += count;
    if (failed) {
      co_return Read{failed, have};
    }
  }
  co_return Read{{}, have};
}

Transport::Moved Transport::read_some_tls(char* to, std::size_t size) {
  if (!usable()) {
    return {0, State::kEnded};
  }
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_read_ex(ssl_.get(), to, size, &count);
  const State state = state_after(result, read_wants_write_, false);
  return {count, state};
}

Transport::State Transport::skip() {
  std::array<char, 512> ignored;
  if (!ssl_) {
    const ssize_t count =
        ::recv(socket_.native_handle(), ignored.data(), ignored.size(), MSG_DONTWAIT);
    return count > 0                        ? State::kDone
           : count < 0 && is_passing(errno) ? State::kBlocked
                                            : State::kEnded;
  }
  Moved moved;
  do {
    moved = read_some_tls(ignored.data(), ignored.size());
  } while (moved.state == State::kDone && SSL_pending(ssl_.get()) > 0);
  return moved.state;
}

Transport::Moved Transport::write(std::span<const std::string_view> pieces) {
  return ssl_ ? write_tls(pieces) : write_plain(pieces);
}

Transport::Moved Transport::write_plain(std::span<const std::string_view> pieces) {
  Moved moved;
  std::size_t offset = 0;
  advance(pieces, offset, 0);
  while (!pieces.empty()) {
    std::array<iovec, kPiecesAtOnce> parts;
    const std::size_t parts_count = std::min(pieces.size(), parts.size());
    std::size_t size = 0;
    for (std::size_t i = 0; i < parts_count; ++i) {
      const std::string_view part = i == 0 ? pieces[i].substr(offset) : pieces[i];
      parts[i] = {const_cast<char*>(part.data()), part.size()};
      size += part.size();
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts_count;
    const ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) {
        continue;
      }
      moved.state = is_passing(errno) ? State::kBlocked : State::kEnded;
      return moved;
    }
    const auto count = static_cast<std::size_t>(sent);
    moved.count += count;
    if (count < size) {
      moved.state = State::kBlocked;
      return moved;
    }
    advance(pieces, offset, count);
  }
  return moved;
}

Transport::Moved Transport::write_tls(std::span<const std::string_view> pieces) {
  Moved moved;
  std::size_t offset = 0;
  advance(pieces, offset, 0);
  while (!pieces.empty()) {
    if (!usable()) {
      moved.state = State::kEnded;
      return moved;
    }
    std::array<char, kRecordBytes> record;
    const std::string_view bytes = gather(pieces, offset, record);
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
    moved.state = state_after(result, write_wants_read_, true);
    write_blocked_ = moved.state == State::kBlocked;
    if (moved.state != State::kDone) {
      return moved;
    }
    moved.count += count;
    advance(pieces, offset, count);
  }
  return moved;
}

Task<Transport::Waited> Transport::readable() {
  // What is decrypted already does not make the socket readable.
  return usable() && SSL_pending(ssl_.get()) > 0 ? at_once()
                                                 : socket_.async_wait(Socket::wait_read, kToken);
}

Task<Transport::Waited> Transport::writable() {
  return socket_.async_wait(write_wants_read_ ? Socket::wait_read : Socket::wait_write, kToken);
}

bool Transport::peer_has_ended() {
  if (!socket_.is_open()) {
    return false;
  }
  char byte = 0;
  const ssize_t count = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count > 0 && ssl_) {  // a request, or the goodbye of TLS
    ERR_clear_error();
    std::size_t peeked = 0;
    return !usable() || state_after(SSL_peek_ex(ssl_.get(), &byte, 1, &peeked), read_wants_write_,
                                    false) == State::kEnded;
  }
  return count == 0 || (count < 0 && !is_passing(errno));
}

bool Transport::peer_is_loopback() const {
  boost::system::error_code error;
  const auto peer = socket_.remote_endpoint(error);
  return !error && peer.address().is_loopback();
}

void Transport::say_goodbye() {
  if (usable() && !write_blocked_ && !goodbye_said_) {
    goodbye_said_ = true;
    ERR_clear_error();
    static_cast<void>(SSL_shutdown(ssl_.get()));
    ERR_clear_error();
  }
}

void Transport::finish_sending() {
  say_goodbye();
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void Transport::close() {
  say_goodbye();
  close_now();
}

void Transport::close_now() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Transport::cancel_waits() {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

}  // namespace bitvault::http
