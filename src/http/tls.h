// The certificate and key that a server shows, read from PEM files, and read again on demand.
//
// TLS 1.2 with forward secrecy and authenticated ciphers only, or 1.3; ALPN http/1.1; no
// renegotiation, no compression; resumption by tickets. Connections keep what they began with when
// the files are read again. A key with a passphrase is refused, nobody being there to type it.
//
// OpenSSL writes with write(2): the process ignores SIGPIPE.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"

struct ssl_st;
struct ssl_ctx_st;

namespace bitvault::http {

struct TlsFiles {
  std::string certificate;  // the server's first, then those of its chain
  std::string key;
};

struct FreeTls {
  void operator()(ssl_st* connection) const;
  void operator()(ssl_ctx_st* context) const;
};
using TlsConnection = std::unique_ptr<ssl_st, FreeTls>;

// Thread-safe.
class Tls {
 public:
  // Error: kInvalid, in one line that names the file and says what is wrong with it.
  [[nodiscard]] static Result<std::unique_ptr<Tls>> load(TlsFiles files);

  // Reads the files again, for connections to come. On an error the former pair stays.
  [[nodiscard]] Status reload();

  // The server's side of a new connection over a non-blocking socket. Null: no memory.
  [[nodiscard]] TlsConnection accept(int socket) const;

 private:
  using Context = std::unique_ptr<ssl_ctx_st, FreeTls>;

  Tls(TlsFiles files, Context context);
  [[nodiscard]] static Result<Context> read(const TlsFiles& files);

  const TlsFiles files_;
  mutable std::mutex mutex_;
  Context context_;  // guarded by mutex_
};

}  // namespace bitvault::http
