// Reads what a producer sends (a CloudEvent in JSON, or in HTTP binary mode) into EventDrafts.
//
// Hostile input ends as an Error with a path: kMalformed when it is not JSON at all, kInvalid with
// violations when a member is wrong, unknown or reserved. `data` is not judged here beyond being a
// JSON object: that is the catalog's, which also makes it compact.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "event/event.h"

namespace bitvault {

inline constexpr std::size_t kEventsPerRequestMax = 1'000;
inline constexpr std::size_t kPublishBodyBytesMax = 8 * 1024 * 1024;
inline constexpr std::size_t kJsonDepthMax = 64;

// A producer's events and what is wrong with them. `drafts[i].data` is the data as it was sent.
using Drafts = std::vector<EventDraft>;

[[nodiscard]] Result<Drafts> parse_event(std::string_view json);
[[nodiscard]] Result<Drafts> parse_batch(std::string_view json);
[[nodiscard]] Result<Drafts> parse_ndjson(std::string_view lines);

// HTTP binary mode (CloudEvents HTTP binding 1.0.2, 3.1): `headers` are the ce-* headers, names in
// lower case, values percent-encoded; `body` is the data.
using Headers = std::span<const std::pair<std::string_view, std::string_view>>;
[[nodiscard]] Result<Drafts> parse_binary(Headers headers, std::string_view body);

// W3C Trace Context, version 00 or later: shape only.
[[nodiscard]] bool is_traceparent(std::string_view text);

}  // namespace bitvault
