#include "broken_store.h"

#include <algorithm>
#include <map>

namespace bitvault::sim {
namespace {

// Passes everything on.
class PassingStore : public Store {
 public:
  PassingStore(Store& inner, SimWorld& world, TaskGroup& tasks)
      : inner_(inner), world_(world), tasks_(tasks) {}

  Task<Result<Committed>> commit(Transaction transaction) override {
    return inner_.commit(std::move(transaction));
  }
  Task<Result<JournalHead>> head(TenantName tenant) override {
    return inner_.head(std::move(tenant));
  }
  Task<Result<Slice>> read(TenantName tenant, Sequence after, ReadLimit limit) override {
    return inner_.read(std::move(tenant), after, limit);
  }
  Task<Result<FoundEvent>> find(TenantName tenant, EventId id) override {
    return inner_.find(std::move(tenant), std::move(id));
  }
  Task<Result<Position>> position_at(TenantName tenant, WallTime time) override {
    return inner_.position_at(std::move(tenant), time);
  }
  Task<Result<FoundEvent>> held(TenantName tenant, Sequence sequence) override {
    return inner_.held(std::move(tenant), sequence);
  }
  Task<Result<ListPage<Upkeep>>> upkeep(std::string after, std::size_t limit) override {
    return inner_.upkeep(std::move(after), limit);
  }
  Task<Result<JournalHead>> raise_floor(TenantName tenant, Position floor) override {
    return inner_.raise_floor(std::move(tenant), floor);
  }
  Task<Result<Pruned>> prune(TenantName tenant, WallTime ids_before) override {
    return inner_.prune(std::move(tenant), ids_before);
  }
  Task<Result<Sequence>> skip(TenantName tenant, Sequence after, BlockQuery query) override {
    return inner_.skip(std::move(tenant), after, std::move(query));
  }
  Task<Status> put_summary(TenantName tenant, Epoch epoch, std::uint64_t block,
                           std::optional<std::string> summary) override {
    return inner_.put_summary(std::move(tenant), epoch, block, std::move(summary));
  }
  Task<Result<std::vector<EpochBegin>>> epochs(TenantName tenant) override {
    return inner_.epochs(std::move(tenant));
  }
  Task<Result<JournalHead>> begin_epoch(TenantName tenant, std::string label) override {
    return inner_.begin_epoch(std::move(tenant), std::move(label));
  }
  Task<Result<std::optional<std::string>>> get(TenantName tenant, Collection collection,
                                               std::string key) override {
    return inner_.get(std::move(tenant), collection, std::move(key));
  }
  Task<Result<ListPage<Record>>> scan(TenantName tenant, Collection collection, std::string prefix,
                                      std::string after, std::size_t limit) override {
    return inner_.scan(std::move(tenant), collection, std::move(prefix), std::move(after), limit);
  }
  Task<Result<TenantPut>> put_tenant(TenantName name, TenantPatch patch) override {
    return inner_.put_tenant(std::move(name), std::move(patch));
  }
  Task<Result<Tenant>> tenant(TenantName name) override { return inner_.tenant(std::move(name)); }
  Task<Result<ListPage<Tenant>>> tenants(std::string after, std::size_t limit) override {
    return inner_.tenants(std::move(after), limit);
  }
  Task<Status> delete_tenant(TenantName name) override {
    return inner_.delete_tenant(std::move(name));
  }
  Task<Result<bool>> purge_deleted() override { return inner_.purge_deleted(); }
  Task<Result<std::optional<std::string>>> setting(std::string name) override {
    return inner_.setting(std::move(name));
  }
  Task<Status> put_setting(std::string name, std::string value) override {
    return inner_.put_setting(std::move(name), std::move(value));
  }
  Status health() const override { return inner_.health(); }

 protected:
  // Once in a while.
  [[nodiscard]] bool sometimes(std::uint64_t one_in) { return world_.random().below(one_in) == 0; }

  Store& inner_;
  SimWorld& world_;
  TaskGroup& tasks_;
};

// Changes what is read.
class Misreading : public PassingStore {
 public:
  using PassingStore::PassingStore;

  Task<Result<Slice>> read(TenantName tenant, Sequence after, ReadLimit limit) override {
    auto slice = co_await inner_.read(tenant, after, limit);
    if (slice && !slice->events.empty()) {
      spoil(tenant, *slice);
    }
    co_return slice;
  }

