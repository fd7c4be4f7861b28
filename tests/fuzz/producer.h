// A producer's event, through the server's encoding and back.
#pragma once

#include <string>
#include <string_view>

#include "event/event.h"

namespace bitvault::fuzz {

// What fills a draft's gaps; `other`: with other values, as for a repeat of the request.
[[nodiscard]] EventDefaults defaults(bool other);

// Stamped as by a commit.
[[nodiscard]] EncodedEvent stamped(EncodedEvent event);

// The event as its producer would send it with every member given: without those that only the
// server sets.
[[nodiscard]] std::string as_sent(const EncodedEvent& event);

// Checks what holds of every draft that a parser let through: it is encoded in bytes that parse
// again, as the same event, and say what the draft says. Its data is a JSON object, however it was
// checked. An event that is too large is left at that.
void check_draft(const EventDraft& draft);

}  // namespace bitvault::fuzz
