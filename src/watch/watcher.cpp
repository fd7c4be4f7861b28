#include "watch/watcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>

#include "watch/record.h"
#include "watch/run_on.h"

namespace bitvault::watch {
namespace {

constexpr Duration kRoundTookMax = std::chrono::seconds(2);
constexpr Duration kLackNoticePeriod = std::chrono::minutes(1);

std::string_view text_of(LookError lack) {
  return lack == LookError::kNoDescriptors
             ? "too many files are open: raise the limit of open files (ulimit -n)"
             : "there is no memory left";
}

}  // namespace

Watcher::Watcher(WatchOptions options, const WatchServices& services)
    : options_(std::move(options)),
      services_(services),
      ledger_(
          services.world, services.store, options_.tenant,
          [this](const Error& error) { notice(WatchNotice::Kind::kStoreRefuses, error.detail); }),
      agenda_({.first = limits_.quiet}),
      changed_(services.strand),
      tasks_(services.strand) {}

Task<Status> Watcher::run() {
  Tree* const tree = &services_.tree;
  const auto root = co_await run_on(services_.blocking, [tree] { return tree->root(); });
  if (!root && is_lack(root.error())) {
    co_return fail(Code::kUnavailable, fmt::format("{} cannot be looked at: {}", options_.directory,
                                                   text_of(root.error())));
  }
  if (!root) {
    co_return fail(Code::kInvalid,
                   fmt::format("{} is not there, or is not a folder", options_.directory));
  }
  tasks_.spawn(collect());
  Status ended = co_await watch();
  tasks_.cancel();
  // The join must wait even if this coroutine was cancelled.
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  co_await tasks_.join(services_.world);
  co_return ended;
}

// Takes in what the source says, so that its own queue stays short.
Task<> Watcher::collect() {
  while (!source_ended_) {
    const Changes changes = co_await services_.source.next();
    const bool cancelled = co_await is_cancelled();
    if (cancelled) {
      co_return;
    }
    dirt_.insert(changes.folders.begin(), changes.folders.end());
    all_is_dirty_ = all_is_dirty_ || changes.everything;
    source_ended_ = changes.ended;
    changed_.notify();
  }
}

Task<Status> Watcher::watch() {
  stale_ = true;
  while (true) {
    const bool cancelled = co_await is_cancelled();
    if (cancelled) {
      co_return Status{};
    }
    Status done;
    if (stale_) {
      stale_ = false;
      done = co_await begin();
    } else {
      co_await rest();
      done = co_await round();
    }
    if (!done) {
      co_return done;
    }
  }
}

// Starts from what the store has.
Task<Status> Watcher::begin() {
  agenda_.clear();
  watches_.clear();
  unsettled_.clear();
  unreadable_.clear();
  Status loaded = co_await ledger_.load();
  const bool cancelled = co_await is_cancelled();
  if (!loaded || cancelled) {
    co_return loaded;
  }
  Pending pending;
  if (ledger_.table() == nullptr) {
    Tree* const tree = &services_.tree;
    const auto root = co_await run_on(services_.blocking, [tree] { return tree->root(); });
    std::array<std::byte, NodeId::kRandomBytes> random{};
    services_.world.random().fill(random);
    ledger_.begin({.id = NodeId::make(random),
                   .kind = Kind::kFolder,
                   .version = 1,
                   .identity = root.value_or(Identity{}),
                   .file = {},
                   .name = {}});
    take({.stored = kRoot}, pending);
  }
  // Announcements that are still due: a crash may have come between.
  Status stored = co_await announce_what_fits(kRoot, pending);
  if (stored && !stale_) {
    stored = co_await commit(pending);
  }
  if (!stored || stale_) {
    co_return stored;
  }
  compare_everything();
  co_return Status{};
}

// Waits until something is worth a look.
Task<> Watcher::rest() {
  if (cannot_look_) {
    cannot_look_ = false;
    co_await services_.world.sleep(limits_.root_poll);
    note_dirt();
    co_return;
  }
  if (!root_is_lost_ && agenda_.now_size() > 0) {
    co_return;
  }
  co_await wait_for_work();
  // Changes come in groups: a file is made, written, renamed. They are looked at together.
  // Where looking takes long (a huge folder with one busy file), it is done less often.
  constexpr int kRestPerWork = 4;
  const MonotonicTime latest = now() + std::max(limits_.patience, kRestPerWork * round_took_);
  while (now() < latest) {
    const Duration left = std::min(limits_.quiet, latest - now());
    const bool more = co_await changed_.wait(services_.world, left);
    if (!more) {
      break;
    }
  }
  note_dirt();
}

Task<> Watcher::wait_for_work() {
  while (dirt_.empty() && !all_is_dirty_) {
    report_progress(false);
    const MonotonicTime due =
        root_is_lost_ ? next_root_poll_
                      : std::min(next_rescan_, agenda_.next_due().value_or(next_rescan_));
    if (now() >= due) {
      co_return;
    }
    const MonotonicTime until = progress_is_old_ ? std::min(due, next_progress_) : due;
    const Duration wait = std::max(until - now(), Duration{1});
    const bool notified = co_await changed_.wait(services_.world, wait);
    static_cast<void>(notified);
    const bool cancelled = co_await is_cancelled();
    if (cancelled) {
      co_return;
    }
  }
}

void Watcher::note_dirt() {
  if (all_is_dirty_) {
    notice(
        WatchNotice::Kind::kChangesLost,
        fmt::format("the system dropped changes of {}: comparing everything", options_.directory));
  }
  if (source_ended_ && !partly_blind_) {
    go_blind(WatchError::kFailed);
  }
  if (all_is_dirty_ || now() >= next_rescan_) {
    compare_everything();
  }
  for (const WatchId id : dirt_) {
    if (const auto folder = watches_.folder(id)) {
      agenda_.look_now(*folder);
    }
  }
  all_is_dirty_ = false;
  dirt_.clear();
  if (root_is_lost_) {
    agenda_.look_now(kRoot);
    next_root_poll_ = now() + limits_.root_poll;
  }
}

Task<Status> Watcher::round() {
  const MonotonicTime start = now();
  agenda_.begin_round(start);
  bool settled = true;
  Status done;
  while (done && agenda_.now_size() + agenda_.ready_size() > 0) {
    const bool cancelled = co_await is_cancelled();
    if (cancelled || stale_) {
      break;
    }
    // What was put off comes last: by then all that may explain it is in the table.
    const bool last_look = agenda_.now_size() == 0;
    std::vector<NodeRef> folders = last_look ? agenda_.take_ready(limits_.slice_folders_max)
                                             : agenda_.take_now(limits_.slice_folders_max);
    settled = last_look || (settled && agenda_.now_size() == 0);
    done = co_await slice(std::move(folders), settled, last_look);
    if (root_is_lost_ || cannot_look_) {
      break;
    }
    report_progress(true);
  }
  round_took_ = std::min(now() - start, kRoundTookMax);
  co_return done;
}

Task<Status> Watcher::slice(std::vector<NodeRef> folders, bool& settled, bool last_look) {
  const auto look = [nodes = ledger_.table(), tree = &services_.tree, source = &services_.source,
                     entries_max = limits_.slice_entries_max,
                     &folders] { return observe(*nodes, folders, *tree, *source, entries_max); };
  const Observation seen = co_await run_on(services_.blocking, look);
  if (seen.lack) {
    std::ranges::for_each(folders, [this](NodeRef folder) { agenda_.look_now(folder); });
    look_when_possible(*seen.lack);
    co_return Status{};
  }
  if (seen.root != Observation::Root::kThere) {
    Status lost = co_await lose_root(seen.root, seen.root_identity);
    co_return lost;
  }
  if (root_is_lost_) {
    root_is_lost_ = false;
    notice(WatchNotice::Kind::kRootBack, fmt::format("{} is back", options_.directory));
    compare_everything();
    co_return Status{};
  }
  note(seen, last_look);
  settled = last_look || (settled && seen.left.empty());
  const Plan made = plan(table(), seen,
                         {.settled = settled, .last_look = last_look, .held = [this](NodeRef node) {
                            return agenda_.is_held(node);
                          }});
  note(seen, made);
  Status done = co_await carry_out(made);
  co_return done;
}

void Watcher::note(const Observation& seen, bool last_look) {
  progress_.entries_seen += seen.entries;
  for (const auto& [folder, id] : seen.watches) {
    if (const auto former = watches_.set(folder, id)) {
      services_.source.unwatch(*former);
    }
  }
  if (seen.watch_error && !partly_blind_) {
    go_blind(*seen.watch_error);
  }
  for (const NodeRef folder : seen.left) {
    last_look ? agenda_.look_ready(folder) : agenda_.look_now(folder);
  }
  for (const NodeRef folder : seen.unreadable) {
    agenda_.look_later(folder, now(), limits_.unreadable_retry);
    if (unreadable_.insert(folder).second) {
      notice(WatchNotice::Kind::kFolderUnreadable,
             fmt::format("{}{} cannot be read", options_.directory, view(table(), folder).path));
    }
  }
  // A folder that is nowhere may turn up where nobody has looked yet.
  for (const auto* folders : {&seen.unsure, &seen.absent}) {
    for (const NodeRef folder : *folders) {
      agenda_.look_later(folder, now());
    }
  }
}

void Watcher::note(const Observation& seen, const Plan& made) {
  for (const NodeRef folder : made.again) {
    agenda_.look_later(folder, now());
  }
  std::unordered_set<NodeRef> vanished;
  for (const NodeRef node : made.vanished) {
    vanished.insert(node);
    agenda_.hold(node);
    agenda_.look_later(table()[node].parent, now());
  }
  std::unordered_set<NodeRef> observed;
  for (const ObservedFolder& folder : seen.folders) {
    observed.insert(folder.folder);
    unreadable_.erase(folder.folder);
    agenda_.rested(folder.folder);
  }
  for (const NodeRef node : agenda_.held()) {
    if (observed.contains(table()[node].parent) && !vanished.contains(node)) {
      agenda_.release(node);
    }
  }
}

// The directory itself went, or another one stands in its place. Nobody deletes everything by
// unmounting a disk: until it is back with something in it, nothing is told.
Task<Status> Watcher::lose_root(Observation::Root root, Identity identity) {
  if (root == Observation::Root::kReplaced) {
    Tree* const tree = &services_.tree;
    const auto listing = co_await run_on(services_.blocking, [tree] { return tree->list(""); });
    if (!listing && is_lack(listing.error())) {
      agenda_.look_now(kRoot);
      look_when_possible(listing.error());
      co_return Status{};
    }
    const bool usable = listing && listing->identity == identity &&
                        (table().size() == 1 || !listing->entries.empty());
    if (usable) {
      table().set_identity(kRoot, identity);
      Pending pending;
      take({.stored = kRoot}, pending);
      Status stored = co_await commit(pending);
      root_is_lost_ = false;
      notice(WatchNotice::Kind::kRootBack,
             fmt::format("{} is another directory now: comparing everything", options_.directory));
      compare_everything();
      co_return stored;
    }
  }
  if (!root_is_lost_) {
    root_is_lost_ = true;
    notice(WatchNotice::Kind::kRootLost,
           fmt::format("{} is not there, or is another, empty directory: nothing is taken as "
                       "deleted until it is back",
                       options_.directory));
  }
  co_return Status{};
}

// Some folder is not watched, until a full comparison watches each one.
void Watcher::go_blind(WatchError why) {
  partly_blind_ = true;
  next_rescan_ = std::min(next_rescan_, now() + limits_.rescan_unwatched);
  if (blindness_told_) {
    return;
  }
  blindness_told_ = true;
  notice(WatchNotice::Kind::kPartlyBlind,
         fmt::format(
             "not every folder of {} can be watched{}: comparing everything each {} s",
             options_.directory,
             why == WatchError::kLimit ? " (raise the sysctl fs.inotify.max_user_watches)" : "",
             std::chrono::floor<std::chrono::seconds>(limits_.rescan_unwatched).count()));
}

// Nothing follows from what could not be looked at for want of means.
void Watcher::look_when_possible(LookError lack) {
  cannot_look_ = true;
  notice_lack(lack);
}

void Watcher::notice_lack(LookError lack) {
  if (now() < next_lack_notice_) {
    return;
  }
  next_lack_notice_ = now() + kLackNoticePeriod;
  notice(WatchNotice::Kind::kCannotLook,
         fmt::format("{} cannot be looked at for now: {}", options_.directory, text_of(lack)));
}

void Watcher::compare_everything() {
  for (const NodeRef folder : table().folders()) {
    agenda_.look_now(folder);
  }
  next_rescan_ = now() + (partly_blind_ ? limits_.rescan_unwatched : limits_.rescan);
  partly_blind_ = source_ended_;
}

void Watcher::notice(WatchNotice::Kind kind, std::string text) {
  services_.listener.notice({kind, std::move(text)});
}

void Watcher::report_progress(bool comparing) {
  progress_is_old_ = progress_is_old_ || comparing || progress_.comparing;
  if (!progress_is_old_ || now() < next_progress_) {
    return;
  }
  progress_.comparing = comparing;
  progress_.nodes = ledger_.table() == nullptr ? 0 : table().size() - 1;
  progress_is_old_ = false;
  next_progress_ = now() + limits_.progress_period;
  services_.listener.progress(progress_);
}

}  // namespace bitvault::watch
