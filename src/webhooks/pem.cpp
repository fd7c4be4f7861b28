#include "webhooks/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace bitvault::webhooks {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Certificate = std::unique_ptr<X509, Free>;

Bio reader(std::string_view pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

Certificate next_certificate(BIO* bio) {
  Certificate certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

// Nobody is asked for a passphrase.
int no_passphrase(char* /*to*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

}  // namespace

std::string judge_authorities(std::string_view pem) {
  return next_certificate(reader(pem).get()) ? "" : "must be one or more certificates in PEM";
}

std::string judge_certificate(std::string_view pem) {
  return next_certificate(reader(pem).get())
             ? ""
             : "must be a certificate in PEM, with its chain behind it";
}

std::string judge_private_key(std::string_view pem, std::string_view certificate) {
  const std::unique_ptr<EVP_PKEY, Free> key(
      PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key) {
    return "must be a private key in PEM, without a passphrase";
  }
  const Certificate own = next_certificate(reader(certificate).get());
  const bool belongs = own && X509_check_private_key(own.get(), key.get()) == 1;
  ERR_clear_error();
  return belongs ? "" : "does not belong to the client certificate";
}

}  // namespace bitvault::webhooks