 protected:
  virtual void spoil(const TenantName& tenant, Slice& slice) = 0;
};

class Skipping final : public Misreading {
 public:
  using Misreading::Misreading;
  void spoil(const TenantName& /*tenant*/, Slice& slice) override {
    if (slice.events.size() > 2 && sometimes(10)) {
      slice.events.erase(slice.events.begin() + 1);
    }
  }
};

class DroppingTheTail final : public Misreading {
 public:
  using Misreading::Misreading;
  void spoil(const TenantName& /*tenant*/, Slice& slice) override {
    if (sometimes(10)) {
      slice.events.pop_back();
    }
  }
};

// Also tells of a head that fits.
class ForgettingTheTail final : public Misreading {
 public:
  using Misreading::Misreading;
  void spoil(const TenantName& /*tenant*/, Slice& slice) override {
    if (slice.events.back().sequence == slice.journal.head && sometimes(4)) {
      slice.events.pop_back();
      --slice.journal.head.value;
    }
  }
};

class ChangingBytes final : public Misreading {
 public:
  using Misreading::Misreading;
  void spoil(const TenantName& /*tenant*/, Slice& slice) override {
    if (sometimes(10)) {
      std::string bytes(slice.events.front().bytes);
      char& salt = bytes[bytes.find("\"salt\":\"") + 8];
      salt = salt == 'A' ? 'B' : 'A';
      slice.events.front().bytes = SharedBytes(std::move(bytes));
    }
  }
};

// Stays with the first tenant's event when it is asked for another's.
class Leaking final : public Misreading {
 public:
  using Misreading::Misreading;
  void spoil(const TenantName& tenant, Slice& slice) override {
    if (other_ && other_->first != tenant && sometimes(5)) {
      slice.events.front().bytes = other_->second;
    }
    other_ = {tenant, slice.events.front().bytes};
  }

 private:
  std::optional<std::pair<TenantName, SharedBytes>> other_;
};

// Says of every tenth event that it was recorded a year ago, always the same.
class TimeTravelling final : public Misreading {
 public:
  using Misreading::Misreading;
  void spoil(const TenantName& /*tenant*/, Slice& slice) override {
    for (StoredEvent& event : slice.events) {
      if (event.sequence.value % 10 == 0) {
        std::string bytes(event.bytes);
        char& digit = bytes[bytes.find("\"recordedtime\":\"") + 16 + 3];
        digit = static_cast<char>(digit - 1);
        event.bytes = SharedBytes(std::move(bytes));
      }
    }
  }
};

// Answers when the commit has only begun.
class AnsweringEarly final : public PassingStore {
 public:
  using PassingStore::PassingStore;
  Task<Result<Committed>> commit(Transaction transaction) override {
    auto head = co_await inner_.head(transaction.tenant());
    if (!head || !sometimes(3)) {
      auto committed = co_await inner_.commit(std::move(transaction));
      co_return committed;
    }
    Committed hoped{head->epoch, {}, head->head};
    for (std::size_t i = 0; i < transaction.events().size(); ++i) {
      hoped.head = hoped.head.next();
      hoped.events.push_back({.sequence = hoped.head, .duplicate = false});
    }
    tasks_.spawn(later(std::move(transaction)));
    co_return hoped;
  }

 private:
  Task<> later(Transaction transaction) {
    co_await world_.sleep(std::chrono::milliseconds(50));
    auto ignored = co_await inner_.commit(std::move(transaction));
    static_cast<void>(ignored);
  }
};

// Shows readers at the head what is about to be committed.
class ShowingTooSoon final : public PassingStore {
 public:
  using PassingStore::PassingStore;
  Task<Result<Committed>> commit(Transaction transaction) override {
    auto head = co_await inner_.head(transaction.tenant());
    if (head && !transaction.events().empty()) {
      EncodedEvent event = transaction.events().front();
      stamp(event, {.epoch = head->epoch,
                    .sequence = head->head.next(),
                    .recordedtime = world_.clock().wall(),
                    .salt = {}});
      soon_.insert_or_assign(transaction.tenant(),
                             StoredEvent{head->head.next(), SharedBytes(std::move(event.bytes))});
    }
    auto committed = co_await inner_.commit(std::move(transaction));
    co_return committed;
  }
  Task<Result<Slice>> read(TenantName tenant, Sequence after, ReadLimit limit) override {
    auto slice = co_await inner_.read(tenant, after, limit);
    const auto soon = soon_.find(tenant);
    if (slice && soon != soon_.end() && after == slice->journal.head &&
        soon->second.sequence == after.next()) {
      slice->events.push_back(soon->second);
      slice->journal.head = after.next();
    }
    co_return slice;
  }

