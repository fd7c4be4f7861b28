// For tests: keys and certificates in PEM, made on the spot.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "base/check.h"

namespace bitvault::webhooks::test {

class TestKey {
 public:
  TestKey() : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), &EVP_PKEY_free) {}

  // With a passphrase unless that is empty.
  [[nodiscard]] std::string pem(const std::string& passphrase = "") const {
    const Bio bio(BIO_new(BIO_s_mem()), &BIO_free);
    const bool done =
        PEM_write_bio_PKCS8PrivateKey(
            bio.get(), key_.get(), passphrase.empty() ? nullptr : EVP_aes_128_cbc(),
            passphrase.c_str(), static_cast<int>(passphrase.size()), nullptr, nullptr) == 1;
    check(done, "a key is written");
    return text(bio.get());
  }

  // A self-signed certificate.
  [[nodiscard]] std::string certificate(const std::string& name = "client") const {
    const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), &X509_free);
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3'600);
    X509_set_pubkey(made.get(), key_.get());
    X509_NAME* const subject = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(made.get(), subject);
    check(X509_sign(made.get(), key_.get(), EVP_sha256()) > 0, "a certificate is signed");
    const Bio bio(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_X509(bio.get(), made.get());
    return text(bio.get());
  }

 private:
  using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

  static std::string text(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
  }

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

}  // namespace bitvault::webhooks::test
