// A Node is one life of the server process: the real SqliteStore on a simulated disk, behind a
// store that fails at will, and the long poll that stands for the feed.
//
// Ends in one of two ways: stop() and destroy when tasks() is 0, as SIGTERM does; or kill(), then
// the disk's crash, then destroy.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "feed/feed.h"
#include "observe.h"
#include "retention/retention.h"
#include "sim_world.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/store/faulty_store.h"
#include "world/reconciler.h"
#include "world/task_group.h"

namespace bitvault::sim {

// When which head was announced to whom it may concern.
class Announcements {
 public:
  void add(const TenantName& tenant, Sequence head, Duration now) {
    heads_[tenant].emplace(head, now);
  }
  // Nothing if it never was in this life of the server.
  [[nodiscard]] std::optional<Duration> of(const TenantName& tenant, Sequence sequence) const;

 private:
  std::map<TenantName, std::map<Sequence, Duration>> heads_;
};

// Puts a store in front of another, to see whether the checkers notice (see broken_store.h).
using WrapStore =
    std::function<std::unique_ptr<Store>(Store& inner, SimWorld& world, TaskGroup& tasks)>;

struct NodeOptions {
  SqliteOptions sqlite;
  test::FaultyStore::Decide decide;
  WrapStore wrap;  // may be empty
  RetentionPolicy retention{};
  Duration retention_every{};
  bool deaf = false;  // loses some of the head listener's words: for the same purpose
};

class Node {
 public:
  // Errors: what the store says when it cannot be opened.
  [[nodiscard]] static Result<std::unique_ptr<Node>> boot(
      Scheduler& scheduler, const SimClock& clock, NodeOptions options, const CursorCodec& cursors,
      Observers& observers, Violations& violations);
  ~Node();

  [[nodiscard]] SimWorld& world() { return world_; }
  [[nodiscard]] Store& store() { return wrapped_ ? *wrapped_ : *faulty_; }

  // Runs a request; after stop() it is dropped.
  void spawn(Task<> request) { tasks_.spawn(std::move(request)); }
  void stop() { tasks_.cancel(); }
  [[nodiscard]] bool stopping() const { return tasks_.cancelled(); }
  [[nodiscard]] std::size_t tasks() const { return tasks_.size(); }
  void kill() { world_.kill(); }

  // The feed. A page that a wait ended with must have come soon after its first event.
  [[nodiscard]] Task<Result<FeedAnswer>> read_feed(FeedQuery query);

 private:
  Node(Scheduler& scheduler, const SimClock& clock, Observers& observers, Violations& violations);
  [[nodiscard]] Task<bool> retention_round();
  void hear(const TenantName& tenant, const JournalHead& head);

  Observers& observers_;
  Violations& violations_;
  bool deaf_ = false;
  // In this order: the store goes first, with the reads that wait in its queues and hold parts of
  // the feed's memory.
  SimWorld world_;
  TaskGroup tasks_;
  HeadBus bus_;
  Announcements announcements_;
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<SqliteStore> sqlite_;
  std::unique_ptr<test::FaultyStore> faulty_;
  std::unique_ptr<Store> wrapped_;
  std::optional<Retention> retention_;
  std::optional<Reconciler> let_go_;
};

}  // namespace bitvault::sim
