// A Store in memory: no threads, no failures, nothing kept but in itself, so a copy is another
// store. It notes which tenants' data its callers came near.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace bitvault::fuzz {

class MemoryStore final : public Store {
 public:
  struct Journal {
    Tenant tenant;
    std::vector<StoredEvent> events;            // sequence - 1 is the place
    std::map<std::string, std::size_t> places;  // of an event, by its id
    std::map<std::pair<std::string, std::string>, std::string> records;  // by collection and key
  };
  // What calls since the last forget() have read or written. Looking up a key does not count.
  struct Touched {
    std::set<TenantName> read;
    std::set<TenantName> written;
    bool listed = false;  // the tenants
  };

  explicit MemoryStore(const Clock& clock) : clock_(clock) {}
  MemoryStore(const MemoryStore& other, const Clock& clock)
      : clock_(clock), journals_(other.journals_), settings_(other.settings_) {}

  [[nodiscard]] const std::map<TenantName, Journal>& journals() const { return journals_; }
  [[nodiscard]] const Touched& touched() const { return touched_; }
  void forget() { touched_ = {}; }

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
  [[nodiscard]] Status health() const override { return {}; }

 private:
  [[nodiscard]] Result<Journal*> open(const TenantName& name);
  [[nodiscard]] Result<Committed> apply(Transaction& transaction, Journal& journal);
  [[nodiscard]] Result<Committed::Event> append(EncodedEvent event, Journal& journal);

  const Clock& clock_;
  std::map<TenantName, Journal> journals_;
  std::map<std::string, std::string> settings_;
  Touched touched_;
};

}  // namespace bitvault::fuzz
