// Pages of the change feed as the API gives them: within the tenant's rate, and in one of three
// media types that all hold the events' own bytes.
#pragma once

#include <expected>
#include <string_view>

#include "api/call.h"

namespace bitvault::api {

inline constexpr std::string_view kPageJson = "application/json";
inline constexpr std::string_view kPageNdjson = "application/x-ndjson";
inline constexpr std::string_view kPageBatch = "application/cloudevents-batch+json";

// Reads a page and counts what it looked at; or what to answer instead.
[[nodiscard]] Task<std::expected<FeedPage, http::Response>> read_page(const Services& services,
                                                                      const Call& call,
                                                                      FeedQuery query);

// `type` is one of the above. `more`: further members of a JSON page, each with a comma before it.
// The answer keeps the page's memory until it was written.
[[nodiscard]] http::Response page_answer(FeedPage page, std::string_view type,
                                         std::string_view more = {});

}  // namespace bitvault::api
