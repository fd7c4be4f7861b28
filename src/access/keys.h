// API keys: who is calling.
//
// A tenant's key reads bvk_<tenant>_<id>_<secret>; only the SHA-256 of the whole is stored, as a
// record of its tenant. The operator's key is any text of 20 bytes or more whose hash stands in the
// installation's settings; made ones read bvk_operator_<secret>.
//
// What authenticate() found is remembered for at most kCacheTime, so a key that another node
// revokes ends within that time; one revoked here, or whose tenant is deleted here, ends at once.
// Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "access/scope.h"
#include "base/crypto.h"
#include "base/error.h"
#include "base/tenant_name.h"
#include "store/store.h"
#include "world/world.h"

namespace bitvault {

// Who calls. The operator acts on every tenant; everybody else on one.
struct Principal {
  std::optional<TenantName> tenant;  // absent: the operator
  std::string key_id;
  Scopes scopes;
  std::optional<std::string> user;  // of an inbox:read key

  [[nodiscard]] bool is_operator() const { return !tenant; }
};

struct KeyDescription {
  std::string name;
  Scopes scopes;
  std::optional<WallTime> expires;
  std::optional<std::string> user;
};

struct Key {
  std::string id;
  KeyDescription description;
  WallTime created;
};

struct NewKey {
  Key key;
  std::string token;  // shown once, stored nowhere
};

class Keys {
 public:
  static constexpr Duration kCacheTime = std::chrono::seconds(5);
  static constexpr std::size_t kCacheEntriesMax = 10'000;
  static constexpr std::size_t kNameBytesMax = 200;

  Keys(World& world, Store& store) : world_(world), store_(store) {}

  // kUnauthenticated for every token that is not a valid key now.
  [[nodiscard]] Task<Result<Principal>> authenticate(std::string token);

  // Whether a token that has opened the scope on the tenant still does: for what lasts. While the
  // store cannot tell, it does.
  [[nodiscard]] Task<bool> still_open(std::string token, TenantName tenant, Scope scope);

  [[nodiscard]] Task<Result<NewKey>> create(TenantName tenant, KeyDescription description);
  [[nodiscard]] Task<Result<ListPage<Key>>> list(TenantName tenant, std::string after,
                                                 std::size_t limit);
  // kNotFound when the tenant has no such key.
  [[nodiscard]] Task<Status> revoke(TenantName tenant, std::string id);
  // Remembers nothing of the tenant's keys any more: they changed, or the tenant was deleted.
  void forget(const TenantName& tenant);

  // Makes `token` the operator's key from now on.
  [[nodiscard]] Task<Status> set_operator_key(std::string token);
  // Whether the installation has an operator key.
  [[nodiscard]] Task<Result<bool>> has_operator_key();
  // A fresh token fit for set_operator_key().
  [[nodiscard]] std::string make_operator_token();

 private:
  struct Cached {
    Principal principal;
    std::optional<WallTime> expires;
    MonotonicTime fresh_until;
  };

  [[nodiscard]] std::optional<Result<Principal>> cached(const std::string& hash);
  // Drops the entry when anything was forgotten since `generation`: it may be that.
  void remember(const std::string& hash, Cached entry, std::uint64_t generation);
  [[nodiscard]] std::uint64_t generation();
  [[nodiscard]] Task<Result<Cached>> look_up(const std::string& token, const std::string& hash);

  World& world_;
  Store& store_;
  std::mutex mutex_;
  std::unordered_map<std::string, Cached> cache_;  // by the token's hash; guarded by mutex_
  std::uint64_t generation_ = 0;                   // of what was forgotten; guarded by mutex_
};

}  // namespace bitvault
