#include "memory_store.h"

#include <algorithm>
#include <array>

namespace bitvault::fuzz {
namespace {

constexpr std::string_view kKeys = "key";

std::pair<std::string, std::string> place(const Collection& collection, const std::string& key) {
  return {std::string(collection.str()), key};
}

}  // namespace

Result<MemoryStore::Journal*> MemoryStore::open(const TenantName& name) {
  const auto found = journals_.find(name);
  if (found == journals_.end()) {
    return fail(Code::kNotFound, "there is no such tenant");
  }
  if (found->second.tenant.state == TenantState::kDeleting) {
    return fail(Code::kTenantDeleting, "the tenant is being deleted");
  }
  return &found->second;
}

Result<Committed::Event> MemoryStore::append(EncodedEvent event, Journal& journal) {
  if (const auto before = journal.places.find(event.id.str()); before != journal.places.end()) {
    const StoredEvent& stored = journal.events.at(before->second);
    if (!same_members(stored.bytes, event)) {
      return fail(Code::kIdConflict, "another event has this id");
    }
    return Committed::Event{stored.sequence, true};
  }
  JournalHead& head = journal.tenant.journal;
  head.head = head.head.next();
  stamp(event, {.epoch = head.epoch,
                .sequence = head.head,
                .recordedtime = clock_.wall(),
                .salt = std::array<std::byte, 16>{}});
  journal.places.emplace(event.id.str(), journal.events.size());
  journal.events.push_back({head.head, SharedBytes(std::move(event.bytes))});
  return Committed::Event{head.head, false};
}

// On a copy of the journal, which replaces the journal when all of it went well.
Result<Committed> MemoryStore::apply(Transaction& transaction, Journal& journal) {
  Journal changed = journal;
  for (const auto& [collection, key, value] : transaction.expectations()) {
    const auto found = changed.records.find(place(collection, key));
    const bool there = found != changed.records.end();
    if (there != value.has_value() || (there && found->second != *value)) {
      return fail(Code::kConflict, "a record is not as expected");
    }
  }
  Committed committed{changed.tenant.journal.epoch, {}, {}};
  for (EncodedEvent& event : transaction.events()) {
    const auto appended = append(std::move(event), changed);
    if (!appended) {
      return fail(appended.error());
    }
    committed.events.push_back(*appended);
  }
  for (const auto& [collection, key, value] : transaction.writes()) {
    if (value) {
      changed.records.insert_or_assign(place(collection, key), *value);
    } else {
      changed.records.erase(place(collection, key));
    }
  }
  committed.head = changed.tenant.journal.head;
  journal = std::move(changed);
  return committed;
}

Task<Result<Committed>> MemoryStore::commit(Transaction transaction) {
  touched_.written.insert(transaction.tenant());
  const Result<Journal*> journal = open(transaction.tenant());
  if (!journal) {
    co_return fail(journal.error());
  }
  if (Status valid = validate(transaction); !valid) {
    co_return fail(std::move(valid.error()));
  }
  co_return apply(transaction, **journal);
}

Task<Result<JournalHead>> MemoryStore::head(TenantName tenant) {
  touched_.read.insert(tenant);
  const Result<Journal*> journal = open(tenant);
  if (!journal) {
    co_return fail(journal.error());
  }
  co_return (*journal)->tenant.journal;
}

Task<Result<Slice>> MemoryStore::read(TenantName tenant, Sequence after, ReadLimit limit) {
  touched_.read.insert(tenant);
  const Result<Journal*> journal = open(tenant);
  if (!journal) {
    co_return fail(journal.error());
  }
  Slice slice{(*journal)->tenant.journal, {}};
  std::size_t bytes = 0;
  for (const StoredEvent& event : (*journal)->events) {
    if (event.sequence <= after) {
      continue;
    }
    bytes += event.bytes.size();
    if (slice.events.size() == limit.events || (!slice.events.empty() && bytes > limit.bytes)) {
      break;
    }
    slice.events.push_back(event);
  }
  co_return slice;
}

Task<Result<FoundEvent>> MemoryStore::find(TenantName tenant, EventId id) {
  touched_.read.insert(tenant);
  const Result<Journal*> journal = open(tenant);
  if (!journal) {
    co_return fail(journal.error());
  }
  const auto found = (*journal)->places.find(id.str());
  if (found == (*journal)->places.end()) {
    co_return fail(Code::kNotFound, "there is no such event");
  }
  const StoredEvent& event = (*journal)->events.at(found->second);
  co_return FoundEvent{FoundEvent::State::kPresent, event.sequence, leaf_hash(event.bytes),
                       std::string(event.bytes)};
}

// Its events are all recorded at the time at which the clock stands.
Task<Result<Position>> MemoryStore::position_at(TenantName tenant, WallTime time) {
  touched_.read.insert(tenant);
  const Result<Journal*> journal = open(tenant);
  if (!journal) {
    co_return fail(journal.error());
  }
  const JournalHead& head = (*journal)->tenant.journal;
  co_return Position{head.epoch, time > clock_.wall() ? head.head : Sequence{}};
}

// The API does not do these, and the store keeps everything.
Task<Result<FoundEvent>> MemoryStore::held(TenantName /*tenant*/, Sequence /*sequence*/) {
  co_return fail(Code::kNotFound, "nothing is held");
}

Task<Result<ListPage<Upkeep>>> MemoryStore::upkeep(std::string /*after*/, std::size_t /*limit*/) {
  co_return ListPage<Upkeep>{};
}

Task<Result<JournalHead>> MemoryStore::raise_floor(TenantName tenant, Position /*floor*/) {
  return head(std::move(tenant));
}

Task<Result<Pruned>> MemoryStore::prune(TenantName /*tenant*/, WallTime /*ids_before*/) {
  co_return Pruned{};
}

Task<Result<Sequence>> MemoryStore::skip(TenantName /*tenant*/, Sequence after,
                                         BlockQuery /*query*/) {
  co_return after;
}

Task<Status> MemoryStore::put_summary(TenantName /*tenant*/, Epoch /*epoch*/,
                                      std::uint64_t /*block*/,
                                      std::optional<std::string> /*summary*/) {
  co_return Status{};
}

Task<Result<std::vector<EpochBegin>>> MemoryStore::epochs(TenantName /*tenant*/) {
  co_return std::vector<EpochBegin>{};
}

Task<Result<JournalHead>> MemoryStore::begin_epoch(TenantName tenant, std::string /*label*/) {
  return head(std::move(tenant));
}

Task<Result<std::optional<std::string>>> MemoryStore::get(TenantName tenant, Collection collection,
                                                          std::string key) {
  if (collection.str() != kKeys) {
    touched_.read.insert(tenant);
  }
  const Result<Journal*> journal = open(tenant);
  if (!journal) {
    co_return fail(journal.error());
  }
  const auto found = (*journal)->records.find(place(collection, key));
  co_return found == (*journal)->records.end() ? std::nullopt : std::optional(found->second);
}

Task<Result<ListPage<Record>>> MemoryStore::scan(TenantName tenant, Collection collection,
                                                 std::string prefix, std::string after,
                                                 std::size_t limit) {
  touched_.read.insert(tenant);
  const Result<Journal*> journal = open(tenant);
  if (!journal) {
    co_return fail(journal.error());
  }
  ListPage<Record> page;
  for (const auto& [where, value] : (*journal)->records) {
    const auto& [name, key] = where;
    if (name != collection.str() || key <= after || !key.starts_with(prefix)) {
      continue;
    }
    page.more = page.items.size() == limit;
    if (page.more) {
      break;
    }
    page.items.push_back({key, value});
  }
  co_return page;
}

Task<Result<TenantPut>> MemoryStore::put_tenant(TenantName name, TenantPatch patch) {
  touched_.written.insert(name);
  auto found = journals_.find(name);
  if (found != journals_.end() && found->second.tenant.state == TenantState::kDeleting) {
    co_return fail(Code::kTenantDeleting, "the tenant is being deleted");
  }
  Result<TenantSettings> settings =
      patched(found == journals_.end() ? TenantSettings{} : found->second.tenant.settings, patch);
  if (!settings) {
    co_return fail(std::move(settings.error()));
  }
  const bool created = found == journals_.end();
  if (created) {
    const JournalHead head{Epoch::parse("abcdefgh2345").value(), {}, Sequence{1}};
    const Tenant made{name, TenantState::kActive, {}, clock_.wall(), head};
    found = journals_.emplace(name, Journal{made, {}, {}, {}}).first;
  }
  found->second.tenant.settings = std::move(*settings);
  co_return TenantPut{found->second.tenant, created};
}

Task<Result<Tenant>> MemoryStore::tenant(TenantName name) {
  touched_.read.insert(name);
  const auto found = journals_.find(name);
  if (found == journals_.end()) {
    co_return fail(Code::kNotFound, "there is no such tenant");
  }
  co_return found->second.tenant;
}

Task<Result<ListPage<Tenant>>> MemoryStore::tenants(std::string after, std::size_t limit) {
  touched_.listed = true;
  ListPage<Tenant> page;
  for (const auto& [name, journal] : journals_) {
    if (name.str() <= after) {
      continue;
    }
    page.more = page.items.size() == limit;
    if (page.more) {
      break;
    }
    page.items.push_back(journal.tenant);
  }
  co_return page;
}

Task<Status> MemoryStore::delete_tenant(TenantName name) {
  touched_.written.insert(name);
  const Result<Journal*> journal = open(name);
  if (!journal) {
    co_return fail(journal.error());
  }
  (*journal)->tenant.state = TenantState::kDeleting;
  co_return Status{};
}

Task<Result<bool>> MemoryStore::purge_deleted() { co_return false; }

Task<Result<std::optional<std::string>>> MemoryStore::setting(std::string name) {
  const auto found = settings_.find(name);
  co_return found == settings_.end() ? std::nullopt : std::optional(found->second);
}

Task<Status> MemoryStore::put_setting(std::string name, std::string value) {
  settings_.insert_or_assign(std::move(name), std::move(value));
  co_return Status{};
}

}  // namespace bitvault::fuzz
