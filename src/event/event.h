// An event as bytes: CloudEvents 1.0 JSON, encoded once and never again.
//
// encode() lays out the envelope in its fixed order (API.md, Event) before anybody knows the
// event's sequence. The four values that only the commit knows have a fixed width and stand as
// placeholders; stamp() writes them over the placeholders, and from then on the bytes do not change
// for ever: they are the journal row, the feed entry, the webhook body and the Merkle leaf.
//
// Everything here is pure: no I/O, no clock, no random source.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/attribute.h"
#include "base/error.h"
#include "base/sequence.h"
#include "base/tenant_name.h"
#include "base/time.h"
#include "event/id.h"

namespace bitvault {

inline constexpr std::size_t kEventBytesMax = 65'535;
inline constexpr std::size_t kExtensionsMax = 16;
inline constexpr std::size_t kSaltTextBytes = 22;  // 128 bits, base64url

// What a producer says of an event, checked but not yet encoded. What is absent was not given.
struct EventDraft {
  std::string type;
  std::string data;  // one compact JSON object, valid for `type`
  std::optional<EventId> id;
  std::optional<std::string> source;
  std::optional<std::string> subject;
  std::optional<WallTime> time;
  std::optional<std::string> partitionkey;
  std::optional<std::string> dataschema;
  std::optional<std::string> traceparent;
  // Name to its JSON value (a string, a boolean or a 32-bit integer), sorted by name.
  std::map<std::string, std::string> extensions;
};

// What fills the gaps of a draft; all of it is known before the commit.
struct EventDefaults {
  TenantName tenant;
  EventId id;
  WallTime time;
  std::string dataschema;
  std::string partitionkey;  // of the data, by the catalog's rule for the type
  std::string subject;
  std::optional<std::string> traceparent;  // of the request
};

// An event that waits for its sequence.
struct EncodedEvent {
  // Byte offsets of the placeholders in `bytes`.
  struct Offsets {
    std::uint32_t recordedtime = 0;
    std::uint32_t epoch = 0;
    std::uint32_t sequence = 0;
    std::uint32_t salt = 0;
  };
  // Which members the producer gave: a repeat of the id is compared by these alone.
  struct Given {
    bool id = false;
    bool time = false;
    bool traceparent = false;
  };

  EventId id;
  std::string bytes;
  Offsets offsets;
  Given given;
};

// What the commit alone knows.
struct Stamp {
  const Epoch& epoch;
  Sequence sequence;
  WallTime recordedtime;
  std::array<std::byte, 16> salt;
};

// Errors: kTooLarge when the encoded event exceeds kEventBytesMax.
[[nodiscard]] Result<EncodedEvent> encode(const EventDraft& draft, const EventDefaults& defaults);

// Writes the stamp into the placeholders. The size of `event.bytes` does not change.
void stamp(EncodedEvent& event, const Stamp& stamp);

// Whether a committed event has the members that the producer gave for `repeat`: everything but
// what the server sets (recordedtime, epoch, sequence, salt, dataschema) and what the producer
// left to the server. `committed` is an event's bytes of this tenant with the same id.
[[nodiscard]] bool same_members(std::string_view committed, const EncodedEvent& repeat);

// The members of a committed event that readers need, as they stand in its bytes: escapes
// included. An attribute has one escaped form, so equality and prefixes may be judged on it.
struct EventHead {
  std::string_view id;
  std::string_view type;
  std::string_view subject;
  std::string_view recordedtime;
  std::string_view epoch;
  std::string_view partitionkey;
};

// Reads the head of an event that encode() and stamp() made, up to `partitionkey`. It trusts the
// layout: bytes that are not such an event end the process.
[[nodiscard]] EventHead read_head(std::string_view bytes);

// 20 zero-padded decimal digits: lexicographic order is numeric order.
[[nodiscard]] std::string sequence_text(Sequence sequence);

}  // namespace bitvault
