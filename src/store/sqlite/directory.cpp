#include "store/sqlite/directory.h"

#include <algorithm>

namespace bitvault {
namespace {

bool moved(const TenantEntry* before, const TenantEntry& after) {
  const bool known = before != nullptr && before->number == after.number;
  const JournalHead& now = after.tenant.journal;
  return now.head.value > (known ? before->tenant.journal.head.value : 0) ||
         (known && now.epoch != before->tenant.journal.epoch);
}

}  // namespace

std::unexpected<Error> no_such_tenant() { return fail(Code::kNotFound, "there is no such tenant"); }

std::unexpected<Error> tenant_is_deleting() {
  return fail(Code::kTenantDeleting,
              "the tenant is being deleted; its name is free again when that has ended");
}

std::optional<TenantEntry> Directory::find(const TenantName& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = tenants_.find(name);
  return found == tenants_.end() ? std::nullopt : std::optional(found->second);
}

std::size_t Directory::size() const {
  const std::scoped_lock lock(mutex_);
  return tenants_.size();
}

Result<Located> Directory::locate(const TenantName& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = tenants_.find(name);
  if (found == tenants_.end()) {
    return no_such_tenant();
  }
  if (found->second.tenant.state == TenantState::kDeleting) {
    return tenant_is_deleting();
  }
  const TenantEntry& entry = found->second;
  return Located{entry.number, entry.tenant.journal, entry.summarized};
}

Status Directory::still(const TenantName& name, std::int64_t number) const {
  const auto located = locate(name);
  if (!located) {
    return fail(located.error());
  }
  return located->number == number ? Status{} : no_such_tenant();
}

Result<Tenant> Directory::tenant(const TenantName& name) const {
  auto entry = find(name);
  if (!entry) {
    return no_such_tenant();
  }
  if (entry->tenant.state == TenantState::kDeleting) {
    return tenant_is_deleting();
  }
  return std::move(entry->tenant);
}

ListPage<TenantEntry> Directory::list(const std::string& after, std::size_t limit) const {
  const std::scoped_lock lock(mutex_);
  const auto name = TenantName::parse(after);
  auto next = tenants_.begin();
  if (name) {
    next = tenants_.upper_bound(*name);
  } else if (!after.empty()) {  // no name itself, but it has its place in their order
    next = std::ranges::find_if(tenants_, [&](const auto& t) { return t.first.str() > after; });
  }
  ListPage<TenantEntry> page;
  for (; next != tenants_.end() && page.items.size() < limit; ++next) {
    page.items.push_back(next->second);
  }
  page.more = next != tenants_.end();
  return page;
}

std::optional<TenantName> Directory::first_deleting() const {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find_if(tenants_, [](const auto& entry) {
    return entry.second.tenant.state == TenantState::kDeleting;
  });
  return found == tenants_.end() ? std::nullopt : std::optional(found->first);
}

Directory::Moved Directory::publish(const Changes& changes) {
  const std::scoped_lock lock(mutex_);
  Moved heads;
  for (const auto& [name, entry] : changes) {
    const auto known = tenants_.find(name);
    if (!entry) {
      tenants_.erase(name);
      continue;
    }
    if (moved(known == tenants_.end() ? nullptr : &known->second, *entry)) {
      heads.emplace_back(name, entry->tenant.journal);
    }
    tenants_.insert_or_assign(name, *entry);
  }
  return heads;
}

Directory::Moved Directory::replace(std::map<TenantName, TenantEntry> tenants) {
  const std::scoped_lock lock(mutex_);
  Moved heads;
  for (const auto& [name, entry] : tenants) {
    const auto known = tenants_.find(name);
    if (moved(known == tenants_.end() ? nullptr : &known->second, entry)) {
      heads.emplace_back(name, entry.tenant.journal);
    }
  }
  tenants_ = std::move(tenants);
  return heads;
}

}  // namespace bitvault
