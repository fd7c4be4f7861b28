#include "api/rate_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/problem.h"

namespace bitvault::api {
namespace {

// More is as good as none, and this times kScannedPerRequest can be counted.
constexpr std::uint64_t kPerSecondMax = 1'000'000'000'000;

std::string_view name_of(RateLimits::Kind kind) {
  switch (kind) {
    case RateLimits::Kind::kRequests:
      return "requests";
    case RateLimits::Kind::kEvents:
      return "published events";
    case RateLimits::Kind::kScanned:
      return "scanned events";
  }
  return "";
}

std::optional<http::Response> answer(RateLimits::Kind kind, Duration wait,
                                     std::string_view request_id) {
  if (wait == Duration::zero()) {
    return std::nullopt;
  }
  const std::int64_t seconds =
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count());
  http::Response response =
      problem(Error{Code::kRateLimited,
                    fmt::format("the tenant is over its limit of {} a second; try again in {} s",
                                name_of(kind), seconds),
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
  const Duration wait = co_await use(std::move(tenant), kind, count, Use::kTake);
  co_return answer(kind, wait, request_id);
}

Task<std::optional<http::Response>> RateLimits::judge(TenantName tenant, Kind kind,
                                                      std::uint64_t count, std::string request_id) {
  const Duration wait = co_await use(std::move(tenant), kind, count, Use::kJudge);
  co_return answer(kind, wait, request_id);
}

Task<Duration> RateLimits::charge(TenantName tenant, Kind kind, std::uint64_t count) {
  const Duration wait = co_await use(std::move(tenant), kind, count, Use::kCharge);
  co_return wait;
}

Task<Duration> RateLimits::use(TenantName tenant, Kind kind, std::uint64_t count, Use use) {
  std::optional<Duration> wait = use_known(tenant, kind, count, use);
  if (!wait) {
    const Result<Tenant> read = co_await store_.tenant(tenant);
    if (read) {
      learn(tenant, read->settings);
      wait = use_known(tenant, kind, count, use);
    }
  }
  co_return wait.value_or(Duration::zero());
}

std::optional<Duration> RateLimits::use_known(const TenantName& tenant, Kind kind,
                                              std::uint64_t count, Use use) {
  const MonotonicTime now = world_.clock().monotonic();
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(tenant);
  if (found == entries_.end() || found->second.fresh_until <= now) {
    return std::nullopt;
  }
  const auto per_second = rate(found->second, kind);
  if (!per_second) {
    return Duration::zero();
  }
  TokenBucket& bucket = found->second.buckets.at(static_cast<std::size_t>(kind));
  switch (use) {
    case Use::kTake:
      return bucket.take(count, *per_second, now);
    case Use::kCharge:
      bucket.charge(count, *per_second, now);
      return bucket.wait_for(0, *per_second, now);
    case Use::kJudge:
      return bucket.wait_for(count, *per_second, now);
  }
  return Duration::zero();
}

std::optional<std::uint64_t> RateLimits::rate(const Entry& entry, Kind kind) const {
  switch (kind) {
    case Kind::kRequests:
      return entry.own_per_second ? entry.own_per_second : defaults_.requests_per_second;
    case Kind::kEvents:
      return entry.own_per_second ? entry.own_per_second : defaults_.events_per_second;
    case Kind::kScanned:
      break;
  }
  if (!entry.own_per_second) {
    return defaults_.scanned_per_second;
  }
  return std::min(*entry.own_per_second, kPerSecondMax) * kScannedPerRequest;
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
    return std::ranges::all_of(entry.second.buckets,
                               [&](const TokenBucket& bucket) { return bucket.is_full(now); });
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
