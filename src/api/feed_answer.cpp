#include "api/feed_answer.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "api/metrics.h"
#include "api/problem.h"
#include "api/rate_limits.h"

namespace bitvault::api {
namespace {

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

// What to answer a tenant that has looked at too many events.
Task<std::optional<http::Response>> judge(const Services& services, const Call& call) {
  if (services.limits == nullptr) {
    co_return std::nullopt;
  }
  std::optional<http::Response> too_many = co_await services.limits->judge(
      *call.tenant, RateLimits::Kind::kScanned, 0, call.request.request_id);
  co_return too_many;
}

Task<> charge(const Services& services, const Call& call, std::size_t looked_at) {
  if (services.limits != nullptr && looked_at > 0) {
    const Duration owed =
        co_await services.limits->charge(*call.tenant, RateLimits::Kind::kScanned, looked_at);
    static_cast<void>(owed);  // the next read is told
  }
}

}  // namespace

http::Response reset_answer(const CursorReset& reset, std::string_view request_id) {
  return problem(Error{Code::kCursorReset,
                       "go on from earliest_cursor (everything retained) or from latest_cursor "
                       "(only what comes now), and treat what lies between as lost",
                       {}},
                 request_id,
                 {{"reason", reason_name(reset.reason)},
                  {"earliest_cursor", reset.earliest_cursor},
                  {"latest_cursor", reset.latest_cursor}});
}

Task<std::expected<FeedPage, http::Response>> read_page(const Services& services, const Call& call,
                                                        FeedQuery query) {
  const std::string& request_id = call.request.request_id;
  std::optional<http::Response> too_many = co_await judge(services, call);
  if (too_many) {
    co_return std::unexpected(*std::move(too_many));
  }
  auto read = co_await services.feed.read(std::move(query));
  if (!read) {
    co_return std::unexpected(problem(read.error(), request_id));
  }
  if (const auto* reset = std::get_if<CursorReset>(&*read)) {
    co_return std::unexpected(reset_answer(*reset, request_id));
  }
  FeedPage& page = std::get<FeedPage>(*read);
  co_await charge(services, call, page.looked_at);
  co_return std::move(page);
}

http::Response page_answer(FeedPage page, std::string_view type, std::string_view more) {
  const std::string erased = erased_list(page);
  http::Response response{200, std::string(type), {}, {}};
  response.headers.emplace_back("Cache-Control", "no-store");
  if (type == kPageJson) {
    response.body = join(
        page, "{\"events\":[", ",",
        fmt::format("],\"next_cursor\":\"{}\",\"has_more\":{}{}{}}}\n", page.next_cursor,
                    page.has_more, erased.empty() ? "" : ",\"erased\":[" + erased + "]", more));
    return holding(std::move(page.memory), std::move(response));
  }
  response.headers.emplace_back("BitVault-Next-Cursor", page.next_cursor);
  response.headers.emplace_back("BitVault-Has-More", page.has_more ? "true" : "false");
  if (!erased.empty()) {
    response.headers.emplace_back("BitVault-Erased", erased);
  }
  response.body = type == kPageBatch ? join(page, "[", ",", "]\n")
                                     : join(page, "", "\n", page.events.empty() ? "" : "\n");
  return holding(std::move(page.memory), std::move(response));
}

Task<AskedPage> ask_for_page(const Services& services, const Call& call, const FeedQuery& query,
                             std::string_view type) {
  if (services.pages == nullptr || !query.cursor || !query.filter.matches_all()) {
    co_return AskedPage{};
  }
  const Result<JournalHead> journal = co_await services.store.head(query.tenant);
  const Result<Position> after = services.cursors.open(query.tenant, *query.cursor);
  if (!journal || !after) {
    co_return AskedPage{};  // reading it will say why
  }
  PageKey key{query.tenant, *after, query.limit, type};
  auto [page, again] = services.pages->find(key, *journal);
  if (!page) {
    co_return AskedPage{.keep_as = again ? std::optional(std::move(key)) : std::nullopt};
  }
  std::optional<http::Response> too_many = co_await judge(services, call);
  if (too_many) {
    co_return AskedPage{.answer = std::move(too_many)};
  }
  co_await charge(services, call, page->looked_at);
  services.metrics.fed(page->events);
  co_return AskedPage{.answer = PageCache::answer(key, std::move(page))};
}

http::Response kept_page_answer(const Services& services, const std::optional<PageKey>& keep_as,
                                FeedPage page, std::string_view type) {
  PageCache::Page kept{.journal = *page.journal,
                       .has_more = page.has_more,
                       .events = page.events.size(),
                       .looked_at = page.looked_at};
  http::Response response = page_answer(std::move(page), type);
  if (!keep_as || kept.events == 0) {
    return response;
  }
  kept.headers = std::move(response.headers);
  kept.body = std::move(response.body);
  auto shared = services.pages->keep(*keep_as, std::move(kept));
  if (shared) {
    return PageCache::answer(*keep_as, std::move(*shared));
  }
  response.headers = std::move(shared.error().headers);
  response.body = std::move(shared.error().body);
  return response;
}

}  // namespace bitvault::api
