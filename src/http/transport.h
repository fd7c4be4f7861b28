// The bytes of one connection: a non-blocking socket, plain or under TLS.
//
// Reading and writing say at once what was moved; waiting is a call of its own, so that who waits
// for long need not hold a buffer meanwhile. A plain connection costs what its socket costs.
//
// Of one thread, the connection's. One wait at a time for each direction; cancel_waits() ends them.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "http/tls.h"
#include "world/world.h"

namespace bitvault::http {

using Socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

class Transport {
 public:
  enum class State : std::uint8_t { kDone, kBlocked, kEnded };
  struct Moved {
    std::size_t count = 0;  // also of what was moved before it blocked
    State state = State::kDone;
  };
  enum class Greeting : std::uint8_t { kDone, kFailed, kPlainHttp };
  using Waited = std::tuple<boost::system::error_code>;
  using Read = std::tuple<boost::system::error_code, std::size_t>;

  // A connection on its way from one thread to another. Closed when it gets nowhere.
  class Loose {
   public:
    Loose(Loose&& other) noexcept;
    Loose& operator=(Loose&&) = delete;
    ~Loose();

   private:
    friend class Transport;
    Loose(int socket, boost::asio::ip::tcp protocol, TlsConnection ssl)
        : socket_(socket), protocol_(protocol), ssl_(std::move(ssl)) {}

    int socket_;  // -1: none
    boost::asio::ip::tcp protocol_;
    TlsConnection ssl_;
  };

  // Without `tls` it is plain. What cannot be set on the socket shows when it is used.
  Transport(Socket socket, const Tls* tls);
  // On a thread of the context.
  Transport(Loose loose, boost::asio::io_context& context);
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Gives the connection away; nobody waits for it, and all that was written was taken.
  [[nodiscard]] Loose release();

  // Whether a greeting comes first.
  [[nodiscard]] bool is_secure() const { return tls_ != nullptr; }
  // The handshake. It takes no memory before the client sends something. After kPlainHttp, the
  // client not speaking TLS, the connection is plain, and the first bytes of a request are read.
  [[nodiscard]] Task<Greeting> greet();

  // Waits for bytes and reads what has come: at least one, or there is an error.
  [[nodiscard]] Task<Read> read(char* to, std::size_t size);
  // Reads exactly that many, unless there is an error.
  [[nodiscard]] Task<Read> read_all(char* to, std::size_t size);
  // Reads over what has come, as far as it likes; kEnded when the client sends no more.
  [[nodiscard]] State skip();

  // Writes until all is written or the client takes no more. After kBlocked the next write begins
  // with the same bytes as what was left over.
  [[nodiscard]] Moved write(std::span<const std::string_view> pieces);

  // Wait until it is worth trying again. An error when the wait was cancelled.
  [[nodiscard]] Task<Waited> readable();
  [[nodiscard]] Task<Waited> writable();

  // Whether the client sends no more and all that it sent was read; reads nothing.
  [[nodiscard]] bool peer_has_ended();
  [[nodiscard]] bool peer_is_loopback() const;

  void finish_sending();
  // Says goodbye where TLS does.
  void close();
  // Does not: whatever is under way ends.
  void close_now();
  void cancel_waits();

 private:
  [[nodiscard]] Task<Read> read_tls(char* to, std::size_t size);
  [[nodiscard]] Task<Read> read_all_tls(char* to, std::size_t size);
  [[nodiscard]] Moved read_some_tls(char* to, std::size_t size);
  [[nodiscard]] Moved write_plain(std::span<const std::string_view> pieces);
  [[nodiscard]] Moved write_tls(std::span<const std::string_view> pieces);
  [[nodiscard]] bool usable() const;
  [[nodiscard]] State state_after(int result, bool& other_way, bool other_is_read);
  void say_goodbye();

  Socket socket_;
  const Tls* tls_;
  TlsConnection ssl_;              // once the client has sent something
  bool broken_ = false;            // the TLS connection, which is not touched again
  bool read_wants_write_ = false;  // as the last call left them
  bool write_wants_read_ = false;
  bool write_blocked_ = false;
  bool goodbye_said_ = false;
};

}  // namespace bitvault::http
