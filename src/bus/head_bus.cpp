#include "bus/head_bus.h"

namespace bitvault {

HeadBus::Listening::Listening(HeadBus& bus, TenantName tenant, Signal& signal)
    : bus_(bus), tenant_(std::move(tenant)) {
  Shard& shard = bus_.shard(tenant_);
  const std::lock_guard lock(shard.mutex);
  std::list<Signal*>& signals = shard.signals[tenant_];
  place_ = signals.insert(signals.end(), &signal);
}

HeadBus::Listening::~Listening() {
  Shard& shard = bus_.shard(tenant_);
  const std::lock_guard lock(shard.mutex);
  const auto entry = shard.signals.find(tenant_);
  entry->second.erase(place_);
  if (entry->second.empty()) {
    shard.signals.erase(entry);
  }
}

void HeadBus::announce(const TenantName& tenant) {
  Shard& shard = this->shard(tenant);
  const std::lock_guard lock(shard.mutex);
  if (const auto entry = shard.signals.find(tenant); entry != shard.signals.end()) {
    for (Signal* signal : entry->second) {
      signal->notify();
    }
  }
}

std::size_t HeadBus::listeners() const {
  std::size_t count = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [tenant, signals] : shard.signals) {
      count += signals.size();
    }
  }
  return count;
}

HeadBus::Shard& HeadBus::shard(const TenantName& tenant) {
  return shards_[std::hash<TenantName>{}(tenant) % shards_.size()];
}

}  // namespace bitvault
