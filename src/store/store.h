// A Store holds every tenant's journal and control state, and commits them together.
//
// Guarantees, the same for SQLite and PostgreSQL:
// - A Transaction commits whole or not at all. When commit() answers, it is on disk.
// - Each event gets its tenant's next sequence, gap-free and starting at 1, in commit order, and a
//   recordedtime that never decreases along it. Reading a range twice gives the same bytes.
// - No read sees what is not yet durable. JournalHead::head is that bound.
// - An event whose id the journal already holds is not appended again: with the same members it
//   is reported as a duplicate with its first sequence, with others the transaction fails with
//   kIdConflict. (Of an event that was pruned or erased there are no members left to compare: it is
//   a duplicate.) Twice the same id in one transaction: kInvalid.
// - Events leave by the floor alone: raise_floor() hides what is below it for good, in one commit,
//   then prune() deletes it batch by batch. Each event's row stays with its leaf. An id is
//   remembered until prune() was told to forget it. What is held keeps its bytes until the last
//   release.
// - After a failure of storage: kUnavailable when nothing was committed, kOutcomeUnknown when that
//   cannot be told yet. Reads go on. The store finds out by itself what was committed before it
//   takes the next write.
// - A tenant's records and events are reached through its name only. An unknown tenant is
//   kNotFound, one that is being deleted kTenantDeleting.
//
// Thread-safe. Never blocks the caller's thread: work runs on the store's own pools and the caller
// resumes on its own executor. The caller keeps the Store alive until every call has resumed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/error.h"
#include "base/shared_bytes.h"
#include "base/tenant_name.h"
#include "event/block_summary.h"
#include "event/cursor.h"
#include "event/id.h"
#include "store/tenant.h"
#include "store/transaction.h"
#include "world/world.h"

namespace bitvault {

struct StoredEvent {
  Sequence sequence;
  SharedBytes bytes;  // empty: the event was erased
};

struct ReadLimit {
  std::size_t events = 100;
  std::size_t bytes = 4 * 1024 * 1024;  // stops before this is exceeded, never before one event
};

// A run of a journal: consecutive retained events after a position.
struct Slice {
  JournalHead journal;  // as it was for this read: none of the events is below its floor
  std::vector<StoredEvent> events;
};

struct FoundEvent {
  enum class State : std::uint8_t { kPresent, kPruned, kErased };
  State state = State::kPresent;
  Sequence sequence;
  Digest leaf;
  std::string bytes;  // empty unless present
};

// A page of records ends before its values exceed this, never before its first record.
inline constexpr std::size_t kScanBytesMax = 4 * 1024 * 1024;

// What background work needs to know of a tenant's journal: how much of it is done, and how old
// what comes next is.
struct Upkeep {
  Tenant tenant;
  // forgotten <= swept <= the floor. Bytes below `swept` are gone, unless they are held; ids below
  // `forgotten` are.
  Sequence swept;
  Sequence forgotten;
  std::uint64_t summarized = 0;       // blocks before this one have their summary, or never will
  std::optional<WallTime> oldest;     // recordedtime of the first event that is retained
  std::optional<WallTime> oldest_id;  // of the event at `forgotten`, when it is below the floor
};

// What one batch of prune() did.
struct Pruned {
  std::size_t events = 0;  // whose bytes went
  std::size_t ids = 0;     // that were forgotten
  bool more = false;       // it ended at its limit: ask again
};

struct TenantPut {
  Tenant tenant;
  bool created = false;
};

template <class T>
struct ListPage {
  std::vector<T> items;
  bool more = false;
};

// Hears of every tenant whose head moved or whose epoch changed, right after the commit is durable,
// on a thread of the store: it only passes the word on.
using HeadListener = std::function<void(const TenantName&, const JournalHead&)>;

class Store {
 public:
  virtual ~Store() = default;

  [[nodiscard]] virtual Task<Result<Committed>> commit(Transaction transaction) = 0;

  // The journal.
  [[nodiscard]] virtual Task<Result<JournalHead>> head(TenantName tenant) = 0;
  // Events after `after`, in order, as many as the limit and the head allow. Below the floor there
  // is nothing to read, so the run begins at the floor: the caller compares `after` with
  // Slice::journal. After the head there is nothing yet: the run is empty.
  [[nodiscard]] virtual Task<Result<Slice>> read(TenantName tenant, Sequence after,
                                                 ReadLimit limit) = 0;
  // kNotFound when no event of the tenant has this id, or its id was forgotten. Below the floor it
  // is pruned, also while somebody holds it.
  [[nodiscard]] virtual Task<Result<FoundEvent>> find(TenantName tenant, EventId id) = 0;
  // The last sequence whose recordedtime is before `time` (floor - 1 when there is none retained).
  [[nodiscard]] virtual Task<Result<Position>> position_at(TenantName tenant, WallTime time) = 0;

