// The change feed and single events: /v1/tenants/{tenant}/events, /events/{id} and /cursor.

#include <array>
#include <boost/json/object.hpp>

#include "api/feed_answer.h"
#include "api/metrics.h"
#include "api/problem.h"
#include "api/resources.h"
#include "base/text.h"
#include "feed/event_stream_text.h"
#include "http/uri.h"
#include "pattern/pattern.h"

namespace bitvault::api {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kLimitMax = 1'000;
constexpr std::uint64_t kWaitSecondsMax = 60;

constexpr std::array<std::string_view, 4> kOffered = {kPageJson, kPageNdjson, kPageBatch,
                                                      event_stream::kMediaType};

Result<FeedQuery> read_query(const Call& call) {
  FeedQuery query{.tenant = *call.tenant, .cursor = call.parameter("cursor"), .filter = {}};
  const auto limit = call.number("limit", 100, 1, kLimitMax);
  if (!limit) {
    return fail(limit.error());
  }
  query.limit = *limit;
  const auto wait = call.number("wait", 0, 0, kWaitSecondsMax);
  if (!wait) {
    return fail(wait.error());
  }
  query.wait = std::chrono::seconds(*wait);
  Result<Filter> filter = Filter::make(call.parameters("type"), call.parameter("subject_prefix"),
                                       call.parameter("partitionkey"));
  if (!filter) {
    return wrong("query.type", filter.error().detail);
  }
  std::optional<Pattern> pattern;
  if (const auto text = call.parameter("pattern")) {
    Result<Pattern> compiled = Pattern::compile(*text);
    if (!compiled) {
      return wrong("query.pattern", compiled.error().detail);
    }
    pattern = std::move(*compiled);
  }
  query.filter = Selection(std::move(*filter), std::move(pattern));
  return query;
}

std::unexpected<Error> no_event(const std::string& id) {
  return fail(Code::kNotFound, "the tenant's journal has no event with the id " + id);
}

// `limit` and `wait` have no meaning for a stream, so that a client may use one set of parameters
// for every transport.
Answer open_stream(const Services& services, const Call& call, FeedQuery query) {
  StreamQuery wanted{.tenant = std::move(query.tenant),
                     .cursor = std::move(query.cursor),
                     .notify = call.parameter("mode").has_value(),
                     .filter = std::move(query.filter),
                     .credential = bearer_token(call.request)};
  if (const std::string_view last = call.request.header("last-event-id"); !last.empty()) {
    wanted.cursor = last;
  }
  auto stream = co_await services.live.open(std::move(wanted));
  if (!stream) {
    co_return fail(std::move(stream.error()));
  }
  co_return http::Response{.status = 200,
                           .content_type = std::string(event_stream::kMediaType),
                           .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}},
                           .stream = std::move(*stream)};
}

}  // namespace

Answer read_feed(const Services& services, const Call& call) {
  Result<FeedQuery> query = read_query(call);
  if (!query) {
    co_return fail(std::move(query.error()));
  }
  std::string_view type = http::negotiate(call.request.header("accept"), kOffered);
  type = type.empty() ? kPageJson : type;
  const bool streams = type == event_stream::kMediaType;
  if (const auto mode = call.parameter("mode"); mode && (*mode != "notify" || !streams)) {
    co_return wrong("query.mode", "may only be notify, and only with Accept: text/event-stream");
  }
  if (streams) {
    Result<http::Response> stream = co_await open_stream(services, call, std::move(*query));
    co_return stream;
  }
  AskedPage asked = co_await ask_for_page(services, call, *query, type);
  if (asked.answer) {
    co_return std::move(*asked.answer);
  }
  const bool waits = query->wait > Duration{0};
  auto page = co_await read_page(services, call, std::move(*query));
  if (waits) {  // the key may have been revoked meanwhile
    const Result<Principal> still = co_await services.keys.authenticate(bearer_token(call.request));
    if (!still) {
      co_return fail(still.error());
    }
  }
  if (!page) {
    co_return std::move(page.error());
  }
  services.metrics.fed(page->events.size());
  co_return kept_page_answer(services, asked.keep_as, std::move(*page), type);
}

Answer get_event(const Services& services, const Call& call) {
  Result<EventId> id = EventId::parse(call.id);
  if (!id) {
    co_return no_event(call.id);
  }
  Result<FoundEvent> found = co_await services.store.find(*call.tenant, *id);
  if (!found) {
    co_return fail(std::move(found.error()));
  }
  if (found->state == FoundEvent::State::kPresent) {
    co_return http::Response{200, "application/cloudevents+json", {}, std::move(found->bytes)};
  }
  const Code code =
      found->state == FoundEvent::State::kPruned ? Code::kEventPruned : Code::kEventErased;
  co_return problem(Error{code, "only its place in the log is left", {}}, call.request.request_id,
                    {{"sequence", found->sequence.value}, {"leaf_hash", base64(found->leaf)}});
}

Answer get_cursor(const Services& services, const Call& call) {
  const auto at = call.parameter("at");
  Result<std::string> cursor = wrong("query.at", "must be earliest, latest or an RFC 3339 time");
  if (at == "earliest") {
    cursor = co_await services.feed.earliest(*call.tenant);
  } else if (at == "latest") {
    cursor = co_await services.feed.latest(*call.tenant);
  } else if (const auto time = at ? parse_time(*at) : Result<WallTime>(fail(Error{})); time) {
    cursor = co_await services.feed.at(*call.tenant, *time);
  }
  if (!cursor) {
    co_return fail(std::move(cursor.error()));
  }
  co_return json_response(200, json::object{{"cursor", *cursor}});
}

}  // namespace bitvault::api
