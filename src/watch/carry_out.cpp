// Carries out a plan: reads the files, changes the table, commits, in batches.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/check.h"
#include "watch/record.h"
#include "watch/render.h"
#include "watch/run_on.h"
#include "watch/watcher.h"

namespace bitvault::watch {
namespace {

constexpr std::size_t kUnsettledMax = 10'000;
constexpr Duration kUnsettledDelay = std::chrono::milliseconds(100);
constexpr Duration kUnsettledDelayMax = std::chrono::seconds(2);

// Two writes within one tick of the file system's clock leave the same times, so a file that was
// written to a moment before it was read may have changed since without showing it.
constexpr Duration kTick = std::chrono::milliseconds(20);

// A file system whose clock is far off tells nothing.
bool is_fresh(const Content& content, WallTime read_from, WallTime read_to) {
  const WallTime touched{
      std::chrono::floor<Duration>(std::chrono::nanoseconds(content.touched_ns))};
  return touched > read_from - kTick && touched < read_to + kTick;
}

std::string path_of(const Op& op) {
  return op.folder->path.empty() ? op.seen->name : op.folder->path + '/' + op.seen->name;
}

}  // namespace

Task<Status> Watcher::carry_out(const Plan& made) {
  for (std::size_t at = 0; at < made.ops.size() && !stale_;) {
    const bool cancelled = co_await is_cancelled();
    if (cancelled) {
      break;
    }
    Batch batch = next_batch(made, at);
    co_await read_files(batch);
    Status done = co_await change_table(batch);
    if (!done) {
      co_return done;
    }
    report_progress(true);
  }
  co_return Status{};
}

Watcher::Batch Watcher::next_batch(const Plan& made, std::size_t& at) {
  Batch batch;
  std::uint64_t bytes = 0;
  while (at < made.ops.size() && batch.ops.size() < limits_.batch_events_max &&
         bytes < limits_.batch_bytes_max) {
    const Op& op = made.ops[at++];
    if (needs_content(table(), op)) {
      if (is_unsettled(op)) {
        continue;
      }
      bytes += op.seen->size <= limits_.checksum_bytes_max ? op.seen->size : 0;
    }
    batch.ops.push_back(&op);
  }
  return batch;
}

Task<> Watcher::read_files(Batch& batch) {
  struct Job {
    std::size_t index;
    std::string path;
  };
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < batch.ops.size(); ++i) {
    if (needs_content(table(), *batch.ops[i])) {
      jobs.push_back({i, path_of(*batch.ops[i])});
    }
  }
  batch.contents.resize(batch.ops.size());
  if (jobs.empty()) {
    co_return;
  }
  const auto read = [tree = &services_.tree, contents = &batch.contents, jobs = std::move(jobs),
                     bytes_max = limits_.checksum_bytes_max] {
    for (const Job& job : jobs) {
      (*contents)[job.index] = tree->read(job.path, bytes_max);
    }
    return jobs.size();
  };
  batch.read_from = services_.world.clock().wall();
  const std::size_t done = co_await run_on(services_.blocking, read);
  static_cast<void>(done);
  batch.read_to = services_.world.clock().wall();
}

// Whether the file was written to when it was last read, and it is too early to try again.
bool Watcher::is_unsettled(const Op& op) {
  const auto found = unsettled_.find(op.seen->identity);
  if (found == unsettled_.end() || found->second.next <= now()) {
    return false;
  }
  agenda_.look_later(op.folder->folder, now(), found->second.next - now());
  return true;
}

// Whether the change can be done with this content.
bool Watcher::settle(const Op& op, Content& content, const Batch& batch) {
  if (agrees(op, content) && !is_fresh(content, batch.read_from, batch.read_to)) {
    unsettled_.erase(op.seen->identity);
    return true;
  }
  if (content.lack) {
    notice_lack(*content.lack);
    agenda_.look_later(op.folder->folder, now(), limits_.root_poll);
    return false;
  }
  if (content.state == Content::State::kGone) {
    unsettled_.erase(op.seen->identity);
    agenda_.look_later(op.folder->folder, now());
    return false;
  }
  if (unsettled_.size() > kUnsettledMax) {
    unsettled_.clear();
  }
  const auto [found, added] =
      unsettled_.try_emplace(op.seen->identity, Unsettled{now(), now(), kUnsettledDelay});
  Unsettled& file = found->second;
  if (content.identity == op.seen->identity && now() - file.since >= limits_.unsettled_max) {
    content.state = Content::State::kKnown;  // it never rests: told without checksum
    content.file.checksum.reset();
    unsettled_.erase(found);
    return true;
  }
  file.next = now() + file.delay;
  agenda_.look_later(op.folder->folder, now(), file.delay);
  file.delay = std::min(2 * file.delay, kUnsettledDelayMax);
  return false;
}

Task<Status> Watcher::change_table(Batch& batch) {
  Pending pending;
  for (std::size_t i = 0; i < batch.ops.size(); ++i) {
    const Op& op = *batch.ops[i];
    const bool with_content = needs_content(table(), op);
    if (with_content && !settle(op, batch.contents[i], batch)) {
      continue;
    }
    if (op.kind == Op::Kind::kCreate && table().size() > limits_.nodes_max) {
      co_return fail(Code::kTooLarge, fmt::format("{} holds more than {} files and folders",
                                                  options_.directory, limits_.nodes_max));
    }
    const Content* const content = with_content ? &batch.contents[i] : nullptr;
    Status changed = co_await change_node(op, content, pending);
    const bool cancelled = co_await is_cancelled();
    if (!changed || stale_ || cancelled) {
      co_return changed;
    }
  }
  Status committed = co_await commit(pending);
  co_return committed;
}

