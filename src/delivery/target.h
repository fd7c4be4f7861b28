// A Target sends one event to one place and says what came of it. Webhooks, functions, sinks and
// notifications each have theirs; when and how often it is asked is the engine's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/sequence.h"
#include "base/shared_bytes.h"
#include "base/time.h"
#include "world/world.h"

namespace bitvault::delivery {

// One attempt of one delivery.
struct Delivery {
  SharedBytes event;  // its bytes, exactly
  Sequence sequence;
  Sequence previous;        // what the subscription matched before, 0: nothing; never changes
  unsigned attempt = 1;     // counted from 1
  std::string replay = {};  // of which replay; empty: none
};

// What the engine does next.
enum class Verdict : std::uint8_t {
  kDelivered,
  kRetry,    // later, as the schedule says
  kGiveUp,   // a dead letter at once: the same event will never do
  kDisable,  // the place wants nothing any more: a failed attempt, and the last one
};

inline constexpr std::size_t kAnswerHeadBytesMax = 1'024;

struct Outcome {
  Verdict verdict = Verdict::kRetry;
  // A stable word for the reason of anything but a delivery: "http_503", "timeout".
  std::string reason = {};
  // Of kRetry: not before this; the engine clamps it.
  std::optional<Duration> retry_after = {};
  // The place is overloaded: fewer at a time from now on.
  bool slow_down = false;

  // For the record of the attempt.
  unsigned status = 0;       // of HTTP; 0: there was no answer
  std::string detail = {};   // a sentence, without any secret
  std::string address = {};  // of the peer
  std::string answer = {};   // the first bytes of what a failure answered
  Duration latency{};
};

// Immutable and thread-safe. What it sends with outlives it.
class Target {
 public:
  virtual ~Target() = default;

  // Bounded in time by itself. A cancelled caller gets an answer soon; it is not used.
  [[nodiscard]] virtual Task<Outcome> attempt(Delivery delivery) const = 0;
};

}  // namespace bitvault::delivery
