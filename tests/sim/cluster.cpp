#include "cluster.h"

#include <sqlite3.h>

#include <array>

namespace bitvault::sim {
namespace {

constexpr const char* kFolder = "data";

Task<Result<Committed>> commit_in(Node& node, Transaction transaction) {
  return node.store().commit(std::move(transaction));
}

Task<Result<Slice>> read_in(Node& node, TenantName tenant, Sequence after, ReadLimit limit) {
  return node.store().read(std::move(tenant), after, limit);
}

SecretKey master_key() {
  constexpr std::array<std::byte, 32> kBytes{};
  return SecretKey(kBytes);
}

test::VfsFault::Kind kind_of(Options::Planned planned) {
  switch (planned) {
    case Options::Planned::kBefore:
      return test::VfsFault::Kind::kBefore;
    case Options::Planned::kTorn:
      return test::VfsFault::Kind::kTorn;
    case Options::Planned::kAfter:
      return test::VfsFault::Kind::kAfter;
    case Options::Planned::kPowerOff:
      return test::VfsFault::Kind::kPowerOff;
  }
}

}  // namespace

Cluster::Cluster(Scheduler& scheduler, SimWorld& clients, const Options& options, Sabotage sabotage,
                 Observers& observers, Violations& violations)
    : scheduler_(scheduler),
      clients_(clients),
      options_(options),
      sabotage_(std::move(sabotage)),
      observers_(observers),
      violations_(violations),
      dice_(scheduler.dice().fork()),
      clock_(scheduler, {.drift_ppm = options.drift_ppm,
                         .monotonic_offset = std::chrono::seconds(dice_.below(1'000'000))}),
      cursors_(master_key()),
      disk_(dice_.next()) {
  disk_.decide_by([this](const test::VfsCall& call) { return decide_disk(call); });
}

Cluster::~Cluster() {
  if (node_) {
    crash(Unsynced::kKept);
  }
}

Duration Cluster::latency() {
  return Duration(dice_.below(static_cast<std::uint64_t>(options_.latency_max.count()) + 1));
}

Task<Reply<Committed>> Cluster::commit(Transaction transaction) {
  Request<Committed> request = [transaction = std::move(transaction)](Node& node) mutable {
    return commit_in(node, std::move(transaction));
  };
  return call<Committed>(std::move(request));
}

Task<Reply<Slice>> Cluster::read(TenantName tenant, Sequence after, ReadLimit limit) {
  Request<Slice> request = [tenant = std::move(tenant), after, limit](Node& node) {
    return read_in(node, tenant, after, limit);
  };
  return call<Slice>(std::move(request));
}

Task<Reply<FeedAnswer>> Cluster::read_feed(FeedQuery query) {
  Request<FeedAnswer> request = [query = std::move(query)](Node& node) {
    return node.read_feed(query);
  };
  return call<FeedAnswer>(std::move(request));
}

// ---- the server's fate

NodeOptions Cluster::node_options() {
  NodeOptions options;
  options.sqlite.folder = kFolder;
  options.sqlite.readers_max = options_.connections;
  options.sqlite.commits.queue_requests_max = options_.queue_requests_max;
  options.sqlite.commits.batch_requests_max = options_.batch_requests_max;
  options.sqlite.commits.checkpoint_bytes = options_.checkpoint_bytes;
  options.sqlite.commits.wal_bytes_max = options_.wal_bytes_max;
  options.sqlite.vfs = disk_.name();
  options.decide = [this](test::FaultyStore::Call call, std::uint64_t) {
    return decide_call(call);
  };
  options.retention = retention_of(options_);
  options.retention_every = options_.retention_every;
  options.wrap = sabotage_.wrap;
  options.deaf = sabotage_.deaf;
  return options;
}

Status Cluster::boot() {
  auto booted = Node::boot(scheduler_, clock_, node_options(), cursors_, observers_, violations_);
  if (!booted) {
    scheduler_.log("boot fails: {}", booted.error().detail);
    return fail(std::move(booted.error()));
  }
  scheduler_.log("the server is up");
  node_ = std::move(*booted);
  ++lives_;
  return {};
}

void Cluster::reset_connections() {
  for (const auto& [id, pending] : pending_) {
    clients_.post_after(latency(), [this, id] {
      if (const auto waiting = pending_.find(id); waiting != pending_.end()) {
        waiting->second->done.notify();
      }
    });
  }
}

void Cluster::crash(Unsynced unsynced) {
  scheduler_.log("crash, what was not synced is {}", unsynced == Unsynced::kKept   ? "kept"
                                                     : unsynced == Unsynced::kHalf ? "half lost"
                                                                                   : "lost");
  if (node_) {
    node_->kill();
  }
  disk_.crash(unsynced);
  node_.reset();
  power_is_off_ = false;
  power_off_at_.reset();
  reset_connections();
}

Task<bool> Cluster::stop(SimWorld& world) {
  constexpr Duration kPatience = std::chrono::seconds(60);
  Node* const node = node_.get();
  const Duration start = scheduler_.now();
  scheduler_.log("SIGTERM");
  node->world().post([node] { node->stop(); });
  while (node_.get() == node && (!node->stopping() || node->tasks() > 0)) {
    if (scheduler_.now() - start > kPatience) {
      co_return false;
    }
    co_await world.sleep(std::chrono::milliseconds(1));
  }
  if (node_.get() == node) {
    scheduler_.log("the server has stopped");
    node_.reset();
    reset_connections();
  }
  co_return true;
}

Status Cluster::heal() {
  troubled_ = false;
  disk_full_ = false;
  power_off_at_.reset();
  if (up()) {
    return {};
  }
  crash(Unsynced::kKept);
  return boot();
}

// ---- what fails

test::VfsFault Cluster::decide_disk(const test::VfsCall& call) {
  using Kind = test::VfsFault::Kind;
  using Op = test::VfsCall::Op;
  if (!troubled_) {
    return {};
  }
  ++disk_calls_;
  if (power_off_at_ && call.number >= *power_off_at_) {
    power_is_off_ = true;
    return {.kind = Kind::kPowerOff};
  }
  if (options_.disk_plan && disk_calls_ == options_.disk_plan->number) {
    power_is_off_ = options_.disk_plan->kind == Options::Planned::kPowerOff;
    return {.kind = kind_of(options_.disk_plan->kind)};
  }
  if (disk_full_ && call.op == Op::kWrite && dice_.chance(700)) {
    return {.kind = dice_.chance(500) ? Kind::kBefore : Kind::kTorn, .disk_full = true};
  }
  // Reads are many and fail seldom.
  const bool broken = call.number >= breaks_at_ && call.number < breaks_until_;
  const unsigned rate = broken                 ? 500
                        : call.op == Op::kRead ? options_.disk_fails_per_mille / 8
                                               : options_.disk_fails_per_mille;
  if (!dice_.chance(rate)) {
    return {};
  }
  constexpr Kind kKinds[] = {Kind::kBefore, Kind::kTorn, Kind::kAfter};
  return {.kind = kKinds[dice_.below(3)]};
}

test::FaultyStore::Fault Cluster::decide_call(test::FaultyStore::Call call) {
  using Kind = test::FaultyStore::Fault::Kind;
  test::FaultyStore::Fault fault;
  if (!troubled_) {
    return fault;
  }
  const bool commit = call == test::FaultyStore::Call::kCommit;
  commits_ += commit ? 1 : 0;
  if (commit && options_.commit_plan && commits_ == options_.commit_plan->number) {
    fault.kind =
        options_.commit_plan->kind == Options::Planned::kAfter ? Kind::kAfter : Kind::kBefore;
  } else if (dice_.chance(options_.call_fails_per_mille)) {
    fault.kind = dice_.chance(500) ? Kind::kBefore : Kind::kAfter;
  }
  if (dice_.chance(options_.call_slow_per_mille)) {
    fault.delay = Duration(dice_.below(500'000));
  }
  return fault;
}

std::string Cluster::integrity() {
  sqlite3* db = nullptr;
  const std::string file = std::string(kFolder) + "/journal.db";
  std::string answer = "cannot be opened";
  if (sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READWRITE, disk_.name().c_str()) ==
      SQLITE_OK) {
    const auto keep = [](void* out, int, char** values, char**) {
      *static_cast<std::string*>(out) = values[0];
      return 0;
    };
    sqlite3_exec(db, "PRAGMA integrity_check", keep, &answer, nullptr);
  }
  sqlite3_close(db);
  return answer;
}

}  // namespace bitvault::sim
