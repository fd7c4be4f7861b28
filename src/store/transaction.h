// A Transaction is one tenant's change: rows of its own and events, committed together or not at
// all. It is a value: building one touches nothing, and a store may commit many in one go.
//
// Rows are records: (collection, key) -> value, ordered by the bytes of the key. A collection
// belongs to one feature (its API keys, its node table, its subscriptions), which alone knows what
// the values mean.
//
// A hold keeps an event's bytes past the end of its retention for a debt that names it: a retry, a
// dead letter. Its holder, a name of the feature's own, takes and releases it together with the
// records of that debt.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/sequence.h"
#include "base/tenant_name.h"
#include "event/event.h"

namespace bitvault {

inline constexpr std::size_t kRecordKeyBytesMax = 4'352;
inline constexpr std::size_t kRecordValueBytesMax = 1024 * 1024;
inline constexpr std::size_t kHolderBytesMax = 256;
inline constexpr std::size_t kTransactionEventsMax = 1'000;
// Writes, expectations and holds together.
inline constexpr std::size_t kTransactionRecordsMax = 10'000;
inline constexpr std::size_t kTransactionBytesMax = 64 * 1024 * 1024;

// The name of a collection of records, such as "key" or "watch.node".
class Collection {
 public:
  consteval explicit Collection(std::string_view name) : name_(name) {}
  [[nodiscard]] std::string_view str() const { return name_; }

 private:
  std::string_view name_;
};

struct Record {
  std::string key;
  std::string value;
  bool operator==(const Record&) const = default;
};

class Transaction {
 public:
  struct Write {
    Collection collection;
    std::string key;
    std::optional<std::string> value;  // absent: the record goes
  };
  struct Expectation {
    Collection collection;
    std::string key;
    std::optional<std::string> value;  // absent: there is no such record
  };

  struct Hold {
    Sequence sequence;
    std::string holder;
    bool taken = true;  // or released
  };

  explicit Transaction(TenantName tenant) : tenant_(std::move(tenant)) {}

  // Events get their sequences in the order of these calls, at most kTransactionEventsMax.
  void append(EncodedEvent event) { events_.push_back(std::move(event)); }
  void put(Collection collection, std::string key, std::string value) {
    writes_.push_back({collection, std::move(key), std::move(value)});
  }
  void erase(Collection collection, std::string key) {
    writes_.push_back({collection, std::move(key), std::nullopt});
  }
  // The commit fails with kConflict unless the record is as expected just before the writes.
  void expect(Collection collection, std::string key, std::optional<std::string> value) {
    expectations_.push_back({collection, std::move(key), std::move(value)});
  }

  // The event stays readable by Store::held() until this holder released it, whatever becomes of
  // the floor. The commit fails with kEventPruned or kEventErased when its bytes are gone by now,
  // and with kNotFound when there was no such event before this transaction. Taken once more, it is
  // held once.
  void hold(Sequence sequence, std::string holder) {
    holds_.push_back({sequence, std::move(holder), true});
  }
  // Whether it was held or not.
  void release(Sequence sequence, std::string holder) {
    holds_.push_back({sequence, std::move(holder), false});
  }

  [[nodiscard]] const TenantName& tenant() const { return tenant_; }
  [[nodiscard]] std::vector<EncodedEvent>& events() { return events_; }
  [[nodiscard]] const std::vector<EncodedEvent>& events() const { return events_; }
  [[nodiscard]] const std::vector<Write>& writes() const { return writes_; }
  [[nodiscard]] const std::vector<Expectation>& expectations() const { return expectations_; }
  [[nodiscard]] const std::vector<Hold>& holds() const { return holds_; }

 private:
  TenantName tenant_;
  std::vector<EncodedEvent> events_;
  std::vector<Write> writes_;
  std::vector<Expectation> expectations_;
  std::vector<Hold> holds_;
};

// Whether a store may take this transaction at all, judged without looking at any state.
// Errors: kInvalid for an id that comes twice (violation {index, "id"}), for a record's key that is
// empty or too long, likewise a holder, and for too many events or records; kTooLarge for an event,
// a value or the whole.
[[nodiscard]] Status validate(const Transaction& transaction);

// What the transaction holds, in bytes: what it counts against a queue's limit.
[[nodiscard]] std::size_t byte_size(const Transaction& transaction);

// What a commit did. `events` stands in the order of the transaction's.
struct Committed {
  struct Event {
    Sequence sequence;
    bool duplicate = false;  // the journal already held it: nothing was appended for it
  };
  Epoch epoch;
  std::vector<Event> events;
  // The journal's head right after this commit.
  Sequence head;
};

}  // namespace bitvault
