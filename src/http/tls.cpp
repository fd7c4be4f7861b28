#include "http/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

namespace bitvault::http {
namespace {

// Of TLS 1.2; all that 1.3 has are good.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::string_view kProtocol = "http/1.1";

// The latest reason in OpenSSL's queue, which it empties.
std::string why() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

Status check_readable(std::string_view what, const std::string& file) {
  std::FILE* const opened = std::fopen(file.c_str(), "rb");
  const int error = errno;
  if (opened == nullptr) {
    return fail(Code::kInvalid, fmt::format("the {} {} cannot be read: {}", what, file,
                                            std::generic_category().message(error)));
  }
  std::fclose(opened);
  return {};
}

// Instead of OpenSSL's own, which asks the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

int choose_protocol(ssl_st*, const unsigned char** chosen, unsigned char* chosen_length,
                    const unsigned char* offered, unsigned offered_length, void*) {
  for (unsigned at = 0; at < offered_length; at += 1 + offered[at]) {
    const unsigned length = offered[at];
    if (length >= offered_length - at) {
      break;
    }
    if (std::string_view(reinterpret_cast<const char*>(offered + at + 1), length) == kProtocol) {
      *chosen = offered + at + 1;
      *chosen_length = static_cast<unsigned char>(length);
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool configure(ssl_ctx_st* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // A write that blocked is tried again from wherever its bytes are by then.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kCiphers) == 1;
}

}  // namespace

void FreeTls::operator()(ssl_st* connection) const { SSL_free(connection); }
void FreeTls::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Tls::Tls(TlsFiles files, Context context)
    : files_(std::move(files)), context_(std::move(context)) {}

Result<Tls::Context> Tls::read(const TlsFiles& files) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()));
  if (!context || !configure(context.get())) {
    return fail(Code::kInternal, fmt::format("TLS cannot be set up: {}", why()));
  }
  if (Status readable = check_readable("certificate", files.certificate); !readable) {
    return fail(std::move(readable.error()));
  }
  if (Status readable = check_readable("key", files.key); !readable) {
    return fail(std::move(readable.error()));
  }
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
    return fail(Code::kInvalid,
                fmt::format("the certificate {} is not one in PEM: {}", files.certificate, why()));
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool is_other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                          ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
    const std::string reason = why();
    return fail(Code::kInvalid,
                is_other ? fmt::format("the key {} is not that of the certificate {}", files.key,
                                       files.certificate)
                         : fmt::format("the key {} is not one in PEM without a passphrase: {}",
                                       files.key, reason));
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    return fail(Code::kInvalid, fmt::format("the key {} is not that of the certificate {}: {}",
                                            files.key, files.certificate, why()));
  }
  return context;
}

Result<std::unique_ptr<Tls>> Tls::load(TlsFiles files) {
  Result<Context> context = read(files);
  if (!context) {
    return fail(std::move(context.error()));
  }
  return std::unique_ptr<Tls>(new Tls(std::move(files), std::move(*context)));
}

Status Tls::reload() {
  Result<Context> context = read(files_);
  if (!context) {
    return fail(std::move(context.error()));
  }
  const std::lock_guard lock(mutex_);
  context_.swap(*context);
  return {};
}

TlsConnection Tls::accept(int socket) const {
  ERR_clear_error();
  TlsConnection connection;
  {
    const std::lock_guard lock(mutex_);
    connection.reset(SSL_new(context_.get()));
  }
  if (connection && SSL_set_fd(connection.get(), socket) != 1) {
    connection.reset();
  }
  if (connection) {
    SSL_set_accept_state(connection.get());
  }
  return connection;
}

}  // namespace bitvault::http
