#include "store/sqlite/sqlite_store.h"

#include <fmt/format.h>

#include "store/sqlite/data_folder.h"
#include "store/sqlite/schema.h"

namespace bitvault {
namespace {

constexpr const char* kFileName = "journal.db";

std::string file_of(const SqliteOptions& options) { return options.folder + "/" + kFileName; }

// Makes the file or brings it up to date, before any other connection looks at it.
Status prepare(const SqliteOptions& options) {
  try {
    Connection connection(file_of(options), options.vfs, Connection::Mode::kWrite,
                          !options.vfs.empty());
    configure_writer(connection);
    return migrate(connection);
  } catch (const SqliteFailure& failure) {
    return fail(failure.error());
  }
}

// What a purge or a prune counts: it fills a batch by itself, and takes the installation's turn.
const RequestCost kPurgeCost{.tenant = {}, .events = kTransactionEventsMax, .bytes = 0};

RequestCost cost_of(const Transaction& transaction) {
  return {.tenant = transaction.tenant().str(),
          .events = transaction.events().size(),
          .bytes = byte_size(transaction)};
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(SqliteOptions options, World& world,
                                                       HeadListener listener) {
  std::unique_ptr<DataFolder> folder;
  if (options.vfs.empty()) {
    auto owned = DataFolder::own(options.folder);
    if (!owned) {
      return fail(std::move(owned.error()));
    }
    folder = std::move(*owned);
    if (auto made = folder->ensure_file(kFileName); !made) {
      return fail(std::move(made.error()));
    }
  }
  if (auto prepared = prepare(options); !prepared) {
    return fail(std::move(prepared.error()));
  }
  std::unique_ptr<SqliteStore> store;
  try {
    store.reset(new SqliteStore(std::move(folder), std::move(options), world, std::move(listener)));
  } catch (const SqliteFailure& failure) {
    return fail(failure.error());
  }
  if (auto opened = store->writer_->open(); !opened) {
    return fail(std::move(opened.error()));
  }
  if (auto opened = store->readers_.open(); !opened) {
    return fail(std::move(opened.error()));
  }
  return store;
}

SqliteStore::SqliteStore(std::unique_ptr<DataFolder> folder, SqliteOptions options, World& world,
                         HeadListener listener)
    : folder_(std::move(folder)),
      gate_(std::make_shared<JobGate>()),
      checkpointer_(file_of(options), options.vfs, options.commits.checkpoint_bytes,
                    JobPoster(options.readers, gate_)),
      readers_(file_of(options), options.vfs,
               {.connections_max = options.readers_max, .waiting_max = options.reads_waiting_max},
               JobPoster(options.readers, gate_)),
      writer_(std::make_unique<Writer>(file_of(options), options.vfs, options.commits, world,
                                       directory_, checkpointer_, std::move(listener),
                                       JobPoster(options.writer, gate_))) {}

SqliteStore::~SqliteStore() { gate_->close(); }

Task<Result<Committed>> SqliteStore::commit(Transaction transaction) {
  if (auto valid = validate(transaction); !valid) {
    co_return fail(std::move(valid.error()));
  }
  RequestCost cost = cost_of(transaction);
  CommitTransaction request{std::move(transaction)};
  auto committed = co_await writer_->submit(std::move(request), std::move(cost));
  co_return committed;
}

Task<Result<JournalHead>> SqliteStore::head(TenantName tenant) {
  const auto located = directory_.locate(tenant);
  if (!located) {
    co_return fail(located.error());
  }
  co_return located->journal;
}

template <class Work>
auto SqliteStore::read_of(TenantName tenant, Work work)
    -> Task<std::invoke_result_t<Work, Reads&, const Located&>> {
  const auto located = directory_.locate(tenant);
  if (!located) {
    co_return fail(located.error());
  }
  auto run = [work = std::move(work), found = *located](Reads& reads) {
    return work(reads, found);
  };
  auto answer = co_await readers_.run(std::move(run));
  // A purge that ran meanwhile took rows away: then the tenant was deleted before.
  if (auto there = directory_.still(tenant, located->number); !there) {
    co_return fail(std::move(there.error()));
  }
  co_return answer;
}

Task<Result<Slice>> SqliteStore::read(TenantName tenant, Sequence after, ReadLimit limit) {
  auto work = [after, limit](Reads& reads, const Located& found) -> Result<Slice> {
    return Slice{found.journal, reads.events(found, after, limit)};
  };
  while (true) {
    const auto located = directory_.locate(tenant);
    if (!located) {
      co_return fail(located.error());
    }
    if (after >= located->journal.head || limit.events == 0) {
      co_return Slice{located->journal, {}};
    }
    auto slice = co_await read_of(tenant, work);
    const auto now = directory_.locate(tenant);
    // Below a floor that rose meanwhile bytes may be gone: then it is read from there.
    if (!slice || !now || slice->events.empty() ||
        slice->events.front().sequence >= now->journal.floor) {
      co_return slice;
    }
  }
}

Result<FoundEvent> SqliteStore::judged(const TenantName& tenant, std::optional<FoundEvent> found,
                                       bool held) const {
  const auto now = directory_.locate(tenant);
  if (!now) {
    return fail(now.error());
  }
  if (!found) {
    return fail(Code::kNotFound,
                held ? "there is no event at this sequence" : "there is no event with this id");
  }
  const bool pruned = found->sequence < now->journal.floor;
  if (pruned && !held) {
    found->bytes.clear();
  }
  if (found->bytes.empty()) {
    found->state = pruned ? FoundEvent::State::kPruned : FoundEvent::State::kErased;
  }
  return std::move(*found);
}

Task<Result<FoundEvent>> SqliteStore::find(TenantName tenant, EventId id) {
  auto work = [id = std::move(id)](Reads& reads,
                                   const Located& in) -> Result<std::optional<FoundEvent>> {
    return reads.find(in, id);
  };
  auto found = co_await read_of(tenant, std::move(work));
  if (!found) {
    co_return fail(std::move(found.error()));
  }
  co_return judged(tenant, std::move(*found), /*held=*/false);
}

Task<Result<FoundEvent>> SqliteStore::held(TenantName tenant, Sequence sequence) {
  auto work = [sequence](Reads& reads, const Located& in) -> Result<std::optional<FoundEvent>> {
    return reads.at(in, sequence);
  };
  auto found = co_await read_of(tenant, work);
  if (!found) {
    co_return fail(std::move(found.error()));
  }
  co_return judged(tenant, std::move(*found), /*held=*/true);
}

Task<Result<Position>> SqliteStore::position_at(TenantName tenant, WallTime time) {
  auto work = [time](Reads& reads, const Located& found) -> Result<Position> {
    return reads.position_at(found, time);
  };
  auto position = co_await read_of(std::move(tenant), work);
  co_return position;
}

Task<Result<ListPage<Upkeep>>> SqliteStore::upkeep(std::string after, std::size_t limit) {
  auto work = [entries = directory_.list(after, limit)](Reads& reads) {
    return Result<ListPage<Upkeep>>(reads.upkeep(entries));
  };
  auto page = co_await readers_.run(std::move(work));
  co_return page;
}

Task<Result<JournalHead>> SqliteStore::raise_floor(TenantName tenant, Position floor) {
  RequestCost cost{.tenant = tenant.str()};
  RaiseFloor request{std::move(tenant), floor};
  auto journal = co_await writer_->submit(std::move(request), std::move(cost));
  co_return journal;
}

Task<Result<Pruned>> SqliteStore::prune(TenantName tenant, WallTime ids_before) {
  Prune request{std::move(tenant), ids_before};
  auto pruned = co_await writer_->submit(std::move(request), kPurgeCost);
  co_return pruned;
}

Task<Result<Sequence>> SqliteStore::skip(TenantName tenant, Sequence after, BlockQuery query) {
  const auto located = directory_.locate(tenant);
  if (!located) {
    co_return fail(located.error());
  }
  const bool none = after.next() < located->journal.floor || after >= located->journal.head ||
                    block_of(after.next()) >= located->summarized || query.wants_anything();
  if (none) {
    co_return after;
  }
  auto work = [after, query = std::move(query)](Reads& reads,
                                                const Located& in) -> Result<Sequence> {
    return reads.skip(in, after, query);
  };
  auto reached = co_await read_of(std::move(tenant), std::move(work));
  co_return reached;
}

Task<Status> SqliteStore::put_summary(TenantName tenant, Epoch epoch, std::uint64_t block,
                                      std::optional<std::string> summary) {
  RequestCost cost{.bytes = summary ? summary->size() : 0};
  PutSummary request{std::move(tenant), epoch, block, std::move(summary)};
  auto status = co_await writer_->submit(std::move(request), std::move(cost));
  co_return status;
}

Task<Result<std::vector<EpochBegin>>> SqliteStore::epochs(TenantName tenant) {
  auto work = [](Reads& reads, const Located& of) -> Result<std::vector<EpochBegin>> {
    return reads.epochs(of.number);
  };
  auto epochs = co_await read_of(std::move(tenant), work);
  co_return epochs;
}

Task<Result<JournalHead>> SqliteStore::begin_epoch(TenantName tenant, std::string label) {
  if (label.size() > kEpochLabelBytesMax) {
    co_return fail(Code::kInvalid,
                   fmt::format("an epoch's label has at most {} bytes", kEpochLabelBytesMax));
  }
  RequestCost cost{.tenant = tenant.str()};
  BeginEpoch request{std::move(tenant), std::move(label)};
  auto journal = co_await writer_->submit(std::move(request), std::move(cost));
  co_return journal;
}

Task<Result<std::optional<std::string>>> SqliteStore::get(TenantName tenant, Collection collection,
                                                          std::string key) {
  auto work = [collection, key = std::move(key)](
                  Reads& reads, const Located& found) -> Result<std::optional<std::string>> {
    return reads.record(found.number, collection, key);
  };
  auto value = co_await read_of(std::move(tenant), std::move(work));
  co_return value;
}

Task<Result<ListPage<Record>>> SqliteStore::scan(TenantName tenant, Collection collection,
                                                 std::string prefix, std::string after,
                                                 std::size_t limit) {
  auto work = [collection, prefix = std::move(prefix), after = std::move(after), limit](
                  Reads& reads, const Located& found) -> Result<ListPage<Record>> {
    return reads.scan(found.number, collection, prefix, after, limit);
  };
  auto page = co_await read_of(std::move(tenant), std::move(work));
  co_return page;
}

Task<Result<TenantPut>> SqliteStore::put_tenant(TenantName name, TenantPatch patch) {
  if (auto valid = patched({}, patch); !valid) {
    co_return fail(std::move(valid.error()));
  }
  RequestCost cost{.tenant = name.str()};
  PutTenant request{std::move(name), std::move(patch)};
  auto put = co_await writer_->submit(std::move(request), std::move(cost));
  co_return put;
}

Task<Result<Tenant>> SqliteStore::tenant(TenantName name) { co_return directory_.tenant(name); }

Task<Result<ListPage<Tenant>>> SqliteStore::tenants(std::string after, std::size_t limit) {
  ListPage<TenantEntry> entries = directory_.list(after, limit);
  ListPage<Tenant> page{.items = {}, .more = entries.more};
  for (TenantEntry& entry : entries.items) {
    page.items.push_back(std::move(entry.tenant));
  }
  co_return page;
}

Task<Status> SqliteStore::delete_tenant(TenantName name) {
  RequestCost cost{.tenant = name.str()};
  DeleteTenant request{std::move(name)};
  auto status = co_await writer_->submit(std::move(request), std::move(cost));
  co_return status;
}

Task<Result<bool>> SqliteStore::purge_deleted() {
  PurgeDeleted request;
  auto more = co_await writer_->submit(request, kPurgeCost);
  co_return more;
}

Task<Result<std::optional<std::string>>> SqliteStore::setting(std::string name) {
  auto work = [name = std::move(name)](Reads& reads) -> Result<std::optional<std::string>> {
    return reads.setting(name);
  };
  auto value = co_await readers_.run(std::move(work));
  co_return value;
}

Task<Status> SqliteStore::put_setting(std::string name, std::string value) {
  RequestCost cost{.bytes = name.size() + value.size()};
  PutSetting request{std::move(name), std::move(value)};
  auto status = co_await writer_->submit(std::move(request), std::move(cost));
  co_return status;
}

Status SqliteStore::health() const { return writer_->health(); }

}  // namespace bitvault
