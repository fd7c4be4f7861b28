// For tests of TLS: certificates made on the spot, and a client that speaks plain or TLS.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <filesystem>
#include <string>
#include <string_view>

#include "http/tls.h"

namespace bitvault::http {

// A temporary folder with a certificate and its key in it.
class TlsFolder {
 public:
  TlsFolder();
  ~TlsFolder();
  TlsFolder(const TlsFolder&) = delete;
  TlsFolder& operator=(const TlsFolder&) = delete;

  // Self-signed for this name, in place of those before.
  void make(const std::string& name) const;

  [[nodiscard]] TlsFiles files() const;

 private:
  std::filesystem::path folder_;
};

// A connection of a client, blocking. Moves only; it stays where it is while it is used.
class Client {
 public:
  struct Wishes {
    bool tls = false;
    int version_max = 0;        // of OpenSSL's numbers; 0: the newest
    std::string protocol = "";  // asked for by ALPN
    std::string ciphers = "";   // of TLS 1.2
  };

  explicit Client(boost::asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  // The handshake. False, and unusable, when the server does not want it.
  bool greet(const Wishes& wishes);
  // The same, every byte a packet of its own.
  bool greet_in_pieces();

  void send(std::string_view bytes);
  // At least one byte, or 0 at the end.
  [[nodiscard]] std::size_t read_some(char* to, std::size_t size);
  // Sends no more. Under TLS the socket goes on, only the goodbye is said.
  void finish();
  // Whether there is something to read within a millisecond.
  [[nodiscard]] bool is_readable();
  void close();

  [[nodiscard]] boost::asio::ip::tcp::socket& socket() { return socket_; }
  // Of the handshake.
  [[nodiscard]] std::string certificate_name() const;
  [[nodiscard]] std::string protocol() const;
  [[nodiscard]] std::string version() const;
  // Whether the server said goodbye before it closed.
  [[nodiscard]] bool was_told_the_end() const;
  void update_keys();

 private:
  boost::asio::ip::tcp::socket socket_;
  TlsConnection tls_;
};

}  // namespace bitvault::http
