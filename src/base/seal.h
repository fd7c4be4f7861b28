// Secrets at rest: sealed with AES-256-GCM under a key of their tenant, which is derived from the
// installation's master key.
//
// What is sealed is bound to its place: a Sealer opens it for the same tenant and the same identity
// only, so that nobody who can write to the store can move one record's secret into another. The
// text is base64url of: version 1, key id 0, nonce (12 bytes), ciphertext, tag (16 bytes).
// Thread-safe.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/error.h"
#include "base/secret_text.h"
#include "base/tenant_name.h"

namespace bitvault {

class Sealer {
 public:
  static constexpr std::size_t kNonceBytes = 12;

  Sealer(const SecretKey& master, const TenantName& tenant)
      : key_(master.derive("seal", tenant.str())) {}

  // `identity` says what the secret is of, such as "webhook/whk_1/secret"; `nonce` is random, and
  // no two are the same.
  [[nodiscard]] std::string seal(const SecretText& secret, std::string_view identity,
                                 std::span<const std::byte, kNonceBytes> nonce) const;
  // Error: kInternal for what seal() did not make with this tenant and identity.
  [[nodiscard]] Result<SecretText> open(std::string_view sealed, std::string_view identity) const;

 private:
  SecretKey key_;
};

}  // namespace bitvault
