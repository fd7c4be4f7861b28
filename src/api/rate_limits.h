// How much each tenant may ask for in a second: requests, events published, and events scanned,
// which are those that its reads look at, whether they match or not.
//
// A tenant's own `rate_limit` bounds requests and published events, and kScannedPerRequest times as
// many scanned ones: a filtered read may cost what plain pages would. Without one the
// installation's limits do, which are none unless the operator sets them. Bursts of
// TokenBucket::kBurst go through. Tenants share nothing, so one that is over its limit slows no
// other. A change of the setting counts after kSettingTime at most. What is remembered is bounded:
// of tenants whose buckets are full nothing need be.
//
// Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/tenant_name.h"
#include "base/token_bucket.h"
#include "http/http.h"
#include "store/store.h"
#include "world/world.h"

namespace bitvault::api {

// Of tenants that have none of their own. Absent: no limit.
struct RateDefaults {
  std::optional<std::uint64_t> requests_per_second{};
  std::optional<std::uint64_t> events_per_second{};
  std::optional<std::uint64_t> scanned_per_second{};
};

class RateLimits {
 public:
  enum class Kind : std::uint8_t { kRequests, kEvents, kScanned };
  static constexpr std::uint64_t kScannedPerRequest = 1'000;
  static constexpr Duration kSettingTime = std::chrono::seconds(5);
  static constexpr std::size_t kTenantsMax = 10'000;

  RateLimits(World& world, Store& store, RateDefaults defaults)
      : world_(world), store_(store), defaults_(defaults) {}

  // Lets it in, or answers 429 with the time after which it would. A tenant that is not there,
  // or a store that cannot tell, is left to the call that follows.
  [[nodiscard]] Task<std::optional<http::Response>> take(TenantName tenant, Kind kind,
                                                         std::uint64_t count,
                                                         std::string request_id);
  // The same answer, and nothing is taken.
  [[nodiscard]] Task<std::optional<http::Response>> judge(TenantName tenant, Kind kind,
                                                          std::uint64_t count,
                                                          std::string request_id);
  // Takes what was used already, and says after which time no more is owed.
  [[nodiscard]] Task<Duration> charge(TenantName tenant, Kind kind, std::uint64_t count);

  // Tenants that something is remembered of.
  [[nodiscard]] std::size_t tenants() const;

 private:
  static constexpr std::size_t kKinds = 3;
  struct Entry {
    std::optional<std::uint64_t> own_per_second;
    MonotonicTime fresh_until;
    std::array<TokenBucket, kKinds> buckets;
  };
  enum class Use : std::uint8_t { kTake, kJudge, kCharge };

  // The time to wait.
  [[nodiscard]] Task<Duration> use(TenantName tenant, Kind kind, std::uint64_t count, Use use);
  // The same; nothing when the tenant's setting must be read first.
  [[nodiscard]] std::optional<Duration> use_known(const TenantName& tenant, Kind kind,
                                                  std::uint64_t count, Use use);
  [[nodiscard]] std::optional<std::uint64_t> rate(const Entry& entry, Kind kind) const;
  void learn(const TenantName& tenant, const TenantSettings& settings);
  void make_room(MonotonicTime now);

  World& world_;
  Store& store_;
  const RateDefaults defaults_;
  mutable std::mutex mutex_;
  std::unordered_map<TenantName, Entry> entries_;  // guarded by mutex_
};

}  // namespace bitvault::api