 private:
  std::map<TenantName, StoredEvent> soon_;
};

// Commits a transaction in two.
class Halving final : public PassingStore {
 public:
  using PassingStore::PassingStore;
  Task<Result<Committed>> commit(Transaction transaction) override {
    if (transaction.events().size() > 1) {
      Transaction first(transaction.tenant());
      first.append(transaction.events().front());
      auto begun = co_await inner_.commit(std::move(first));
      if (!begun) {
        co_return begun;
      }
      transaction.events().erase(transaction.events().begin());
      auto rest = co_await inner_.commit(std::move(transaction));
      if (rest) {
        rest->events.insert(rest->events.begin(), begun->events.front());
      }
      co_return rest;
    }
    auto committed = co_await inner_.commit(std::move(transaction));
    co_return committed;
  }
};

// Does not say that an event was there already.
class DenyingDuplicates final : public PassingStore {
 public:
  using PassingStore::PassingStore;
  Task<Result<Committed>> commit(Transaction transaction) override {
    auto committed = co_await inner_.commit(std::move(transaction));
    if (committed) {
      for (Committed::Event& event : committed->events) {
        event.duplicate = false;
      }
    }
    co_return committed;
  }
};

// Commits and says that it did not.
class PhantomMaking final : public PassingStore {
 public:
  using PassingStore::PassingStore;
  Task<Result<Committed>> commit(Transaction transaction) override {
    auto committed = co_await inner_.commit(std::move(transaction));
    if (committed && sometimes(20)) {
      co_return fail(Code::kUnavailable, "nothing happened");
    }
    co_return committed;
  }
};

// Writes whatever it was expected to find.
class NotExpecting final : public PassingStore {
 public:
  using PassingStore::PassingStore;
  Task<Result<Committed>> commit(Transaction transaction) override {
    Transaction careless(transaction.tenant());
    for (EncodedEvent& event : transaction.events()) {
      careless.append(std::move(event));
    }
    for (const Transaction::Write& write : transaction.writes()) {
      careless.put(write.collection, write.key, write.value.value());
    }
    auto committed = co_await inner_.commit(std::move(careless));
    co_return committed;
  }
};

// Lets go of one event more than it was told.
class Overpruning final : public PassingStore {
 public:
  using PassingStore::PassingStore;
  Task<Result<JournalHead>> raise_floor(TenantName tenant, Position floor) override {
    floor.sequence = floor.sequence.next();
    return inner_.raise_floor(std::move(tenant), floor);
  }
};

// Releases what it was told to hold.
class Dropping final : public PassingStore {
 public:
  using PassingStore::PassingStore;
  Task<Result<Committed>> commit(Transaction transaction) override {
    const auto holds = transaction.holds();
    for (const Transaction::Hold& hold : holds) {
      transaction.release(hold.sequence, hold.holder);
    }
    auto committed = co_await inner_.commit(std::move(transaction));
    co_return committed;
  }
};

// Sometimes tells of the floor as it was in the beginning.
class LoweringTheFloor final : public Misreading {
 public:
  using Misreading::Misreading;
  void spoil(const TenantName& /*tenant*/, Slice& slice) override {
    if (sometimes(10)) {
      slice.journal.floor = Sequence{1};
    }
  }
};

template <class Broken>
Sabotage with() {
  Sabotage sabotage;
  sabotage.wrap = [](Store& inner, SimWorld& world, TaskGroup& tasks) -> std::unique_ptr<Store> {
    return std::make_unique<Broken>(inner, world, tasks);
  };
  return sabotage;
}

}  // namespace

std::vector<Breakage> all_breakages() {
  Sabotage deaf;
  deaf.deaf = true;
  return {
      {"answers before the commit", {"NoLoss", "NoPhantom", "Duplicates"}, with<AnsweringEarly>()},
      {"shows what is not durable", {"StableBytes", "Heads"}, with<ShowingTooSoon>()},
      {"skips a sequence", {"Order"}, with<Skipping>()},
      {"drops the tail of a page", {"Order"}, with<DroppingTheTail>()},
      {"forgets the tail of a journal", {"Heads"}, with<ForgettingTheTail>()},
      {"changes bytes when they are read again", {"StableBytes"}, with<ChangingBytes>()},
      {"leaks another tenant's event", {"Isolation"}, with<Leaking>()},
      {"lets recordedtime go back", {"RecordedTime"}, with<TimeTravelling>()},
      {"commits half a transaction", {"Atomic"}, with<Halving>()},
      {"denies duplicates", {"Duplicates"}, with<DenyingDuplicates>()},
      {"commits what it refuses", {"NoPhantom"}, with<PhantomMaking>()},
      {"loses updates", {"Counters"}, with<NotExpecting>()},
      {"lets go of too much", {"Floors"}, with<Overpruning>()},
      {"drops what is held", {"Holds"}, with<Dropping>()},
      {"forgets its floor", {"Floors", "Order"}, with<LoweringTheFloor>()},
      {"does not wake readers", {"WakeUps"}, deaf},
  };
}

}  // namespace bitvault::sim
