// Pages of the change feed as the API gives them: within the tenant's rate, and in one of three
// media types that all hold the events' own bytes.
#pragma once

#include <expected>
#include <optional>
#include <string_view>

#include "api/call.h"
#include "api/page_cache.h"

namespace bitvault::api {

inline constexpr std::string_view kPageJson = "application/json";
inline constexpr std::string_view kPageNdjson = "application/x-ndjson";
inline constexpr std::string_view kPageBatch = "application/cloudevents-batch+json";

// Why a cursor cannot be continued from, and from where one can.
[[nodiscard]] http::Response reset_answer(const CursorReset& reset, std::string_view request_id);

// Reads a page and counts what it looked at; or what to answer instead.
[[nodiscard]] Task<std::expected<FeedPage, http::Response>> read_page(const Services& services,
                                                                      const Call& call,
                                                                      FeedQuery query);

// `type` is one of the above. `more`: further members of a JSON page, each with a comma before it.
// The answer keeps the page's memory until it was written.
[[nodiscard]] http::Response page_answer(FeedPage page, std::string_view type,
                                         std::string_view more = {});

// What is known of a page before it is read.
struct AskedPage {
  std::optional<http::Response> answer = {};  // nothing need be read
  std::optional<PageKey> keep_as = {};        // others ask for it, too
};
// Whether the query's page was answered before and is the same now; within the tenant's rate.
[[nodiscard]] Task<AskedPage> ask_for_page(const Services& services, const Call& call,
                                           const FeedQuery& query, std::string_view type);

// page_answer(), kept for others where there is a name and room for it.
[[nodiscard]] http::Response kept_page_answer(const Services& services,
                                              const std::optional<PageKey>& keep_as, FeedPage page,
                                              std::string_view type);

}  // namespace bitvault::api
