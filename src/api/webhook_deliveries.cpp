// What became of a webhook's events: its attempts, dead letters and replays.

#include <boost/json.hpp>
#include <map>

#include "api/feed_answer.h"
#include "api/resources.h"
#include "api/webhook_body.h"
#include "base/text.h"
#include "store/attempt_log.h"
#include "webhooks/webhooks.h"

namespace bitvault::api {
namespace {

namespace json = boost::json;
using delivery::DeadLetter;
using delivery::ReplayRecord;
using webhooks::DeadLetterChoice;
using webhooks::Replay;

json::value or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::object render(const DeadLetter& letter) {
  return {
      {"event_id", letter.event_id},
      {"event_type", letter.event_type},
      {"sequence", letter.sequence.value},
      {"reason", letter.reason},
      {"attempts", letter.attempts},
      {"first_attempt_at", format_time(letter.first)},
      {"at", format_time(letter.at)},
      {"last_answer", json::object{{"status_code", letter.status == 0 ? json::value(nullptr)
                                                                      : json::value(letter.status)},
                                   {"reason", or_null(letter.failure)},
                                   {"detail", or_null(letter.detail)},
                                   {"response", or_null(letter.answer)}}}};
}

std::string_view state_name(ReplayRecord::State state) {
  switch (state) {
    case ReplayRecord::State::kRunning:
      return "running";
    case ReplayRecord::State::kDone:
      return "done";
    case ReplayRecord::State::kCancelled:
      return "cancelled";
  }
  return "";
}

json::object render(const Replay& replay) {
  const ReplayRecord& record = replay.record;
  const Sequence position = std::min(record.track.position, record.until);
  return {{"id", replay.id},
          {"state", state_name(record.state)},
          {"only", record.only_failed ? "failed" : "all"},
          {"first_sequence", record.since.value},
          {"last_sequence", record.until.value},
          {"position", position.value},
          {"matched", record.matched},
          {"delivered", record.delivered},
          {"dead_lettered", record.dead_lettered},
          {"created_at", format_time(record.created)},
          {"ended_at", api::render(record.ended)}};
}

Result<std::optional<bool>> read_status(const Call& call) {
  const auto status = call.parameter("status");
  if (status && *status != "delivered" && *status != "failed") {
    return wrong("query.status", "must be delivered or failed");
  }
  return status ? std::optional(*status == "delivered") : std::nullopt;
}

// The ids of the events that the attempts are about, as far as their bytes are still there.
Task<Result<std::map<std::uint64_t, std::string>>> ids_of(const Services& services,
                                                          const Call& call,
                                                          const AttemptPage& page) {
  std::map<std::uint64_t, std::string> ids;
  for (const AttemptEntry& entry : page.entries) {
    if (entry.sequence == Sequence{} || ids.contains(entry.sequence.value)) {
      continue;
    }
    Result<FoundEvent> found = co_await services.store.held(*call.tenant, entry.sequence);
    if (!found && found.error().code != Code::kNotFound) {
      co_return fail(std::move(found.error()));
    }
    if (found && found->state == FoundEvent::State::kPresent) {
      ids.emplace(entry.sequence.value, read_head(found->bytes).id);
    }
  }
  co_return ids;
}

Result<DeadLetterChoice> read_choice(const Call& call) {
  const Result<json::object> body = json_body(call.request, {"event_ids", "all"});
  if (!body) {
    return fail(body.error());
  }
  const json::value* ids = body->if_contains("event_ids");
  const json::value* all = body->if_contains("all");
  if ((ids != nullptr) == (all != nullptr)) {
    return wrong("event_ids", R"(give {"event_ids": [...]} or {"all": true})");
  }
  if (all != nullptr) {
    return *all == true ? Result<DeadLetterChoice>(DeadLetterChoice{})
                        : wrong("all", "may only be true");
  }
  DeadLetterChoice choice{std::vector<std::string>()};
  if (!ids->is_array() || ids->get_array().empty() ||
      ids->get_array().size() > DeadLetterChoice::kIdsMax) {
    return wrong("event_ids", "must be a list of 1 to 1000 event ids");
  }
  for (const json::value& id : ids->get_array()) {
    if (!id.is_string()) {
      return wrong("event_ids", "must be a list of 1 to 1000 event ids");
    }
    choice.event_ids->emplace_back(id.get_string());
  }
  return choice;
}

// A place in the journal that a time or a cursor names: behind the last event before the time.
Task<Result<std::variant<Position, CursorReset>>> place_of(const Services& services,
                                                           const Call& call, std::string text) {
  if (const auto time = parse_time(text)) {
    Result<Position> position = co_await services.store.position_at(*call.tenant, *time);
    if (!position) {
      co_return fail(std::move(position.error()));
    }
    co_return *position;
  }
  Result<std::variant<Position, CursorReset>> opened =
      co_await services.feed.open(*call.tenant, std::move(text));
  co_return opened;
}

}  // namespace

Answer list_deliveries(const Services& services, const Call& call) {
  Result<PageRequest> wanted = page_request(call);
  if (!wanted) {
    co_return fail(std::move(wanted.error()));
  }
  const Result<std::optional<bool>> delivered = read_status(call);
  if (!delivered) {
    co_return fail(delivered.error());
  }
  Result<webhooks::Webhook> webhook = co_await services.webhooks->get(*call.tenant, call.id);
  if (!webhook) {
    co_return fail(std::move(webhook.error()));
  }
  AttemptQuery query{.tenant = *call.tenant,
                     .subscription = call.id,
                     .delivered = *delivered,
                     .after = std::move(wanted->after),
                     .limit = wanted->limit};
  if (const auto text = call.parameter("event_id")) {
    const auto id = EventId::parse(*text);
    if (!id) {
      co_return wrong("query.event_id", id.error().detail);
    }
    const Result<FoundEvent> found = co_await services.store.find(*call.tenant, *id);
    if (!found && found.error().code != Code::kNotFound) {
      co_return fail(found.error());
    }
    if (!found) {
      co_return json_response(200, json::object{{"items", json::array()}, {"next_page", nullptr}});
    }
    query.sequence = found->sequence;
  }
  Result<AttemptPage> page = co_await services.attempts->read(std::move(query));
  if (!page && page.error().code == Code::kInvalid) {
    co_return wrong("query.page", "is not a page of this list; use next_page of the page before");
  }
  if (!page) {
    co_return fail(std::move(page.error()));
  }
  const auto ids = co_await ids_of(services, call, *page);
  if (!ids) {
    co_return fail(ids.error());
  }
  json::array items;
  for (const AttemptEntry& entry : page->entries) {
    const auto id = ids->find(entry.sequence.value);
    items.push_back(
        api::render(entry, id == ids->end() ? std::nullopt : std::optional(id->second)));
  }
  co_return json_response(200,
                          json::object{{"items", std::move(items)},
                                       {"next_page", next_page(!page->next.empty(), page->next)}});
}

Answer redeliver(const Services& services, const Call& call) {
  const Result<json::object> body = json_body(call.request, {});
  if (!body) {
    co_return fail(body.error());
  }
  Status asked = co_await services.webhooks->redeliver(*call.tenant, call.id, call.part_id);
  if (!asked) {
    co_return fail(std::move(asked.error()));
  }
  co_return json_response(202, json::object{{"event_id", call.part_id}});
}

Answer list_dead_letters(const Services& services, const Call& call) {
  Result<PageRequest> wanted = page_request(call);
  if (!wanted) {
    co_return fail(std::move(wanted.error()));
  }
  Sequence after;
  if (!wanted->after.empty()) {
    const auto sequence = parse_uint(wanted->after);
    if (!sequence) {
      co_return wrong("query.page", "is not a page of this list; use next_page of the page before");
    }
    after = Sequence{*sequence};
  }
  Result<ListPage<DeadLetter>> page =
      co_await services.webhooks->dead_letters(*call.tenant, call.id, after, wanted->limit);
  if (!page) {
    co_return fail(std::move(page.error()));
  }
  json::array items;
  for (const DeadLetter& letter : page->items) {
    items.push_back(render(letter));
    after = letter.sequence;
  }
  co_return json_response(
      200, json::object{{"items", std::move(items)},
                        {"next_page", next_page(page->more, std::to_string(after.value))}});
}

Answer redeliver_dead_letters(const Services& services, const Call& call) {
  Result<DeadLetterChoice> choice = read_choice(call);
  if (!choice) {
    co_return fail(std::move(choice.error()));
  }
  Status asked =
      co_await services.webhooks->redeliver_dead(*call.tenant, call.id, std::move(*choice));
  if (!asked) {
    co_return fail(std::move(asked.error()));
  }
  co_return http::Response{202, "application/json", {}, "{}\n"};
}

Answer discard_dead_letters(const Services& services, const Call& call) {
  Result<DeadLetterChoice> choice = read_choice(call);
  if (!choice) {
    co_return fail(std::move(choice.error()));
  }
  Status asked =
      co_await services.webhooks->discard_dead(*call.tenant, call.id, std::move(*choice));
  if (!asked) {
    co_return fail(std::move(asked.error()));
  }
  co_return http::Response{202, "application/json", {}, "{}\n"};
}

Answer start_replay(const Services& services, const Call& call) {
  const Result<json::object> body = json_body(call.request, {"since", "until", "only"});
  if (!body) {
    co_return fail(body.error());
  }
  std::map<std::string, std::optional<std::string>, std::less<>> given;
  for (const char* name : {"since", "until", "only"}) {
    Result<std::optional<std::string>> text = text_member(*body, name);
    if (!text) {
      co_return fail(std::move(text.error()));
    }
    given[name] = std::move(*text);
  }
  if (!given["since"]) {
    co_return wrong("since", "is required: an RFC 3339 time or a cursor");
  }
  const std::string only = given["only"].value_or("all");
  if (only != "all" && only != "failed") {
    co_return wrong("only", R"(must be "all" or "failed")");
  }
  webhooks::ReplayRange range;
  range.only_failed = only == "failed";
  const Result<JournalHead> head = co_await services.store.head(*call.tenant);
  if (!head) {
    co_return fail(head.error());
  }
  range.until = head->head;
  for (const char* name : {"since", "until"}) {
    if (!given[name]) {
      continue;
    }
    Result<std::variant<Position, CursorReset>> place =
        co_await place_of(services, call, *given[name]);
    if (!place) {
      co_return fail(std::move(place.error()));
    }
    if (const auto* reset = std::get_if<CursorReset>(&*place)) {
      co_return reset_answer(*reset, call.request.request_id);
    }
    (name == std::string_view("since") ? range.after : range.until) =
        std::get<Position>(*place).sequence;
  }
  if (range.until < range.after) {
    co_return wrong("until", "lies before since");
  }
  Result<Replay> replay = co_await services.webhooks->start_replay(*call.tenant, call.id, range);
  if (!replay) {
    co_return fail(std::move(replay.error()));
  }
  co_return json_response(202, render(*replay));
}

Answer list_replays(const Services& services, const Call& call) {
  Result<PageRequest> wanted = page_request(call);
  if (!wanted) {
    co_return fail(std::move(wanted.error()));
  }
  Result<ListPage<Replay>> page = co_await services.webhooks->replays(
      *call.tenant, call.id, std::move(wanted->after), wanted->limit);
  if (!page) {
    co_return fail(std::move(page.error()));
  }
  json::array items;
  for (const Replay& replay : page->items) {
    items.push_back(render(replay));
  }
  const std::string last = page->items.empty() ? "" : page->items.back().id;
  co_return json_response(
      200, json::object{{"items", std::move(items)}, {"next_page", next_page(page->more, last)}});
}

Answer get_replay(const Services& services, const Call& call) {
  Result<Replay> replay = co_await services.webhooks->replay(*call.tenant, call.id, call.part_id);
  if (!replay) {
    co_return fail(std::move(replay.error()));
  }
  co_return json_response(200, render(*replay));
}

Answer cancel_replay(const Services& services, const Call& call) {
  const Result<json::object> body = json_body(call.request, {});
  if (!body) {
    co_return fail(body.error());
  }
  Status cancelled = co_await services.webhooks->cancel_replay(*call.tenant, call.id, call.part_id);
  if (!cancelled) {
    co_return fail(std::move(cancelled.error()));
  }
  co_return http::Response{202, "application/json", {}, "{}\n"};
}

}  // namespace bitvault::api
