// POST /v1/tenants/{tenant}/patterns/test: whether a pattern matches an event and, if not, why; or
// what it would have matched of the tenant's history.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/feed_answer.h"
#include "api/resources.h"
#include "base/json.h"
#include "base/text.h"
#include "pattern/pattern.h"

namespace bitvault::api {
namespace {

constexpr std::uint64_t kLimitDefault = 100;
constexpr std::uint64_t kLimitMax = 1'000;

struct Trial {
  Pattern pattern;
  std::optional<Json> event;  // this one or the other
  std::optional<Json> since;
  std::uint64_t limit = kLimitDefault;
};

std::unexpected<Error> about(std::string_view member, const Error& error) {
  return error.code == Code::kInvalid
             ? wrong(std::string(member), error.detail)
             : fail(error.code, fmt::format("{}: {}", member, error.detail));
}

Result<Trial> read_trial(const Json& body) {
  std::optional<Json> pattern;
  std::optional<Json> event;
  std::optional<Json> since;
  std::optional<Json> limit;
  for (const auto& [name, value] : body.members()) {
    std::optional<Json>* const place = name == "pattern" ? &pattern
                                       : name == "event" ? &event
                                       : name == "since" ? &since
                                       : name == "limit" ? &limit
                                                         : nullptr;
    if (place == nullptr) {
      return wrong(name, "unknown member; known are pattern, event, since, limit");
    }
    if (*place) {
      return wrong(name, "is given twice");
    }
    *place = value;
  }
  if (!pattern) {
    return wrong("pattern", R"(is required: {"pattern": {...}, "event": {...}} or "since")");
  }
  if (event.has_value() == since.has_value()) {
    return wrong("event", R"(give either "event" (is it matched?) or "since" (what was?))");
  }
  auto compiled = Pattern::compile(pattern->raw());
  if (!compiled) {
    return about("pattern", compiled.error());
  }
  Trial trial{.pattern = std::move(*compiled), .event = event, .since = since};
  if (limit) {
    const auto number = parse_uint(limit->raw());
    if (event || !number || *number < 1 || *number > kLimitMax) {
      return wrong("limit",
                   fmt::format(R"(must be a whole number from 1 to {}, with "since")", kLimitMax));
    }
    trial.limit = *number;
  }
  return trial;
}

Result<http::Response> explain(const Trial& trial) {
  const auto explanation = Matcher().explain(trial.pattern, trial.event->raw());
  if (!explanation) {
    return about("event", explanation.error());
  }
  return http::Response{200, "application/json", {}, to_json(*explanation) + "\n"};
}

// The cursor before the last so many events of what is retained.
Task<Result<std::string>> before_last(const Services& services, TenantName tenant,
                                      std::uint64_t count) {
  const Result<JournalHead> head = co_await services.store.head(tenant);
  if (!head) {
    co_return fail(head.error());
  }
  const std::uint64_t oldest = head->floor.value - 1;
  const std::uint64_t start = head->head.value - std::min(count, head->head.value - oldest);
  co_return services.cursors.seal(tenant, {head->epoch, Sequence{start}});
}

Task<Result<std::string>> find_start(const Services& services, TenantName tenant, Json since) {
  Result<std::string> cursor =
      wrong("since", "must be a number of events, an RFC 3339 time or a cursor");
  const std::string text = since.text();
  if (const auto count = parse_uint(since.raw())) {
    cursor = co_await before_last(services, tenant, *count);
  } else if (const auto time = parse_time(text); since.is_string() && time) {
    cursor = co_await services.feed.at(tenant, *time);
  } else if (since.is_string()) {
    cursor = text;
  }
  co_return cursor;
}

Answer look_back(const Services& services, const Call& call, Trial trial) {
  Result<std::string> start = co_await find_start(services, *call.tenant, *trial.since);
  if (!start) {
    co_return fail(std::move(start.error()));
  }
  const Result<Position> from = services.cursors.open(*call.tenant, *start);
  if (!from) {
    co_return fail(from.error().code,
                   "since: is neither an RFC 3339 time nor a cursor of this tenant");
  }
  FeedQuery query{.tenant = *call.tenant,
                  .cursor = std::move(*start),
                  .limit = trial.limit,
                  .filter = Selection(Filter{}, std::move(trial.pattern))};
  auto page = co_await read_page(services, call, std::move(query));
  if (!page) {
    co_return std::move(page.error());
  }
  const std::string counts =
      fmt::format(R"(,"scanned":{},"matched":{})",
                  page->position->sequence.value - from->sequence.value, page->events.size());
  co_return page_answer(std::move(*page), kPageJson, counts);
}

}  // namespace

Answer test_pattern(const Services& services, const Call& call) {
  if (Status type = expect_json(call.request); !type) {
    co_return fail(std::move(type.error()));
  }
  const auto body = Json::parse(call.request.body);
  if (!body || !body->is_object()) {
    co_return fail(Code::kMalformed, "the body must be a JSON object");
  }
  Result<Trial> trial = read_trial(*body);
  if (!trial) {
    co_return fail(std::move(trial.error()));
  }
  if (trial->event) {
    const Result<JournalHead> there = co_await services.store.head(*call.tenant);
    co_return there ? explain(*trial) : fail(there.error());
  }
  Result<http::Response> answer = co_await look_back(services, call, std::move(*trial));
  co_return answer;
}

}  // namespace bitvault::api
