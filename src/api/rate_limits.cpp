#include "api/rate_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/problem.h"

namespace bitvault::api {
namespace {

http::Response too_many(RateLimits::Kind kind, Duration wait, std::string_view request_id) {
  const std::int64_t seconds =
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count());
  const std::string_view what =
      kind == RateLimits::Kind::kRequests ? "requests" : "published events";
  http::Response response =
      problem(Error{Code::kRateLimited,
                    fmt::format("the tenant is over its limit of {} a second; try again in {} s",
                                what, seconds),
                    {}},
              request_id);
  for (auto& [name, value] : response.headers) {
    if (name == "Retry-After") {  // problem() knows no better than 1
      value = fmt::format("{}", seconds);
    }
  }
  return response;
}

}  // namespace

Task<std::optional<http::Response>> RateLimits::take(TenantName tenant, Kind kind,
                                                     std::uint64_t count, std::string request_id) {
  std::optional<Duration> wait = take_known(tenant, kind, count);
  if (!wait) {
    const Result<Tenant> read = co_await store_.tenant(tenant);
    if (!read) {
      co_return std::nullopt;
    }
    learn(tenant, read->settings);
    wait = take_known(tenant, kind, count);
  }
  if (!wait || *wait == Duration::zero()) {
    co_return std::nullopt;
  }
  co_return too_many(kind, *wait, request_id);
}

std::optional<Duration> RateLimits::take_known(const TenantName& tenant, Kind kind,
                                               std::uint64_t count) {
  const MonotonicTime now = world_.clock().monotonic();
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(tenant);
  if (found == entries_.end() || found->second.fresh_until <= now) {
    return std::nullopt;
  }
  Entry& entry = found->second;
  const auto otherwise =
      kind == Kind::kRequests ? defaults_.requests_per_second : defaults_.events_per_second;
  const auto rate = entry.own_per_second ? entry.own_per_second : otherwise;
  if (!rate) {
    return Duration::zero();
  }
  TokenBucket& bucket = kind == Kind::kRequests ? entry.requests : entry.events;
  return bucket.take(count, *rate, now);
}

void RateLimits::learn(const TenantName& tenant, const TenantSettings& settings) {
  const MonotonicTime now = world_.clock().monotonic();
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kTenantsMax && !entries_.contains(tenant)) {
    make_room(now);
  }
  Entry& entry = entries_[tenant];
  entry.own_per_second = settings.rate_limit_per_second;
  entry.fresh_until = now + kSettingTime;
}

// Forgets the tenants whose buckets are full; when all owe something, one of them gets its burst
// again.
void RateLimits::make_room(MonotonicTime now) {
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.second.requests.is_full(now) && entry.second.events.is_full(now);
  });
  if (entries_.size() >= kTenantsMax) {
    entries_.erase(entries_.begin());
  }
}

std::size_t RateLimits::tenants() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace bitvault::api
