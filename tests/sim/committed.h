// A committed event's bytes beside what its producer sent, without the product's own code for it.
#pragma once

#include <string>
#include <string_view>

#include "event/event.h"

namespace bitvault::sim {

// The value of an attribute of a committed event; empty when there is none. The clients use no
// character that JSON escapes.
[[nodiscard]] std::string_view attribute(std::string_view bytes, std::string_view name);

// Whether these are the bytes of `submitted`, but for what the commit stamped on them.
[[nodiscard]] bool is_commit_of(std::string_view committed, const EncodedEvent& submitted);

// Whether a committed event has the members that its producer gave for `repeat`.
[[nodiscard]] bool has_members_of(std::string_view committed, const EncodedEvent& repeat);

}  // namespace bitvault::sim
