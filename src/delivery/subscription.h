// A Subscription says which of a tenant's events go where and how: what the engine is told of a
// webhook, a trigger or a sink. And a Surface is the feature that has them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/tenant_name.h"
#include "delivery/policy.h"
#include "delivery/target.h"
#include "pattern/selection.h"
#include "store/transaction.h"

namespace bitvault::delivery {

inline constexpr std::size_t kSubscriptionIdBytesMax = 64;

struct Subscription {
  std::string id;  // [a-z0-9_]+, at most kSubscriptionIdBytesMax; no other one of the tenant has it
  bool enabled = true;
  Selection filter = {};
  // Changes whenever the filter does: "what it matched before" begins anew.
  std::uint64_t filter_revision = 0;
  Policy policy = {};
  std::shared_ptr<const Target> target = {};
};

// Something that happened to a subscription and that its owner may want to hear as an event.
struct Notice {
  enum class Kind : std::uint8_t { kFailing, kRecovered, kDeadLettered, kDisabled };
  Kind kind;
  std::string subscription;
  std::string reason = {};
  WallTime at{};
  WallTime since{};        // of kFailing, kRecovered: when it began to fail
  Sequence sequence{};     // of kDeadLettered, and what follows
  std::string event_id{};  //
  std::string event_type{};
  unsigned attempts = 0;
};

class Surface {
 public:
  virtual ~Surface() = default;

  // All of a tenant's, whether they are enabled or not.
  [[nodiscard]] virtual Task<Result<std::vector<Subscription>>> subscriptions(
      TenantName tenant) = 0;

  // At most kTransactionEventsMax notices, in their order, in the commit of what they tell of; who
  // has more tells the rest with the next one.
  // Adds to the transaction what these notices change and append: a subscription that is disabled,
  // with an expectation of how it was, and the operational events, where the tenant wants them. The
  // same notices make the same events, with the same ids.
  [[nodiscard]] virtual Task<Status> tell(std::vector<Notice> notices,
                                          Transaction& transaction) = 0;
};

}  // namespace bitvault::delivery
