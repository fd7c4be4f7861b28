// Cursors: the opaque, signed tokens by which a client says how far it has read.
//
// A cursor holds the epoch and the position (every event up to and including it was read) and a
// MAC under the tenant's key, so a client can neither forge one nor use another tenant's. Its text
// is base64url of: version 1, key id 0, epoch (12), sequence (8, big endian), MAC (16 bytes of
// HMAC-SHA256).
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/crypto.h"
#include "base/error.h"
#include "base/sequence.h"
#include "base/tenant_name.h"
#include "event/id.h"

namespace bitvault {

struct Position {
  Epoch epoch;
  Sequence sequence;
  bool operator==(const Position&) const = default;
};

// Makes and opens the cursors of every tenant of one installation. Thread-safe.
class CursorCodec {
 public:
  explicit CursorCodec(const SecretKey& master) : key_(master.derive("cursor", "")) {}

  [[nodiscard]] std::string seal(const TenantName& tenant, const Position& position) const;
  // Error: kCursorInvalid for whatever seal() did not make for this tenant.
  [[nodiscard]] Result<Position> open(const TenantName& tenant, std::string_view text) const;

 private:
  static constexpr std::size_t kDerivedKeysMax = 4'096;

  [[nodiscard]] SecretKey sealing_key(const TenantName& tenant, std::string_view epoch) const;
  [[nodiscard]] SecretKey opening_key(const TenantName& tenant, std::string_view epoch) const;

  const SecretKey key_;
  mutable std::mutex mutex_;
  // Of tenants for whom a cursor was sealed: deriving a key costs more than the rest. By tenant and
  // epoch; guarded by mutex_.
  mutable std::unordered_map<std::string, SecretKey> derived_;
};

}  // namespace bitvault
