// A Watcher turns the changes of a real directory into the events of its nodes.
//
// run() compares the directory with the node table in the store and commits, in one Transaction
// each, what changed: bitvault.node.created, updated, moved and deleted, and the table. So each
// change is told once, whatever happens in between, also what changed while nobody watched. What is
// told is the difference between two looks, in an order in which it could have happened: a file
// that came and went between two looks is not told of.
//
// How nodes are recognised is in plan.h; README.md has the rules as a user meets them. One watcher
// a tenant. Everything runs on `strand`, blocking work on `blocking`. What the services refer to
// outlives run().
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "catalog/catalog.h"
#include "store/store.h"
#include "watch/agenda.h"
#include "watch/apply.h"
#include "watch/change_source.h"
#include "watch/ledger.h"
#include "watch/listener.h"
#include "watch/observe.h"
#include "watch/plan.h"
#include "watch/told.h"
#include "watch/tree.h"
#include "watch/watches.h"
#include "world/signal.h"
#include "world/task_group.h"
#include "world/world.h"

namespace bitvault::watch {

struct WatchLimits {
  Duration quiet = std::chrono::milliseconds(50);       // without changes before it looks
  Duration patience = std::chrono::milliseconds(500);   // it looks although there is no quiet
  Duration rescan = std::chrono::hours(1);              // compares everything this often
  Duration rescan_unwatched = std::chrono::minutes(1);  // while some folder cannot be watched
  Duration root_poll = std::chrono::seconds(1);         // while the directory is not there
  Duration unreadable_retry = std::chrono::seconds(30);
  Duration unsettled_max = std::chrono::seconds(10);  // then a file is told without checksum
  Duration progress_period = std::chrono::milliseconds(250);
  std::size_t nodes_max = 2'000'000;
  std::size_t batch_events_max = 500;
  std::uint64_t batch_bytes_max = 64ULL * 1024 * 1024;     // read for one batch
  std::uint64_t checksum_bytes_max = 64ULL * 1024 * 1024;  // a larger file has no checksum
  std::size_t slice_folders_max = 1'000;
  std::size_t slice_entries_max = 10'000;
  std::size_t path_bytes_max = kPathBytesMax;  // what lies deeper is not told of
};

struct WatchOptions {
  TenantName tenant;
  std::string directory;  // for messages only: the Tree and the ChangeSource are of it
  WatchLimits limits = {};
};

struct WatchServices {
  World& world;
  Store& store;
  const Catalog& catalog;
  Tree& tree;
  ChangeSource& source;
  WatchListener& listener;
  Executor strand;
  Executor blocking;
};

class Watcher {
 public:
  Watcher(WatchOptions options, const WatchServices& services);

  // Once. Runs on the strand until it is cancelled, which ends it after the batch at hand, without
  // error. Errors: kInvalid when the directory is not there at the start; kUnavailable when there
  // are no means to look whether it is; kNotFound and
  // kTenantDeleting when the tenant is not; kTooLarge when the directory holds more nodes than
  // nodes_max.
  [[nodiscard]] Task<Status> run();

 private:
  // When a file is read again that was written to while it was read.
  struct Unsettled {
    MonotonicTime since;
    MonotonicTime next;
    Duration delay;
  };
  // A part of a plan that is committed together.
  struct Batch {
    std::vector<const Op*> ops;
    std::vector<Content> contents;  // of each op that needs one
    WallTime read_from;
    WallTime read_to;
  };
  // What is committed next.
  struct Pending {
    std::vector<Change> changes;
    std::map<NodeId, std::optional<std::string>> records;  // absent: to be erased
  };

  // The loop (watcher.cpp).
  [[nodiscard]] Task<> collect();
  [[nodiscard]] Task<Status> watch();
  [[nodiscard]] Task<Status> begin();
  [[nodiscard]] Task<> rest();
  [[nodiscard]] Task<> wait_for_work();
  void note_dirt();
  [[nodiscard]] Task<Status> round();
  [[nodiscard]] Task<Status> slice(std::vector<NodeRef> folders, bool& settled, bool last_look);
  void note(const Observation& seen, bool last_look);
  void note(const Observation& seen, const Plan& made);
  [[nodiscard]] Task<Status> lose_root(Observation::Root root, Identity identity);
  void go_blind(WatchError why);
  void look_when_possible(LookError lack);
  void notice_lack(LookError lack);
  void compare_everything();
  void notice(WatchNotice::Kind kind, std::string text);
  void report_progress(bool comparing);

  // What a plan asks for (carry_out.cpp).
  [[nodiscard]] Task<Status> carry_out(const Plan& made);
  [[nodiscard]] Batch next_batch(const Plan& made, std::size_t& at);
  [[nodiscard]] Task<> read_files(Batch& batch);
  [[nodiscard]] bool settle(const Op& op, Content& content, const Batch& batch);
  [[nodiscard]] bool is_unsettled(const Op& op);
  [[nodiscard]] Task<Status> change_table(Batch& batch);
  [[nodiscard]] Task<Status> change_node(const Op& op, const Content* content, Pending& pending);
  [[nodiscard]] Task<Status> announce_what_fits(NodeRef top, Pending& pending);
  void note(const Op& op, const Applied& applied);
  void look_at_other_names(const Op& op);
  void notice_untold(NodeRef node);
  void take(Applied applied, Pending& pending);
  [[nodiscard]] Task<Status> commit_if_full(Pending& pending);
  [[nodiscard]] Task<Status> commit(Pending& pending);
  [[nodiscard]] Task<> append_events(const std::vector<Change>& changes, Transaction& transaction);

  [[nodiscard]] NodeTable& table() const { return *ledger_.table(); }
  [[nodiscard]] MonotonicTime now() const { return services_.world.clock().monotonic(); }

  const WatchOptions options_;
  const WatchLimits& limits_ = options_.limits;
  const WatchServices services_;

  Ledger ledger_;
  Agenda agenda_;
  Watches watches_;
  std::unordered_map<Identity, Unsettled> unsettled_;
  std::unordered_set<NodeRef> unreadable_;

  Signal changed_;
  std::unordered_set<WatchId> dirt_;  // from the source, not yet on the agenda
  bool all_is_dirty_ = false;
  bool source_ended_ = false;

  bool cannot_look_ = false;  // for want of means
  MonotonicTime next_lack_notice_{};
  bool stale_ = false;  // the table must be read again
  bool root_is_lost_ = false;
  bool partly_blind_ = false;  // some folder is not watched
  bool blindness_told_ = false;
  Duration round_took_{};
  MonotonicTime next_rescan_{};
  MonotonicTime next_root_poll_{};
  WatchProgress progress_;
  MonotonicTime next_progress_{};
  bool progress_is_old_ = true;

  TaskGroup tasks_;
};

}  // namespace bitvault::watch
