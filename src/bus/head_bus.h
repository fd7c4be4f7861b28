// The in-process bus: a commit wakes the waiters of its own tenant, and nobody else's.
//
// announce() is cheap when nobody listens. Thread-safe. A Listening keeps its Signal registered;
// the Signal must live longer than it. The bus outlives every Listening.
#pragma once

#include <array>
#include <list>
#include <mutex>
#include <unordered_map>

#include "base/tenant_name.h"
#include "world/signal.h"

namespace bitvault {

class HeadBus {
 public:
  class Listening {
   public:
    Listening(HeadBus& bus, TenantName tenant, Signal& signal);
    ~Listening();
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;

   private:
    HeadBus& bus_;
    const TenantName tenant_;
    std::list<Signal*>::iterator place_;
  };

  // Notifies every Signal that listens to `tenant`, in the order in which they came.
  void announce(const TenantName& tenant);

  // How many Signals listen, to any tenant.
  [[nodiscard]] std::size_t listeners() const;

 private:
  // Many small maps, so that tenants seldom wait for each other's lock.
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<TenantName, std::list<Signal*>> signals;  // guarded by mutex
  };

  Shard& shard(const TenantName& tenant);

  std::array<Shard, 64> shards_;
};

}  // namespace bitvault
