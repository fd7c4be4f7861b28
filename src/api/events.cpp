// The change feed and single events: /v1/tenants/{tenant}/events, /events/{id} and /cursor.

#include <fmt/format.h>

#include <array>
#include <boost/json/object.hpp>
#include <memory>

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

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kNdjson = "application/x-ndjson";
constexpr std::string_view kBatch = "application/cloudevents-batch+json";
constexpr std::array<std::string_view, 4> kOffered = {kJson, kNdjson, kBatch,
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

http::Response render_reset(const CursorReset& reset, std::string_view request_id) {
  return problem(Error{Code::kCursorReset,
                       "go on from earliest_cursor (everything retained) or from latest_cursor "
                       "(only what comes now), and treat what lies between as lost",
                       {}},
                 request_id,
                 {{"reason", reason_name(reset.reason)},
                  {"earliest_cursor", reset.earliest_cursor},
                  {"latest_cursor", reset.latest_cursor}});
}

std::string erased_list(const FeedPage& page) {
  std::string list;
  for (const Sequence sequence : page.erased) {
    fmt::format_to(std::back_inserter(list), "{}{}", list.empty() ? "" : ",", sequence.value);
  }
  return list;
}

// The events' bytes, copied as they are.
std::string join(const FeedPage& page, std::string_view before, std::string_view between,
                 std::string_view after) {
  std::size_t size = before.size() + after.size() + 128;
  for (const StoredEvent& event : page.events) {
    size += event.bytes.size() + between.size();
  }
  std::string body;
  body.reserve(size);
  body = before;
  bool first = true;
  for (const StoredEvent& event : page.events) {
    if (!first) {
      body += between;
    }
    first = false;
    body += event.bytes;
  }
  body += after;
  return body;
}

// The answer keeps its part of the memory until it was written.
http::Response holding(FairBudget::Part memory, http::Response response) {
  memory.shrink_to(response.body.size());
  response.held = std::make_shared<const FairBudget::Part>(std::move(memory));
  return response;
}

http::Response render(FeedPage page, std::string_view type) {
  const std::string erased = erased_list(page);
  http::Response response{200, std::string(type), {}, {}};
  response.headers.emplace_back("Cache-Control", "no-store");
  if (type == kJson) {
    response.body =
        join(page, "{\"events\":[", ",",
             fmt::format("],\"next_cursor\":\"{}\",\"has_more\":{}{}}}\n", page.next_cursor,
                         page.has_more, erased.empty() ? "" : ",\"erased\":[" + erased + "]"));
    return holding(std::move(page.memory), std::move(response));
  }
  response.headers.emplace_back("BitVault-Next-Cursor", page.next_cursor);
  response.headers.emplace_back("BitVault-Has-More", page.has_more ? "true" : "false");
  if (!erased.empty()) {
    response.headers.emplace_back("BitVault-Erased", erased);
  }
  response.body = type == kBatch ? join(page, "[", ",", "]\n")
                                 : join(page, "", "\n", page.events.empty() ? "" : "\n");
  return holding(std::move(page.memory), std::move(response));
}

std::unexpected<Error> no_event(const std::string& id) {
  return fail(Code::kNotFound, "the tenant's journal has no event with the id " + id);
}

}  // namespace

namespace {

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
  const std::string_view type = http::negotiate(call.request.header("accept"), kOffered);
  const bool streams = type == event_stream::kMediaType;
  if (const auto mode = call.parameter("mode"); mode && (*mode != "notify" || !streams)) {
    co_return wrong("query.mode", "may only be notify, and only with Accept: text/event-stream");
  }
  if (streams) {
    Result<http::Response> stream = co_await open_stream(services, call, std::move(*query));
    co_return stream;
  }
  const bool waits = query->wait > Duration{0};
  auto page = co_await services.feed.read(std::move(*query));
  if (!page) {
    co_return fail(std::move(page.error()));
  }
  if (waits) {  // the key may have been revoked meanwhile
    const Result<Principal> still = co_await services.keys.authenticate(bearer_token(call.request));
    if (!still) {
      co_return fail(still.error());
    }
  }
  if (const auto* reset = std::get_if<CursorReset>(&*page)) {
    co_return render_reset(*reset, call.request.request_id);
  }
  FeedPage& found = std::get<FeedPage>(*page);
  services.metrics.fed(found.events.size());
  co_return render(std::move(found), type.empty() ? kJson : type);
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
