// Whether PEM texts are what they should be, before a connection is made with them.
#pragma once

#include <string>
#include <string_view>

namespace bitvault::webhooks {

// A sentence about what is wrong; empty when nothing is. None of them has anything of a key in it.
[[nodiscard]] std::string judge_authorities(std::string_view pem);
[[nodiscard]] std::string judge_certificate(std::string_view pem);
// A private key without a passphrase that belongs to the certificate.
[[nodiscard]] std::string judge_private_key(std::string_view pem, std::string_view certificate);

}  // namespace bitvault::webhooks
