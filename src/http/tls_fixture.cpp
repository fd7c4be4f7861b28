#include "http/tls_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <limits>
#include <memory>

#include "base/check.h"

namespace bitvault::http {
namespace {

namespace net = boost::asio;

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Free>;

File open(const std::string& path) {
  File file(std::fopen(path.c_str(), "wb"));
  check(file != nullptr, "a file in the temporary folder");
  return file;
}

// Of all clients; they trust everybody.
ssl_ctx_st* client_context() {
  static const std::unique_ptr<ssl_ctx_st, FreeTls> kContext(SSL_CTX_new(TLS_client_method()));
  return kContext.get();
}

}  // namespace

TlsFolder::TlsFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "bitvault-tls-XXXXXX").string();
  check(::mkdtemp(name.data()) != nullptr, "a temporary folder");
  folder_ = name;
  make("localhost");
}

TlsFolder::~TlsFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

TlsFiles TlsFolder::files() const {
  return {(folder_ / "certificate.pem").string(), (folder_ / "key.pem").string()};
}

void TlsFolder::make(const std::string& name) const {
  const std::unique_ptr<EVP_PKEY, Free> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free> certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  X509_set_pubkey(certificate.get(), key.get());
  check(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "a certificate is signed");
  const TlsFiles paths = files();
  PEM_write_X509(open(paths.certificate).get(), certificate.get());
  PEM_write_PrivateKey(open(paths.key).get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

bool Client::greet(const Wishes& wishes) {
  if (!wishes.tls) {
    return true;
  }
  tls_.reset(SSL_new(client_context()));
  if (wishes.version_max != 0) {
    SSL_set_max_proto_version(tls_.get(), wishes.version_max);
  }
  if (!wishes.protocol.empty()) {
    const std::string list = static_cast<char>(wishes.protocol.size()) + wishes.protocol;
    SSL_set_alpn_protos(tls_.get(), reinterpret_cast<const unsigned char*>(list.data()),
                        static_cast<unsigned>(list.size()));
  }
  if (!wishes.ciphers.empty()) {
    SSL_set_cipher_list(tls_.get(), wishes.ciphers.c_str());
  }
  SSL_set_fd(tls_.get(), socket_.native_handle());
  return SSL_connect(tls_.get()) == 1;
}

bool Client::greet_in_pieces() {
  tls_.reset(SSL_new(client_context()));
  BIO* const in = BIO_new(BIO_s_mem());
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(tls_.get(), in, out);
  std::array<char, 4096> bytes;
  int result = SSL_connect(tls_.get());
  while (result != 1) {
    char byte = 0;
    while (BIO_read(out, &byte, 1) == 1) {
      net::write(socket_, net::buffer(&byte, 1));
    }
    boost::system::error_code error;
    const std::size_t count = socket_.read_some(net::buffer(bytes), error);
    if (error) {
      return false;
    }
    BIO_write(in, bytes.data(), static_cast<int>(count));
    result = SSL_connect(tls_.get());
  }
  char byte = 0;
  while (BIO_read(out, &byte, 1) == 1) {
    net::write(socket_, net::buffer(&byte, 1));
  }
  // What is left in `in`, the tickets, is not needed: the socket takes its place.
  SSL_set_fd(tls_.get(), socket_.native_handle());
  return true;
}

void Client::send(std::string_view bytes) {
  boost::system::error_code error;  // that the server does not want it shows in its answer
  if (!tls_) {
    net::write(socket_, net::buffer(bytes), error);
    return;
  }
  std::size_t written = 0;
  while (!bytes.empty() && SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &written) == 1) {
    bytes.remove_prefix(written);
  }
}

std::size_t Client::read_some(char* to, std::size_t size) {
  boost::system::error_code error;
  if (!tls_) {
    return socket_.read_some(net::buffer(to, size), error);
  }
  std::size_t count = 0;
  return SSL_read_ex(tls_.get(), to, size, &count) == 1 ? count : 0;
}

void Client::finish() {
  if (tls_) {
    SSL_shutdown(tls_.get());
    return;
  }
  boost::system::error_code ignored;
  socket_.shutdown(net::ip::tcp::socket::shutdown_send, ignored);
}

bool Client::is_readable() {
  pollfd readable{socket_.native_handle(), POLLIN, 0};
  return ::poll(&readable, 1, 1) > 0;
}

void Client::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

std::string Client::certificate_name() const {
  const std::unique_ptr<X509, Free> certificate(SSL_get1_peer_certificate(tls_.get()));
  std::string name(64, '\0');
  const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()),
                                               NID_commonName, name.data(), 64);
  name.resize(static_cast<std::size_t>(std::max(length, 0)));
  return name;
}

std::string Client::protocol() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(tls_.get(), &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

std::string Client::version() const { return SSL_get_version(tls_.get()); }

bool Client::was_told_the_end() const {
  return !tls_ || (SSL_get_shutdown(tls_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void Client::update_keys() { SSL_key_update(tls_.get(), SSL_KEY_UPDATE_REQUESTED); }

}  // namespace bitvault::http
