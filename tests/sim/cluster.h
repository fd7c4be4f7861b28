// A Cluster is the server's machine and the network to it: a disk, a clock, and at most one Node.
//
// Clients call it from a process of their own. A call travels, is done in the Node, and its answer
// travels back; a crash, a full-stop or bad luck on the way leaves the caller without one. What is
// to fail, and when, comes from the Options, until heal().
#pragma once

#include <map>
#include <set>

#include "node.h"
#include "options.h"
#include "tests/store/memory_vfs.h"

namespace bitvault::sim {

template <class T>
using Request = std::move_only_function<Task<Result<T>>(Node&)>;

// What is deliberately wrong with the server, to see whether the checkers notice.
struct Sabotage {
  WrapStore wrap;
  bool deaf = false;
};

[[nodiscard]] inline RetentionPolicy retention_of(const Options& options) {
  return {.max_age_seconds = options.retention_age_seconds, .max_events = options.retention_events};
}

class Cluster {
 public:
  using Unsynced = test::MemoryVfs::Unsynced;

  Cluster(Scheduler& scheduler, SimWorld& clients, const Options& options, Sabotage sabotage,
          Observers& observers, Violations& violations);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // The clients' calls.
  template <class T>
  [[nodiscard]] Task<Reply<T>> call(Request<T> request);
  [[nodiscard]] Task<Reply<Committed>> commit(Transaction transaction);
  [[nodiscard]] Task<Reply<Slice>> read(TenantName tenant, Sequence after, ReadLimit limit);
  [[nodiscard]] Task<Reply<FeedAnswer>> read_feed(FeedQuery query);

  // What happens to the server.
  [[nodiscard]] Status boot();
  void crash(Unsynced unsynced);
  // The process stops in good order; false when it does not.
  [[nodiscard]] Task<bool> stop(SimWorld& world);
  [[nodiscard]] bool up() const { return node_ && !node_->stopping(); }
  [[nodiscard]] SimClock& clock() { return clock_; }
  [[nodiscard]] const CursorCodec& cursors() const { return cursors_; }

  // Faults. They begin with trouble() and end with heal(), which also has the server up again.
  void trouble() { troubled_ = true; }
  [[nodiscard]] Status heal();
  void power_off_in(std::uint64_t disk_calls) { power_off_at_ = disk_.calls() + disk_calls; }
  void break_disk_in(std::uint64_t disk_calls, std::uint64_t for_calls) {
    breaks_at_ = disk_.calls() + disk_calls;
    breaks_until_ = breaks_at_ + for_calls;
  }
  [[nodiscard]] bool power_is_off() const { return power_is_off_; }
  void set_disk_full(bool full) { disk_full_ = full; }

  // How many of them could have failed.
  [[nodiscard]] std::uint64_t disk_calls() const { return disk_calls_; }
  [[nodiscard]] std::uint64_t commits() const { return commits_; }

  // What SQLite thinks of the file; the server is down.
  [[nodiscard]] std::string integrity();

 private:
  using CallId = std::uint64_t;
  struct Pending {
    explicit Pending(const Executor& executor) : done(executor) {}
    Signal done;
  };
  template <class T>
  struct PendingFor : Pending {
    using Pending::Pending;
    Reply<T> answer;
  };
  template <class T>
  [[nodiscard]] Task<> serve(Node& node, Request<T> request, CallId id);
  template <class T>
  void answer(CallId id, Result<T> answer);
  [[nodiscard]] Duration latency();
  void reset_connections();

  [[nodiscard]] NodeOptions node_options();
  [[nodiscard]] test::VfsFault decide_disk(const test::VfsCall& call);
  [[nodiscard]] test::FaultyStore::Fault decide_call(test::FaultyStore::Call call);

  Scheduler& scheduler_;
  SimWorld& clients_;
  const Options options_;
  const Sabotage sabotage_;
  Observers& observers_;
  Violations& violations_;

  Dice dice_;
  SimClock clock_;
  const CursorCodec cursors_;
  test::MemoryVfs disk_;
  std::unique_ptr<Node> node_;
  std::map<CallId, Pending*> pending_;
  std::set<CallId> lost_;  // whose answer got lost on the way
  CallId calls_ = 0;
  std::uint64_t lives_ = 0;  // of the server

  bool troubled_ = false;
  bool disk_full_ = false;
  bool power_is_off_ = false;
  std::optional<std::uint64_t> power_off_at_;
  std::uint64_t breaks_at_ = 0;
  std::uint64_t breaks_until_ = 0;
  std::uint64_t disk_calls_ = 0;  // while troubled
  std::uint64_t commits_ = 0;     // while troubled
};

template <class T>
Task<Reply<T>> Cluster::call(Request<T> request) {
  constexpr Duration kPatience = std::chrono::seconds(30);
  if (!up()) {
    co_await clients_.sleep(latency());
    co_return fail(Code::kUnavailable, "connection refused");
  }
  const CallId id = ++calls_;
  PendingFor<T> pending(clients_.executor());
  pending_.emplace(id, &pending);
  Node& node = *node_;
  node.world().post_after(latency(), [this, &node, id, request = std::move(request)]() mutable {
    node.spawn(serve<T>(node, std::move(request), id));
  });
  const std::uint64_t life = lives_;
  const bool answered = co_await pending.done.wait(clients_, kPatience);
  pending_.erase(id);
  if (!answered && lost_.erase(id) == 0 && life == lives_ && up()) {
    violations_.add("Liveness", "a server that is up did not answer call {}", id);
  }
  co_return std::move(pending.answer);
}

template <class T>
Task<> Cluster::serve(Node& node, Request<T> request, CallId id) {
  auto call = request(node);
  auto result = co_await std::move(call);
  answer(id, std::move(result));
}

template <class T>
void Cluster::answer(CallId id, Result<T> answer) {
  if (troubled_ && dice_.chance(options_.answer_lost_per_mille)) {
    lost_.insert(id);
    return;
  }
  clients_.post_after(latency(), [this, id, answer = std::move(answer)]() mutable {
    if (const auto pending = pending_.find(id); pending != pending_.end()) {
      static_cast<PendingFor<T>*>(pending->second)->answer = std::move(answer);
      pending->second->done.notify();
    }
  });
}

}  // namespace bitvault::sim
