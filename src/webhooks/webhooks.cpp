// Webhooks: their configuration, and what the engine is told.

#include "webhooks/webhooks.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"
#include "webhooks/webhook_target.h"

namespace bitvault::webhooks {
namespace {

using delivery::Notice;
using delivery::Subscription;

constexpr int kTriesMax = 5;  // of a change that others keep getting ahead of
constexpr std::size_t kRecordsPerPage = 200;
constexpr std::string_view kDisabledByOwner = "asked";

bool is_id(std::string_view text) {
  return text.starts_with(kIdPrefix) && text.size() <= delivery::kSubscriptionIdBytesMax &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::unexpected<Error> unknown(const std::string& id) {
  return fail(Code::kNotFound, "the tenant has no webhook " + id);
}

}  // namespace

WebhookEvents::Stub Webhooks::stub() {
  std::array<std::byte, 10> random;
  parts_.world.random().fill(random);
  const WallTime now = parts_.world.clock().wall();
  return {EventId::make(now, random), now};
}

// Ids ascend in the order in which they were made: by the time, and within this process always.
std::string Webhooks::new_id(std::string_view prefix) {
  const std::int64_t now = parts_.world.clock().wall().time_since_epoch().count();
  std::int64_t last = last_id_.load();
  while (!last_id_.compare_exchange_weak(last, std::max(now, last + 1))) {
  }
  std::array<std::byte, 6> random;
  parts_.world.random().fill(random);
  return fmt::format("{}{:014x}{}", prefix, std::max(now, last + 1), hex(random));
}

Task<Result<Webhooks::Stored>> Webhooks::load(TenantName tenant, std::string id) {
  if (!is_id(id)) {
    co_return unknown(id);
  }
  Result<std::optional<std::string>> record = co_await parts_.store.get(tenant, kWebhooks, id);
  if (!record) {
    co_return fail(std::move(record.error()));
  }
  if (!*record) {
    co_return unknown(id);
  }
  Result<Webhook> webhook = from_record({id, **record}, sealer(tenant));
  if (!webhook) {
    co_return fail(std::move(webhook.error()));
  }
  co_return Stored{std::move(*webhook), std::move(**record)};
}

Task<Result<bool>> Webhooks::tells(TenantName tenant) {
  Result<Tenant> found = co_await parts_.store.tenant(std::move(tenant));
  if (!found) {
    co_return fail(std::move(found.error()));
  }
  co_return found->settings.operational_events;
}

Task<Status> Webhooks::finish(Transaction transaction) {
  const TenantName tenant = transaction.tenant();
  Result<Committed> committed = co_await parts_.store.commit(std::move(transaction));
  if (committed || committed.error().code == Code::kOutcomeUnknown) {
    changed_(tenant);
  }
  if (!committed) {
    co_return fail(std::move(committed.error()));
  }
  co_return Status{};
}

Task<Status> Webhooks::check_room(TenantName tenant) {
  std::size_t count = 0;
  std::string after;
  for (bool more = true; more;) {
    Result<ListPage<Record>> page =
        co_await parts_.store.scan(tenant, kWebhooks, "", after, kRecordsPerPage);
    if (!page) {
      co_return fail(std::move(page.error()));
    }
    count += page->items.size();
    more = page->more && !page->items.empty();
    after = page->items.empty() ? "" : page->items.back().key;
  }
  if (count >= limits_.webhooks) {
    co_return fail(Code::kConflict,
                   fmt::format("the tenant has {} webhooks, and {} is the most: delete one first",
                               count, limits_.webhooks));
  }
  co_return Status{};
}

Task<Status> Webhooks::judge(std::string url) {
  std::expected<void, std::string> judged = co_await parts_.outgoing.judge(std::move(url));
  if (!judged) {
    co_return fail(Error{Code::kInvalid, "url: " + judged.error(), {{0, "url", judged.error()}}});
  }
  co_return Status{};
}

Task<Result<Webhook>> Webhooks::create(TenantName tenant, Actor actor, WebhookSettings settings,
                                       std::optional<SigningSecret> secret, Sequence after) {
  if (Status valid = validate(settings); !valid) {
    co_return fail(std::move(valid.error()));
  }
  Status judged = co_await judge(settings.url);
  if (!judged) {
    co_return fail(std::move(judged.error()));
  }
  Status room = co_await check_room(tenant);
  if (!room) {
    co_return fail(std::move(room.error()));
  }
  const Result<bool> tell_it = co_await tells(tenant);
  if (!tell_it) {
    co_return fail(tell_it.error());
  }
  Random& random = parts_.world.random();
  const WallTime now = parts_.world.clock().wall();
  Webhook webhook{
      .id = new_id(kIdPrefix), .settings = std::move(settings), .created = now, .updated = now};
  complete_secrets(webhook, std::move(secret), now, random);
  Transaction transaction(tenant);
  transaction.expect(kWebhooks, webhook.id, std::nullopt);
  transaction.put(kWebhooks, webhook.id, to_record(webhook, sealer(tenant), random));
  delivery::begin(transaction, webhook.id, after);
  if (*tell_it) {
    transaction.append(events_.created(tenant, webhook, actor, stub()));
  }
  Status done = co_await finish(std::move(transaction));
  if (!done) {
    co_return fail(std::move(done.error()));
  }
  co_return webhook;
}

Task<Result<ListPage<Webhook>>> Webhooks::list(TenantName tenant, std::string after,
                                               std::size_t limit) {
  Result<ListPage<Record>> records =
      co_await parts_.store.scan(tenant, kWebhooks, "", std::move(after), limit);
  if (!records) {
    co_return fail(std::move(records.error()));
  }
  const Sealer opener = sealer(tenant);
  ListPage<Webhook> page{{}, records->more};
  for (const Record& record : records->items) {
    Result<Webhook> webhook = from_record(record, opener);
    if (!webhook) {
      co_return fail(std::move(webhook.error()));
    }
    page.items.push_back(std::move(*webhook));
  }
  co_return page;
}

Task<Result<Webhook>> Webhooks::get(TenantName tenant, std::string id) {
  Result<Stored> stored = co_await load(std::move(tenant), std::move(id));
  if (!stored) {
    co_return fail(std::move(stored.error()));
  }
  co_return std::move(stored->webhook);
}

Task<Result<Webhook>> Webhooks::apply(TenantName tenant, std::string id, Step step, EventOf event) {
  const Result<bool> tell_it = co_await tells(tenant);
  if (!tell_it) {
    co_return fail(tell_it.error());
  }
  for (int tries = 1;; ++tries) {
    Result<Stored> stored = co_await load(tenant, id);
    if (!stored) {
      co_return fail(std::move(stored.error()));
    }
    Webhook& webhook = stored->webhook;
    Transaction transaction(tenant);
    const WallTime now = parts_.world.clock().wall();
    const Result<bool> changes = step(webhook, transaction, now);
    if (!changes) {
      co_return fail(changes.error());
    }
    if (!*changes) {
      co_return std::move(webhook);
    }
    webhook.updated = now;
    transaction.expect(kWebhooks, id, std::move(stored->record));
    transaction.put(kWebhooks, id, to_record(webhook, sealer(tenant), parts_.world.random()));
    if (*tell_it) {
      transaction.append(event(webhook));
    }
    Status done = co_await finish(std::move(transaction));
    if (done) {
      co_return std::move(webhook);
    }
    if (done.error().code != Code::kConflict || tries == kTriesMax) {
      co_return fail(std::move(done.error()));
    }
  }
}

Task<Result<Webhook>> Webhooks::update(TenantName tenant, std::string id, Actor actor,
                                       Change change, std::vector<std::string> changed) {
  Result<Stored> stored = co_await load(tenant, id);
  if (!stored) {
    co_return fail(std::move(stored.error()));
  }
  const std::string url = stored->webhook.settings.url;
  Status changes = change(stored->webhook.settings);
  if (!changes) {
    co_return fail(std::move(changes.error()));
  }
  if (stored->webhook.settings.url != url && validate(stored->webhook.settings)) {
    Status judged = co_await judge(stored->webhook.settings.url);
    if (!judged) {
      co_return fail(std::move(judged.error()));
    }
  }
  const auto step = [this, change = std::move(change)](Webhook& webhook, Transaction&,
                                                       WallTime now) -> Result<bool> {
    const WebhookSettings before = webhook.settings;
    if (Status done = change(webhook.settings); !done) {
      return fail(std::move(done.error()));
    }
    if (Status valid = validate(webhook.settings); !valid) {
      return fail(std::move(valid.error()));
    }
    webhook.filter_revision += same_filter(before, webhook.settings) ? 0 : 1;
    complete_secrets(webhook, {}, now, parts_.world.random());
    return true;
  };
  const auto event = [=, this, changed = std::move(changed)](const Webhook& webhook) {
    return events_.updated(tenant, webhook, actor, changed, stub());
  };
  Result<Webhook> webhook = co_await apply(tenant, std::move(id), step, event);
  co_return webhook;
}

Task<Status> Webhooks::remove(TenantName tenant, std::string id) {
  Result<Stored> stored = co_await load(tenant, id);
  if (!stored) {
    co_return fail(std::move(stored.error()));
  }
  Transaction transaction(tenant);
  transaction.erase(kWebhooks, id);
  Status done = co_await finish(std::move(transaction));
  if (done) {
    parts_.attempts.forget(tenant, id);
  }
  co_return done;
}

Task<Result<Webhook>> Webhooks::rotate(TenantName tenant, std::string id, Actor actor,
                                       std::optional<SigningSecret> secret, Duration overlap) {
  const auto step = [=, this](Webhook& webhook, Transaction&, WallTime now) -> Result<bool> {
    Status rotated = rotate_secrets(webhook, secret, overlap, now, parts_.world.random());
    if (!rotated) {
      return fail(std::move(rotated.error()));
    }
    return true;
  };
  const auto event = [=, this](const Webhook& webhook) {
    return events_.updated(tenant, webhook, actor, {"secret"}, stub());
  };
  Result<Webhook> webhook = co_await apply(tenant, std::move(id), step, event);
  co_return webhook;
}

Task<Result<Webhook>> Webhooks::enable(TenantName tenant, std::string id, Actor actor,
                                       Resume resume) {
  const auto step = [=, this](Webhook& webhook, Transaction& transaction,
                              WallTime) -> Result<bool> {
    if (webhook.enabled && resume == Resume::kCatchUp) {
      return false;
    }
    webhook.enabled = true;
    webhook.disabled_reason.clear();
    webhook.disabled_at.reset();
    if (resume == Resume::kSkip) {
      delivery::add_request(transaction, webhook.id, new_id(""),
                            {.kind = delivery::Request::Kind::kSkip});
    }
    return true;
  };
  const auto event = [=, this](const Webhook& webhook) {
    return events_.enabled(tenant, webhook, actor, resume, stub());
  };
  Result<Webhook> webhook = co_await apply(tenant, std::move(id), step, event);
  co_return webhook;
}

Task<Result<Webhook>> Webhooks::disable(TenantName tenant, std::string id, Actor actor) {
  const auto step = [](Webhook& webhook, Transaction&, WallTime now) -> Result<bool> {
    if (!webhook.enabled) {
      return false;
    }
    webhook.enabled = false;
    webhook.disabled_reason = kDisabledByOwner;
    webhook.disabled_at = now;
    return true;
  };
  const auto event = [=, this](const Webhook& webhook) {
    return events_.disabled(tenant, webhook, actor, stub());
  };
  Result<Webhook> webhook = co_await apply(tenant, std::move(id), step, event);
  co_return webhook;
}

Result<Subscription> Webhooks::subscription(const Record& record, const Sealer& opener) {
  const Result<Webhook> webhook = from_record(record, opener);
  if (!webhook) {
    return fail(webhook.error());
  }
  Result<std::optional<Pattern>> pattern = pattern_of(*webhook);
  if (!pattern) {
    return fail(std::move(pattern.error()));
  }
  return Subscription{.id = webhook->id,
                      .enabled = webhook->enabled,
                      .filter = {filter_of(*webhook), std::move(*pattern)},
                      .filter_revision = webhook->filter_revision,
                      .policy = webhook->settings.policy,
                      .target = std::make_shared<const WebhookTarget>(
                          *webhook, parts_.world, parts_.outgoing, parts_.version)};
}

// One that cannot be read, under another master key for instance, rests until it can be: the others
// go on, and nothing of it is lost.
Task<Result<std::vector<Subscription>>> Webhooks::subscriptions(TenantName tenant) {
  const Sealer opener = sealer(tenant);
  std::vector<Subscription> all;
  std::string after;
  for (bool more = true; more;) {
    Result<ListPage<Record>> page =
        co_await parts_.store.scan(tenant, kWebhooks, "", after, kRecordsPerPage);
    if (!page) {
      co_return fail(std::move(page.error()));
    }
    for (const Record& record : page->items) {
      Result<Subscription> one = subscription(record, opener);
      if (!one) {
        spdlog::error("the webhook {} of {} rests, for it cannot be read: {}", record.key,
                      tenant.str(), one.error().detail);
        all.push_back({.id = record.key, .enabled = false});
        continue;
      }
      all.push_back(std::move(*one));
    }
    more = page->more && !page->items.empty();
    after = page->items.empty() ? "" : page->items.back().key;
  }
  co_return all;
}

Task<Status> Webhooks::tell(std::vector<Notice> notices, Transaction& transaction) {
  const TenantName tenant = transaction.tenant();
  const Result<bool> tell_it = co_await tells(tenant);
  if (!tell_it) {
    co_return fail(tell_it.error());
  }
  std::map<std::string, std::optional<Webhook>> known;  // absent: it is gone
  for (const Notice& notice : notices) {
    if (!known.contains(notice.subscription)) {
      Result<Stored> stored = co_await load(tenant, notice.subscription);
      if (!stored && stored.error().code != Code::kNotFound) {
        co_return fail(std::move(stored.error()));
      }
      std::optional<Webhook>& entry = known[notice.subscription];
      if (stored) {
        entry = std::move(stored->webhook);
        const bool disables = std::ranges::any_of(notices, [&](const Notice& each) {
          return each.kind == Notice::Kind::kDisabled && each.subscription == entry->id;
        });
        if (disables) {
          transaction.expect(kWebhooks, entry->id, std::move(stored->record));
        }
      }
    }
    std::optional<Webhook>& webhook = known[notice.subscription];
    // Of a dead letter that tells of a webhook nothing is told: two webhooks that fail, and hear of
    // each other, would never end.
    const bool echo =
        notice.kind == Notice::Kind::kDeadLettered && notice.event_type.starts_with(kTypePrefix);
    if (!webhook || echo) {
      continue;
    }
    if (notice.kind == Notice::Kind::kDisabled) {
      if (!webhook->enabled) {
        continue;
      }
      webhook->enabled = false;
      webhook->disabled_reason = notice.reason;
      webhook->disabled_at = notice.at;
      webhook->updated = notice.at;
      transaction.put(kWebhooks, webhook->id,
                      to_record(*webhook, sealer(tenant), parts_.world.random()));
    }
    if (*tell_it) {
      transaction.append(events_.of(tenant, *webhook, notice));
    }
  }
  co_return Status{};
}

}  // namespace bitvault::webhooks
