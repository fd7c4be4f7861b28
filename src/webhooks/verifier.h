// Verifies what signature.h signs: for receivers, such as our own `listen`.
//
// The timestamp may differ from the receiver's clock by kTolerance, both ways, so that a delivery
// that was listened to cannot be sent again much later. Entries of unknown versions are passed
// over. Digests are compared in constant time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret_text.h"
#include "base/time.h"
#include "webhooks/ed25519.h"

namespace bitvault::webhooks {

enum class Verification : std::uint8_t {
  kValid,
  kMissingHeader,
  kBadId,         // a dot in it would let two messages sign the same
  kBadTimestamp,  // not whole Unix seconds
  kTooOld,
  kTooNew,
  kBadSignature,   // not a list of entries "<version>,<base64>"
  kNoSuchVersion,  // nothing that one of the keys could verify
  kMismatch,
};

// A sentence for a person.
[[nodiscard]] std::string_view explain(Verification verification);

class Verifier {
 public:
  static constexpr std::chrono::seconds kTolerance{300};
  static constexpr std::size_t kEntriesMax = 32;  // of one header

  // Takes one more secret, "whsec_..." or "whpk_...": a signature by any of them will do.
  // Error: kInvalid, without the text.
  [[nodiscard]] Status add(std::string_view key);

  // The headers' values, empty when they are absent.
  struct Signed {
    std::string_view id;
    std::string_view timestamp;
    std::string_view signature;
    std::string_view body;
  };
  [[nodiscard]] Verification verify(const Signed& message, WallTime now) const;

 private:
  struct Tried {
    bool known = false;  // there was a key of the entry's version
    bool valid = false;
  };
  [[nodiscard]] Tried try_entry(std::string_view version, std::string_view signature,
                                std::string_view text) const;

  std::vector<SecretText> shared_;
  std::vector<Ed25519Key> public_;
};

}  // namespace bitvault::webhooks
