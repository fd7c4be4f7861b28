// The few cryptographic operations the system stands on, over OpenSSL 3.
//
// Thread-safe. A failure of OpenSSL itself (out of memory) ends the process: no operation here can
// fail because of its input.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace bitvault {

using Digest = std::array<std::byte, 32>;

// FIPS 180-4.
[[nodiscard]] Digest sha256(std::string_view bytes);

// RFC 6962, 2.1: SHA-256(0x00 || bytes), the Merkle leaf of an event.
[[nodiscard]] Digest leaf_hash(std::string_view bytes);

// RFC 2104 with SHA-256.
[[nodiscard]] Digest hmac_sha256(std::span<const std::byte> key, std::string_view bytes);

[[nodiscard]] bool equal_in_constant_time(std::span<const std::byte> a,
                                          std::span<const std::byte> b);

// A secret of 32 bytes: it cannot be printed or compared except in constant time, and is wiped when
// it goes.
class SecretKey {
 public:
  explicit SecretKey(std::span<const std::byte, 32> bytes);
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();

  // The key for one purpose and context, HMAC-SHA256(this, purpose || 0x00 || context): knowing it
  // tells nothing of this key or of its other children. `purpose` holds no NUL byte.
  [[nodiscard]] SecretKey derive(std::string_view purpose, std::string_view context) const;

  [[nodiscard]] std::span<const std::byte, 32> reveal() const { return bytes_; }

 private:
  std::array<std::byte, 32> bytes_;
};

}  // namespace bitvault