Task<Status> Watcher::change_node(const Op& op, const Content* content, Pending& pending) {
  Status done;
  for (const NodeRef node : outgrowing(table(), op, limits_.path_bytes_max)) {
    take(withdraw(table(), node), pending);
    notice_untold(node);
    done = co_await commit_if_full(pending);
    if (!done || stale_) {
      co_return done;
    }
  }
  look_at_other_names(op);
  std::array<std::byte, NodeId::kRandomBytes> random{};
  services_.world.random().fill(random);
  Applied applied = apply(table(), op, content, NodeId::make(random), limits_.path_bytes_max);
  note(op, applied);
  if (op.kind == Op::Kind::kCreate && !table()[*applied.stored].told) {
    notice_untold(*applied.stored);
  }
  take(std::move(applied), pending);
  done = co_await commit_if_full(pending);
  if (done && !stale_ && place_after(table(), op)) {
    done = co_await announce_what_fits(op.node, pending);
  }
  co_return done;
}

Task<Status> Watcher::announce_what_fits(NodeRef top, Pending& pending) {
  Status done;
  for (const NodeRef node : now_fitting(table(), top, limits_.path_bytes_max)) {
    take(announce(table(), node), pending);
    done = co_await commit_if_full(pending);
    if (!done || stale_) {
      break;
    }
  }
  co_return done;
}

void Watcher::notice_untold(NodeRef node) {
  notice(WatchNotice::Kind::kNotTold,
         fmt::format("node {} is not told of while its path has more than {} bytes",
                     table()[node].id.text(), limits_.path_bytes_max));
}

void Watcher::take(Applied applied, Pending& pending) {
  if (applied.stored) {
    pending.records.insert_or_assign(table()[*applied.stored].id,
                                     node_value(table(), *applied.stored));
  }
  if (applied.erased) {
    pending.records.insert_or_assign(*applied.erased, std::nullopt);
  }
  if (applied.change) {
    pending.changes.push_back(std::move(*applied.change));
  }
}

void Watcher::note(const Op& op, const Applied& applied) {
  if (applied.look_inside) {
    agenda_.look_now(*applied.stored);
  }
  if (applied.erased) {
    agenda_.forget(op.node);
    unreadable_.erase(op.node);
    if (const auto id = watches_.forget(op.node)) {
      services_.source.unwatch(*id);
    }
  }
}

// A file that was written to under one of its names changed under the others too, but the system
// tells only of the folder where it was opened.
void Watcher::look_at_other_names(const Op& op) {
  const auto look = [&](const Identity& identity) {
    for (const NodeRef other : table().with(identity)) {
      if (other != op.node && other != kRoot) {
        agenda_.look_now(table()[other].parent);
      }
    }
  };
  if (op.node != kNoNode) {
    look(table()[op.node].identity);
  }
  if (op.seen != nullptr && op.seen->links > 1) {
    look(op.seen->identity);
  }
}

Task<Status> Watcher::commit_if_full(Pending& pending) {
  Status done;
  if (pending.changes.size() >= limits_.batch_events_max) {
    done = co_await commit(pending);
  }
  co_return done;
}

// Leaves nothing pending.
Task<Status> Watcher::commit(Pending& pending) {
  if (pending.records.empty()) {
    co_return Status{};
  }
  const Pending now = std::exchange(pending, {});
  Transaction transaction(options_.tenant);
  for (const auto& [id, value] : now.records) {
    if (value) {
      transaction.put(kNodes, id.text(), *value);
    } else {
      transaction.erase(kNodes, id.text());
    }
  }
  co_await append_events(now.changes, transaction);
  const std::size_t count = transaction.events().size();
  auto outcome = co_await ledger_.commit(std::move(transaction));
  if (!outcome) {
    co_return fail(std::move(outcome.error()));
  }
  switch (*outcome) {
    case Ledger::Outcome::kDone:
      progress_.events_committed += count;
      break;
    case Ledger::Outcome::kStale:
    case Ledger::Outcome::kCancelled:  // the table is ahead of the store: nothing more is done
      stale_ = true;
      break;
  }
  co_return Status{};
}

Task<> Watcher::append_events(const std::vector<Change>& changes, Transaction& transaction) {
  if (changes.empty()) {
    co_return;
  }
  std::vector<EventId> ids;
  const WallTime time = services_.world.clock().wall();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    std::array<std::byte, 10> random{};
    services_.world.random().fill(random);
    ids.push_back(EventId::make(time, random));
  }
  const auto render_all = [&changes, &ids, time, catalog = &services_.catalog,
                           tenant = &options_.tenant] {
    std::vector<Result<EncodedEvent>> events;
    events.reserve(changes.size());
    for (std::size_t i = 0; i < changes.size(); ++i) {
      events.push_back(render(changes[i], *catalog, *tenant, ids[i], time));
    }
    return events;
  };
  auto events = co_await run_on(services_.blocking, render_all);
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i]) {
      transaction.append(std::move(*events[i]));
      continue;
    }
    const NodeView& shown = changes[i].after.id.empty() ? changes[i].before : changes[i].after;
    notice(WatchNotice::Kind::kNotTold,
           fmt::format("a change of node {} is not told: {}", shown.id, events[i].error().detail));
  }
}

}  // namespace bitvault::watch
