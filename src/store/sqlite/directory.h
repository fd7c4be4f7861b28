// The tenants and the durable state of their journals, in memory.
//
// It holds only what is committed and on disk: the writer publishes here after its commit, and
// every read is bounded by what it finds here. So a head that was read stays true after any crash.
//
// Thread-safe; no call blocks for longer than a look-up.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "store/store.h"
#include "store/tenant.h"

namespace bitvault {

struct TenantEntry {
  std::int64_t number = 0;  // the key of its rows; never used twice
  Tenant tenant;
  WallTime last_recorded;
  Sequence swept{1};      // as in Upkeep
  Sequence forgotten{1};  // as in Upkeep
  std::uint64_t summarized = 0;
};

// Where a tenant's rows are, and how far they may be read.
struct Located {
  std::int64_t number = 0;
  JournalHead journal;
  std::uint64_t summarized = 0;  // as in Upkeep
};

class Directory {
 public:
  // A tenant's new entry, or nothing: the tenant is gone.
  using Changes = std::map<TenantName, std::optional<TenantEntry>>;
  using Moved = std::vector<std::pair<TenantName, JournalHead>>;

  [[nodiscard]] std::optional<TenantEntry> find(const TenantName& name) const;
  [[nodiscard]] std::size_t size() const;

  // Errors: kNotFound, kTenantDeleting.
  [[nodiscard]] Result<Located> locate(const TenantName& name) const;
  // Whether the tenant that was located is still there: what was read meanwhile is whole.
  [[nodiscard]] Status still(const TenantName& name, std::int64_t number) const;
  [[nodiscard]] Result<Tenant> tenant(const TenantName& name) const;
  [[nodiscard]] ListPage<TenantEntry> list(const std::string& after, std::size_t limit) const;
  [[nodiscard]] std::optional<TenantName> first_deleting() const;

  // Makes the changes visible. Returns the journals whose head or epoch changed.
  Moved publish(const Changes& changes);
  // Takes the place of everything, after the tenants were read from the file.
  Moved replace(std::map<TenantName, TenantEntry> tenants);

 private:
  mutable std::mutex mutex_;
  std::map<TenantName, TenantEntry> tenants_;  // guarded by mutex_
};

// The refusals of a tenant that is not there or going.
[[nodiscard]] std::unexpected<Error> no_such_tenant();
[[nodiscard]] std::unexpected<Error> tenant_is_deleting();

}  // namespace bitvault
