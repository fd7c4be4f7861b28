// Webhooks: /v1/tenants/{tenant}/webhooks and what belongs to their configuration.

#include "webhooks/webhooks.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "api/feed_answer.h"
#include "api/resources.h"
#include "api/webhook_body.h"

namespace bitvault::api {
namespace {

namespace json = boost::json;
using webhooks::Actor;
using webhooks::Webhook;

Actor actor_of(const Call& call) { return {call.principal->key_id}; }

http::Response secret_answer(unsigned status, const Webhook& webhook) {
  http::Response response = json_response(status, render_with_secret(webhook));
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

// Where a new webhook begins; or what to answer instead.
Task<Result<std::variant<Position, CursorReset>>> start_of(const Services& services,
                                                           const Call& call, std::string start) {
  if (start != "latest" && start != "earliest") {
    Result<std::variant<Position, CursorReset>> opened =
        co_await services.feed.open(*call.tenant, std::move(start));
    co_return opened;
  }
  const Result<JournalHead> head = co_await services.store.head(*call.tenant);
  if (!head) {
    co_return fail(head.error());
  }
  co_return Position{head->epoch, start == "latest" ? head->head : Sequence{head->floor.value - 1}};
}

}  // namespace

Answer create_webhook(const Services& services, const Call& call) {
  Result<WebhookBody> body = WebhookBody::read(call.request, {"start", "secret"});
  if (!body) {
    co_return fail(std::move(body.error()));
  }
  Result<std::optional<webhooks::SigningSecret>> secret = secret_member(body->object());
  if (!secret) {
    co_return fail(std::move(secret.error()));
  }
  Result<std::optional<std::string>> start = text_member(body->object(), "start");
  if (!start) {
    co_return fail(std::move(start.error()));
  }
  webhooks::WebhookSettings settings{.url = ""};
  if (Status read = body->apply(settings); !read) {
    co_return fail(std::move(read.error()));
  }
  if (Status valid = webhooks::validate(settings); !valid) {
    co_return fail(std::move(valid.error()));
  }
  const auto signs = [&](webhooks::SignatureKind kind) {
    return std::ranges::find(settings.signatures, kind) != settings.signatures.end();
  };
  if (*secret && !signs((*secret)->kind())) {
    co_return wrong("secret", "is of a kind that \"signatures\" does not name");
  }
  Result<std::variant<Position, CursorReset>> from =
      co_await start_of(services, call, start->value_or("latest"));
  if (!from) {
    co_return fail(std::move(from.error()));
  }
  if (const auto* reset = std::get_if<CursorReset>(&*from)) {
    co_return reset_answer(*reset, call.request.request_id);
  }
  const Sequence after = std::get<Position>(*from).sequence;
  Result<Webhook> webhook = co_await services.webhooks->create(
      *call.tenant, actor_of(call), std::move(settings), std::move(*secret), after);
  if (!webhook) {
    co_return fail(std::move(webhook.error()));
  }
  co_return secret_answer(201, *webhook);
}

Answer list_webhooks(const Services& services, const Call& call) {
  Result<PageRequest> wanted = page_request(call);
  if (!wanted) {
    co_return fail(std::move(wanted.error()));
  }
  Result<ListPage<Webhook>> page =
      co_await services.webhooks->list(*call.tenant, std::move(wanted->after), wanted->limit);
  if (!page) {
    co_return fail(std::move(page.error()));
  }
  json::array items;
  for (const Webhook& webhook : page->items) {
    items.push_back(render(webhook));
  }
  const std::string last = page->items.empty() ? "" : page->items.back().id;
  co_return json_response(
      200, json::object{{"items", std::move(items)}, {"next_page", next_page(page->more, last)}});
}

Answer get_webhook(const Services& services, const Call& call) {
  Result<Webhook> webhook = co_await services.webhooks->get(*call.tenant, call.id);
  if (!webhook) {
    co_return fail(std::move(webhook.error()));
  }
  const Result<webhooks::Webhooks::Progress> progress =
      co_await services.webhooks->progress(*call.tenant, call.id);
  if (!progress) {
    co_return fail(progress.error());
  }
  const Duration waited = progress->waiting_since
                              ? services.world.clock().wall() - *progress->waiting_since
                              : Duration(0);
  const auto lag = std::chrono::round<std::chrono::seconds>(waited);
  const Sequence position = std::min(progress->track.position, progress->head);
  json::object answer = render(*webhook);
  answer["progress"] = json::object{{"position", position.value},
                                    {"head", progress->head.value},
                                    {"lag_events", progress->head.value - position.value},
                                    {"lag_seconds", std::max<std::int64_t>(0, lag.count())},
                                    {"failing_since", render(progress->track.failing_since)}};
  co_return json_response(200, answer);
}

Answer update_webhook(const Services& services, const Call& call) {
  Result<WebhookBody> body = WebhookBody::read(call.request, {});
  if (!body) {
    co_return fail(std::move(body.error()));
  }
  std::vector<std::string> names = body->names();
  const auto change = [body = std::move(*body)](webhooks::WebhookSettings& settings) {
    return body.apply(settings);
  };
  Result<Webhook> webhook = co_await services.webhooks->update(
      *call.tenant, call.id, actor_of(call), change, std::move(names));
  if (!webhook) {
    co_return fail(std::move(webhook.error()));
  }
  co_return secret_answer(200, *webhook);
}

Answer delete_webhook(const Services& services, const Call& call) {
  Status removed = co_await services.webhooks->remove(*call.tenant, call.id);
  if (!removed) {
    co_return fail(std::move(removed.error()));
  }
  co_return http::Response{204, "", {}, ""};
}

Answer rotate_webhook_secret(const Services& services, const Call& call) {
  Result<json::object> body = json_body(call.request, {"overlap_seconds", "secret"});
  if (!body) {
    co_return fail(std::move(body.error()));
  }
  Result<std::optional<webhooks::SigningSecret>> secret = secret_member(*body);
  if (!secret) {
    co_return fail(std::move(secret.error()));
  }
  std::int64_t overlap = webhooks::kOverlapDefault.count();
  if (const json::value* given = body->if_contains("overlap_seconds")) {
    overlap = given->is_int64() ? given->get_int64() : -1;
    if (overlap < 0 || overlap > webhooks::kOverlapMax.count()) {
      co_return wrong("overlap_seconds", fmt::format("must be a whole number from 0 to {}",
                                                     webhooks::kOverlapMax.count()));
    }
  }
  Result<Webhook> webhook = co_await services.webhooks->rotate(
      *call.tenant, call.id, actor_of(call), std::move(*secret), std::chrono::seconds(overlap));
  if (!webhook) {
    co_return fail(std::move(webhook.error()));
  }
  co_return secret_answer(200, *webhook);
}

Answer test_webhook(const Services& services, const Call& call) {
  const Result<json::object> body = json_body(call.request, {});
  if (!body) {
    co_return fail(body.error());
  }
  Result<webhooks::TestAttempt> attempt =
      co_await services.webhooks->test(*call.tenant, call.id, actor_of(call));
  if (!attempt) {
    co_return fail(std::move(attempt.error()));
  }
  const delivery::Outcome& outcome = attempt->outcome;
  json::object answer =
      render(AttemptEntry{.tenant = *call.tenant,
                          .subscription = call.id,
                          .sequence = {},
                          .attempt = 1,
                          .at = attempt->at,
                          .latency = outcome.latency,
                          .delivered = outcome.verdict == delivery::Verdict::kDelivered,
                          .status = outcome.status,
                          .reason = outcome.reason,
                          .address = outcome.address,
                          .answer = outcome.answer},
             attempt->event_id);
  answer["detail"] = outcome.detail;
  co_return json_response(200, answer);
}

Answer enable_webhook(const Services& services, const Call& call) {
  const Result<json::object> body = json_body(call.request, {"resume"});
  if (!body) {
    co_return fail(body.error());
  }
  const Result<std::optional<std::string>> resume = text_member(*body, "resume");
  if (!resume) {
    co_return fail(resume.error());
  }
  const std::string word = resume->value_or("catch_up");
  if (word != "catch_up" && word != "skip") {
    co_return wrong("resume", R"(must be "catch_up" or "skip")");
  }
  Result<Webhook> webhook = co_await services.webhooks->enable(
      *call.tenant, call.id, actor_of(call),
      word == "skip" ? webhooks::Resume::kSkip : webhooks::Resume::kCatchUp);
  if (!webhook) {
    co_return fail(std::move(webhook.error()));
  }
  co_return json_response(200, render(*webhook));
}

Answer disable_webhook(const Services& services, const Call& call) {
  const Result<json::object> body = json_body(call.request, {});
  if (!body) {
    co_return fail(body.error());
  }
  Result<Webhook> webhook =
      co_await services.webhooks->disable(*call.tenant, call.id, actor_of(call));
  if (!webhook) {
    co_return fail(std::move(webhook.error()));
  }
  co_return json_response(200, render(*webhook));
}

}  // namespace bitvault::api