  // The event at a place: present when it is retained or held. kNotFound past the head.
  [[nodiscard]] virtual Task<Result<FoundEvent>> held(TenantName tenant, Sequence sequence) = 0;

  // Retention. Tenants whose names are greater than `after`, ascending, also those being deleted.
  [[nodiscard]] virtual Task<Result<ListPage<Upkeep>>> upkeep(std::string after,
                                                              std::size_t limit) = 0;
  // Retains nothing below `floor` any more. The floor never goes back and never beyond head + 1:
  // what asks for that changes less or nothing. kConflict when the epoch is not the tenant's.
  [[nodiscard]] virtual Task<Result<JournalHead>> raise_floor(TenantName tenant,
                                                              Position floor) = 0;
  // Deletes at most one bounded batch of what is below the floor: bytes that nobody holds, and ids
  // of events recorded before `ids_before`.
  [[nodiscard]] virtual Task<Result<Pruned>> prune(TenantName tenant, WallTime ids_before) = 0;

  // Summaries of blocks (event/block_summary.h). skip() tells how far after `after` the summaries
  // rule the query out, block after block; `after` itself when the next event may be wanted, is in
  // no block with a summary, or is below the floor. Blocks with erased events have none.
  [[nodiscard]] virtual Task<Result<Sequence>> skip(TenantName tenant, Sequence after,
                                                    BlockQuery query) = 0;
  // Keeps the summary of a whole block, or says that it will have none. A block that was passed
  // keeps what it has. kConflict when the epoch is not the tenant's, kInvalid beyond the head.
  [[nodiscard]] virtual Task<Status> put_summary(TenantName tenant, Epoch epoch,
                                                 std::uint64_t block,
                                                 std::optional<std::string> summary) = 0;

  // Epochs. All of a tenant's, in their order; the last one is the current.
  [[nodiscard]] virtual Task<Result<std::vector<EpochBegin>>> epochs(TenantName tenant) = 0;
  // Begins a new one: the history goes on at head + 1 and keeps what it has, but positions of
  // former epochs are no longer its own. Nothing changes when the current epoch has this label
  // already, unless that is empty. kInvalid when the label is too long.
  [[nodiscard]] virtual Task<Result<JournalHead>> begin_epoch(TenantName tenant,
                                                              std::string label) = 0;

  // Records of one tenant.
  [[nodiscard]] virtual Task<Result<std::optional<std::string>>> get(TenantName tenant,
                                                                     Collection collection,
                                                                     std::string key) = 0;
  // Keys greater than `after` that start with `prefix`, ascending, at most `limit` of them and
  // kScanBytesMax of values.
  [[nodiscard]] virtual Task<Result<ListPage<Record>>> scan(TenantName tenant,
                                                            Collection collection,
                                                            std::string prefix, std::string after,
                                                            std::size_t limit) = 0;

  // Tenants. put_tenant creates one (a new epoch) or changes the settings given.
  [[nodiscard]] virtual Task<Result<TenantPut>> put_tenant(TenantName name, TenantPatch patch) = 0;
  [[nodiscard]] virtual Task<Result<Tenant>> tenant(TenantName name) = 0;
  // Names greater than `after` (empty: from the first), ascending.
  [[nodiscard]] virtual Task<Result<ListPage<Tenant>>> tenants(std::string after,
                                                               std::size_t limit) = 0;
  // Marks the tenant as being deleted: from now on it is kTenantDeleting for everybody.
  [[nodiscard]] virtual Task<Status> delete_tenant(TenantName name) = 0;
  // Deletes at most one bounded batch of rows of tenants being deleted; true while more are left.
  [[nodiscard]] virtual Task<Result<bool>> purge_deleted() = 0;

  // Small values of the installation itself (the operator key's hash, the master key's check).
  [[nodiscard]] virtual Task<Result<std::optional<std::string>>> setting(std::string name) = 0;
  [[nodiscard]] virtual Task<Status> put_setting(std::string name, std::string value) = 0;

  // Whether the store takes writes now (readyz).
  [[nodiscard]] virtual Status health() const = 0;
};

}  // namespace bitvault
