// A stream of events as text/event-stream (WHATWG HTML, "Server-sent events"). Pure.
//
// Every event is one block: `id:` its cursor, `event:` its type, `data:` its exact bytes, which
// hold no line break. An id without data (a bookmark) moves the client's Last-Event-ID and is no
// event.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "base/sequence.h"
#include "feed/feed.h"

namespace bitvault::event_stream {

inline constexpr std::string_view kMediaType = "text/event-stream";
inline constexpr std::string_view kComment = ":\n\n";

// How long a client waits before it connects again.
[[nodiscard]] std::string retry(std::chrono::milliseconds delay);
void append_event(std::string& out, std::string_view cursor, std::string_view bytes);
// Positions that were erased: `event: erased`, data {"erased": [sequence...]}.
void append_erased(std::string& out, std::string_view cursor, std::span<const Sequence> erased);
[[nodiscard]] std::string bookmark(std::string_view cursor);
// `event: advanced`: the journal has grown up to this cursor.
[[nodiscard]] std::string advanced(std::string_view cursor);
// `event: reset`, the last of a stream. Its id is the earliest cursor, so that a client that just
// connects again gets everything that is retained.
[[nodiscard]] std::string reset(const CursorReset& reset);

}  // namespace bitvault::event_stream
