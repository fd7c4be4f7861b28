// The ledger: the node table and its records in the store, changed together.
//
// Every commit expects the generation that the last one wrote, so two watchers of one tenant can
// never both believe to have written. While the store refuses, a commit is tried again; when its
// outcome is unknown, it is repeated as it was: either it happens now, or the generation tells that
// the table must be read again. Nothing is guessed.
//
// Used on one strand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "store/store.h"
#include "watch/node_table.h"
#include "world/world.h"

namespace bitvault::watch {

class Ledger {
 public:
  // How a commit ended.
  enum class Outcome : std::uint8_t {
    kDone,
    kStale,      // the store has another state than `table`: load() again
    kCancelled,  // the caller was cancelled before that was known
  };

  // `waiting` hears why a commit is tried again.
  Ledger(World& world, Store& store, TenantName tenant, std::function<void(const Error&)> waiting);

  // Reads the table, waiting while the store is unavailable. A cancelled caller resumes without
  // one. Errors: kNotFound and kTenantDeleting, and kInternal when the records are damaged.
  [[nodiscard]] Task<Status> load();

  // Null until there is one: after a load() that found none, begin() makes it.
  [[nodiscard]] NodeTable* table() const { return table_.get(); }
  void begin(Node root);

  // Changes the records as the table was changed, and adds the events.
  [[nodiscard]] Task<Result<Outcome>> commit(Transaction transaction);

 private:
  [[nodiscard]] Task<Result<std::unique_ptr<NodeTable>>> read();
  // False when the caller was cancelled.
  [[nodiscard]] Task<bool> back_off(Error error, unsigned tries);

  World& world_;
  Store& store_;
  const TenantName tenant_;
  const std::function<void(const Error&)> waiting_;
  std::unique_ptr<NodeTable> table_;
  std::optional<std::string> generation_;
};

}  // namespace bitvault::watch
