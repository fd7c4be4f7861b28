// The contract of Store, as tests that every implementation passes.
//
// An implementation gives a StoreKind: a name and a maker of harnesses. A harness holds one empty
// store, whose callers run on its threads. To run the suite, link the store_contract_*.cpp files
// and
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(kind), kind_name);
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"
#include "tests/store/make_event.h"
#include "tests/store/test_world.h"

namespace bitvault::test {

class StoreHarness {
 public:
  virtual ~StoreHarness() = default;

  [[nodiscard]] virtual Store& store() = 0;
  // Closes the store and opens what it kept.
  virtual void reopen() = 0;
  // Where the tests' coroutines run: on several threads.
  [[nodiscard]] virtual Executor callers() = 0;

  [[nodiscard]] TestWorld& world() { return world_; }

  // What the listener heard, in order.
  using Heard = std::vector<std::pair<TenantName, JournalHead>>;
  [[nodiscard]] Heard heard() {
    const std::scoped_lock lock(mutex_);
    return heard_;
  }
  [[nodiscard]] HeadListener listener() {
    return [this](const TenantName& tenant, const JournalHead& journal) {
      const std::scoped_lock lock(mutex_);
      heard_.emplace_back(tenant, journal);
    };
  }

 private:
  TestWorld world_;
  std::mutex mutex_;
  Heard heard_;  // guarded by mutex_
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StoreHarness>()> make;
};

inline std::ostream& operator<<(std::ostream& out, const StoreKind& kind) {
  return out << kind.name;
}

[[nodiscard]] inline std::string kind_name(const testing::TestParamInfo<StoreKind>& info) {
  return info.param.name;
}

template <class T>
Task<> deliver(Task<T> task, std::shared_ptr<std::promise<T>> promise) {
  T result = co_await std::move(task);
  promise->set_value(std::move(result));
}

// Runs a task on an executor; its result may be waited for by any thread.
template <class T>
[[nodiscard]] std::future<T> start_on(const Executor& executor, Task<T> task) {
  auto promise = std::make_shared<std::promise<T>>();
  auto future = promise->get_future();
  boost::asio::co_spawn(executor, deliver(std::move(task), std::move(promise)),
                        [](const std::exception_ptr& error) {
                          if (error) {
                            std::rethrow_exception(error);
                          }
                        });
  return future;
}

inline constexpr Collection kThings{"thing"};
inline constexpr Collection kOthers{"other"};

class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  StoreContract() : harness_(GetParam().make()) {}

  [[nodiscard]] Store& store() { return harness_->store(); }
  [[nodiscard]] TestWorld& world() { return harness_->world(); }
  [[nodiscard]] StoreHarness& harness() { return *harness_; }

  template <class T>
  [[nodiscard]] std::future<T> start(Task<T> task) {
    return start_on(harness_->callers(), std::move(task));
  }
  template <class T>
  T run(Task<T> task) {
    return start(std::move(task)).get();
  }

  // Makes a tenant that is not there yet.
  TenantName make_tenant(std::string_view name) {
    const TenantName tenant = tenant_name(name);
    const auto put = run(store().put_tenant(tenant, {}));
    EXPECT_TRUE(put) << name << ": " << put.error().detail;
    EXPECT_TRUE(put && put->created) << name;
    return tenant;
  }

  // Commits events with ids that the producer gave.
  Result<Committed> append(const TenantName& tenant, const std::vector<std::string>& ids,
                           std::string_view note = "") {
    Transaction transaction(tenant);
    for (const auto& id : ids) {
      transaction.append(given_event(tenant, id, note));
    }
    return run(store().commit(std::move(transaction)));
  }
  Result<Committed> put(const TenantName& tenant, std::string key, std::string value) {
    Transaction transaction(tenant);
    transaction.put(kThings, std::move(key), std::move(value));
    return run(store().commit(std::move(transaction)));
  }
  std::optional<std::string> get(const TenantName& tenant, std::string key) {
    return run(store().get(tenant, kThings, std::move(key))).value();
  }

  std::uint64_t head(const TenantName& tenant) {
    return run(store().head(tenant)).value().head.value;
  }
  // Appends so many events of node-1.
  void fill(const TenantName& tenant, std::uint64_t events) {
    for (std::uint64_t left = events; left > 0;) {
      Transaction transaction(tenant);
      const std::uint64_t count = std::min<std::uint64_t>(left, kTransactionEventsMax);
      for (std::uint64_t i = 0; i < count; ++i) {
        transaction.append(made_event(tenant, world()));
      }
      ASSERT_TRUE(run(store().commit(std::move(transaction))));
      left -= count;
    }
  }
  // The whole journal.
  std::vector<StoredEvent> journal(const TenantName& tenant) {
    std::vector<StoredEvent> events;
    while (true) {
      const Sequence after = events.empty() ? Sequence{} : events.back().sequence;
      auto slice = run(store().read(tenant, after, {}));
      EXPECT_TRUE(slice);
      if (!slice || slice->events.empty()) {
        return events;
      }
      std::ranges::move(slice->events, std::back_inserter(events));
    }
  }
  // Its ids, which must stand at 1, 2, 3...
  std::vector<std::string> ids(const TenantName& tenant) {
    std::vector<std::string> found;
    for (const auto& event : journal(tenant)) {
      found.emplace_back(read_head(event.bytes).id);
      EXPECT_EQ(event.sequence.value, found.size());
    }
    return found;
  }

  // ---- retention

  TenantName journal_of(const std::vector<std::string>& ids) {
    const TenantName tenant = make_tenant("acme");
    EXPECT_TRUE(append(tenant, ids, "note"));
    return tenant;
  }
  JournalHead raise(const TenantName& tenant, std::uint64_t floor) {
    const Epoch epoch = run(store().head(tenant)).value().epoch;
    return run(store().raise_floor(tenant, {epoch, {floor}})).value();
  }
  // Batch after batch; returns what they did together.
  Pruned prune(const TenantName& tenant, WallTime ids_before = WallTime{}) {
    Pruned sum;
    do {
      const Pruned one = run(store().prune(tenant, ids_before)).value();
      sum = {sum.events + one.events, sum.ids + one.ids, one.more};
    } while (sum.more);
    return sum;
  }
  // Prunes what was recorded until now, ids included.
  Pruned prune_all(const TenantName& tenant) {
    return prune(tenant, world().clock().wall() + Duration{1});
  }
  Result<Committed> hold(const TenantName& tenant, std::uint64_t sequence, std::string holder) {
    Transaction transaction(tenant);
    transaction.hold({sequence}, std::move(holder));
    return run(store().commit(std::move(transaction)));
  }
  Result<Committed> release(const TenantName& tenant, std::uint64_t sequence, std::string holder) {
    Transaction transaction(tenant);
    transaction.release({sequence}, std::move(holder));
    return run(store().commit(std::move(transaction)));
  }
  Result<FoundEvent> held(const TenantName& tenant, std::uint64_t sequence) {
    return run(store().held(tenant, {sequence}));
  }
  Result<FoundEvent> find(const TenantName& tenant, std::string_view id) {
    return run(store().find(tenant, event_id(id)));
  }
  std::vector<std::uint64_t> readable(const TenantName& tenant, std::uint64_t after = 0) {
    std::vector<std::uint64_t> found;
    for (const auto& event :
         run(store().read(tenant, {after}, {.events = 10'000})).value().events) {
      EXPECT_FALSE(event.bytes.empty());
      found.push_back(event.sequence.value);
    }
    return found;
  }

 private:
  std::unique_ptr<StoreHarness> harness_;
};

}  // namespace bitvault::test
