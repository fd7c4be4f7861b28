// A Store that fails as storage fails, around one that works.
//
// Before each call a decision is asked for: to pass it on, to refuse it before anything happened
// (kUnavailable), or to lose the answer after it was done (kOutcomeUnknown; a lost answer to a read
// is kUnavailable), each after a delay. It has no state but the count of its calls, no threads and
// no chance of its own.
#pragma once

#include <atomic>
#include <functional>

#include "store/store.h"

namespace bitvault::test {

class FaultyStore final : public Store {
 public:
  enum class Call : std::uint8_t {
    kCommit,
    kHead,
    kRead,
    kFind,
    kPositionAt,
    kHeld,
    kUpkeep,
    kRaiseFloor,
    kPrune,
    kSkip,
    kPutSummary,
    kEpochs,
    kBeginEpoch,
    kGet,
    kScan,
    kPutTenant,
    kTenant,
    kTenants,
    kDeleteTenant,
    kPurgeDeleted,
    kSetting,
    kPutSetting,
  };
  struct Fault {
    enum class Kind : std::uint8_t { kNone, kBefore, kAfter };
    Kind kind = Kind::kNone;
    Duration delay{};
  };
  // `number` counts the calls, this one included. Called on the caller's executor.
  using Decide = std::function<Fault(Call call, std::uint64_t number)>;

  FaultyStore(Store& inner, World& world, Decide decide)
      : inner_(inner), world_(world), decide_(std::move(decide)) {}

  [[nodiscard]] std::uint64_t calls() const { return calls_; }

  [[nodiscard]] Task<Result<Committed>> commit(Transaction transaction) override;
  [[nodiscard]] Task<Result<JournalHead>> head(TenantName tenant) override;
  [[nodiscard]] Task<Result<Slice>> read(TenantName tenant, Sequence after,
                                         ReadLimit limit) override;
  [[nodiscard]] Task<Result<FoundEvent>> find(TenantName tenant, EventId id) override;
  [[nodiscard]] Task<Result<Position>> position_at(TenantName tenant, WallTime time) override;
  [[nodiscard]] Task<Result<FoundEvent>> held(TenantName tenant, Sequence sequence) override;
  [[nodiscard]] Task<Result<ListPage<Upkeep>>> upkeep(std::string after,
                                                      std::size_t limit) override;
  [[nodiscard]] Task<Result<JournalHead>> raise_floor(TenantName tenant, Position floor) override;
  [[nodiscard]] Task<Result<Pruned>> prune(TenantName tenant, WallTime ids_before) override;
  [[nodiscard]] Task<Result<Sequence>> skip(TenantName tenant, Sequence after,
                                            BlockQuery query) override;
  [[nodiscard]] Task<Status> put_summary(TenantName tenant, Epoch epoch, std::uint64_t block,
                                         std::optional<std::string> summary) override;
  [[nodiscard]] Task<Result<std::vector<EpochBegin>>> epochs(TenantName tenant) override;
  [[nodiscard]] Task<Result<JournalHead>> begin_epoch(TenantName tenant,
                                                      std::string label) override;
  [[nodiscard]] Task<Result<std::optional<std::string>>> get(TenantName tenant,
                                                             Collection collection,
                                                             std::string key) override;
  [[nodiscard]] Task<Result<ListPage<Record>>> scan(TenantName tenant, Collection collection,
                                                    std::string prefix, std::string after,
                                                    std::size_t limit) override;
  [[nodiscard]] Task<Result<TenantPut>> put_tenant(TenantName name, TenantPatch patch) override;
  [[nodiscard]] Task<Result<Tenant>> tenant(TenantName name) override;
  [[nodiscard]] Task<Result<ListPage<Tenant>>> tenants(std::string after,
                                                       std::size_t limit) override;
  [[nodiscard]] Task<Status> delete_tenant(TenantName name) override;
  [[nodiscard]] Task<Result<bool>> purge_deleted() override;
  [[nodiscard]] Task<Result<std::optional<std::string>>> setting(std::string name) override;
  [[nodiscard]] Task<Status> put_setting(std::string name, std::string value) override;
  [[nodiscard]] Status health() const override { return inner_.health(); }

 private:
  // `call` was not started yet: it runs when the decision lets it.
  template <class Answer>
  [[nodiscard]] Task<Answer> pass(Call kind, Code lost, Task<Answer> call);

  Store& inner_;
  World& world_;
  Decide decide_;
  std::atomic<std::uint64_t> calls_{0};
};

}  // namespace bitvault::test
