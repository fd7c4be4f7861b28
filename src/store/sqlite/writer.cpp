#include "store/sqlite/writer.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "store/sqlite/schema.h"

namespace bitvault {
namespace {

constexpr std::int64_t kRestartAgainAfter = 32 * 1024 * 1024;

}  // namespace

Writer::Writer(std::string file, std::string vfs, WriterLimits limits, World& world,
               Directory& directory, Checkpointer& checkpointer, HeadListener listener,
               JobPoster jobs)
    : file_(std::move(file)),
      vfs_(std::move(vfs)),
      limits_(limits),
      world_(world),
      directory_(directory),
      checkpointer_(checkpointer),
      listener_(std::move(listener)),
      jobs_(std::move(jobs)),
      restart_at_(limits.wal_bytes_max) {}

Status Writer::open() {
  try {
    connect();
    // What an earlier process committed may stand in the operating system's cache only: nobody
    // reads it before it is in the file for good.
    connection_->checkpoint_truncate();
    prove();
    directory_.replace(load_tenants(*connection_));
  } catch (const SqliteFailure& failure) {
    return fail(failure.error());
  }
  return {};
}

void Writer::connect() {
  sql_.reset();
  connection_.reset();
  connection_ = std::make_unique<Connection>(file_, vfs_, Connection::Mode::kWrite);
  configure_writer(*connection_);
  connection_->watch_wal();
  sql_ = std::make_unique<WriteStatements>(*connection_);
}

// A commit that failed may have left its pages in the WAL, past the last one that counts. Until
// they are overwritten, a crash could bring it back to life. The WAL's checksums are chained, so
// one more commit, however small, ends that; it also shows that the storage takes writes again.
void Writer::prove() { connection_->execute("UPDATE recovery SET count = count + 1"); }

// After a failure of unknown outcome: opens the database anew, makes its state final and reads what
// it holds. Every page that this shows was synced before it counted; see Checkpointer on why the
// WAL's index, which knows that, outlives our connection.
bool Writer::recover() {
  {
    const std::scoped_lock lock(mutex_);
    last_trial_ = world_.clock().monotonic();
    trial_wanted_ = false;
  }
  try {
    connect();
    prove();
    const auto moved = directory_.replace(load_tenants(*connection_));
    stopped_ = false;
    set_trouble(std::nullopt);
    announce(moved);
    return true;
  } catch (const SqliteFailure& failure) {
    stopped_ = true;
    set_trouble(failure.error());
    return false;
  }
}

Status Writer::health() {
  std::optional<Error> trouble;
  bool post = false;
  {
    const std::scoped_lock lock(mutex_);
    trouble = trouble_;
    // Without requests nobody else would find out that the trouble has ended.
    if (trouble && world_.clock().monotonic() - last_trial_ >= kRecoverEvery) {
      trial_wanted_ = true;
      post = !std::exchange(drain_posted_, true);
    }
  }
  if (post) {
    post_drain();
  }
  return trouble ? Status(fail(*trouble)) : Status();
}

// A queue, or a tenant's part of it, that is empty takes one request however large. Called with the
// mutex held.
bool Writer::has_room(const RequestCost& cost) const {
  if (queue_.size() >= limits_.queue_requests_max ||
      queue_.size_of(cost.tenant) >= limits_.tenant_requests_max) {
    return false;
  }
  const std::size_t own = queue_.bytes_of(cost.tenant);
  return (queue_.empty() || queue_.bytes() + cost.bytes <= limits_.queue_bytes_max) &&
         (own == 0 || own + cost.bytes <= limits_.tenant_bytes_max);
}

void Writer::push(std::unique_ptr<WriteRequest> request) {
  std::unique_ptr<WriteRequest> refused;
  bool post = false;
  {
    const std::scoped_lock lock(mutex_);
    if (has_room(request->cost)) {
      const RequestCost& cost = request->cost;
      queue_.push(cost.tenant, std::move(request), cost.bytes);
      post = !std::exchange(drain_posted_, true);
    } else {
      refused = std::move(request);
    }
  }
  if (refused) {
    refused->refuse({Code::kUnavailable, "the store is busy: too many commits wait", {}});
  }
  if (post) {
    post_drain();
  }
}

void Writer::post_drain() {
  jobs_.post([this] { drain(); });
}

void Writer::drain() {
  if (runs()) {
    if (auto requests = take(); !requests.empty()) {
      commit(std::move(requests), Batch::LookUp::kGivenIds);
      bound_wal();
    }
  } else {
    refuse_queue();
  }
  bool more = false;
  {
    const std::scoped_lock lock(mutex_);
    more = !queue_.empty() || trial_wanted_;
    drain_posted_ = more;
  }
  if (more) {
    post_drain();
  }
}

// Whether writes may go on; recovers when that is due.
bool Writer::runs() {
  bool due = false;
  bool wanted = false;
  {
    const std::scoped_lock lock(mutex_);
    due = world_.clock().monotonic() - last_trial_ >= kRecoverEvery;
    wanted = trial_wanted_;
  }
  if (wanted || (stopped_ && due)) {
    return recover();
  }
  return !stopped_;
}

Writer::Requests Writer::take() {
  Requests taken;
  RequestCost sum;
  const std::scoped_lock lock(mutex_);
  while (!queue_.empty() && taken.size() < limits_.batch_requests_max) {
    const RequestCost& cost = queue_.front()->cost;
    const bool full = sum.events + cost.events > limits_.batch_events_max ||
                      sum.bytes + cost.bytes > limits_.batch_bytes_max;
    if (full && !taken.empty()) {
      break;
    }
    sum.events += cost.events;
    sum.bytes += cost.bytes;
    taken.push_back(queue_.pop());
  }
  return taken;
}

void Writer::refuse_queue() {
  FairQueue<std::unique_ptr<WriteRequest>> refused;
  Error error;
  {
    const std::scoped_lock lock(mutex_);
    refused = std::exchange(queue_, {});
    error = trouble_.value_or(Error{Code::kUnavailable, "the store recovers", {}});
  }
  while (!refused.empty()) {
    refused.pop()->refuse(error);
  }
}

void Writer::commit(Requests requests, Batch::LookUp look_up) {
  Batch batch(*sql_, directory_, world_, look_up, limits_.tenants_max);
  if (const auto failure = build(batch, requests)) {
    roll_back();
    if (failure->of_the_statement() && look_up == Batch::LookUp::kGivenIds) {
      commit_alone(std::move(requests));
      return;
    }
    Error error = failure->error();
    if (failure->of_the_statement()) {
      error.code = Code::kInternal;
    } else {
      set_trouble(error);
    }
    for (const auto& request : requests) {
      request->refuse(error);
    }
    return;
  }
  try {
    sql_->commit.execute();
  } catch (const SqliteFailure& failure) {
    settle(batch, requests, failure.error());
    return;
  }
  set_trouble(std::nullopt);
  announce(directory_.publish(batch.changes()));
  for (const auto& request : requests) {
    request->complete();
  }
}

std::optional<SqliteFailure> Writer::build(Batch& batch, const Requests& requests) {
  try {
    sql_->begin.execute();
    for (const auto& request : requests) {
      request->apply(batch);
    }
    batch.finish();
  } catch (const SqliteFailure& failure) {
    return failure;
  }
  return std::nullopt;
}

// One of them cannot be written as it is. Each gets a transaction of its own, so that it is only
// that one which fails; and every id is looked up, in case that it is a made one that is not new.
void Writer::commit_alone(Requests requests) {
  for (auto& request : requests) {
    if (stopped_) {
      request->refuse({Code::kUnavailable, "the store recovers", {}});
      continue;
    }
    Requests alone;
    alone.push_back(std::move(request));
    commit(std::move(alone), Batch::LookUp::kAllIds);
  }
}

void Writer::roll_back() {
  try {
    if (connection_->in_transaction()) {
      connection_->execute("ROLLBACK");
    }
  } catch (const SqliteFailure& failure) {
    stopped_ = true;
    set_trouble(failure.error());
  }
}

// The COMMIT failed. The batch is there as a whole or not at all, so one head tells of all.
void Writer::settle(const Batch& batch, const Requests& requests, const Error& error) {
  stopped_ = true;
  const auto sign = witness(batch);
  const bool recovered = recover();
  if (!recovered || !sign) {
    for (const auto& request : requests) {
      request->refuse({Code::kOutcomeUnknown, error.detail, {}});
    }
    return;
  }
  const auto now = directory_.find(sign->first);
  const bool committed = now && now->number == sign->second->number &&
                         now->tenant.journal.head >= sign->second->tenant.journal.head;
  for (const auto& request : requests) {
    committed ? request->complete() : request->refuse(error);
  }
}

// A tenant whose head the batch moves.
std::optional<Directory::Changes::value_type> Writer::witness(const Batch& batch) const {
  for (const auto& change : batch.changes()) {
    const auto before = directory_.find(change.first);
    if (change.second && before &&
        change.second->tenant.journal.head > before->tenant.journal.head) {
      return change;
    }
  }
  return std::nullopt;
}

void Writer::bound_wal() {
  if (stopped_) {
    return;
  }
  const std::int64_t bytes = connection_->wal_bytes();
  if (bytes < restart_at_) {
    if (checkpointer_.has_caught_up(bytes)) {
      connection_->checkpoint_passive();
    }
    return;
  }
  try {
    connection_->checkpoint_restart();
    restart_at_ = limits_.wal_bytes_max;
  } catch (const SqliteFailure& failure) {
    if (failure.is_busy()) {  // a read or the checkpointer is in the way
      restart_at_ = bytes + kRestartAgainAfter;
      return;
    }
    stopped_ = true;
    set_trouble(failure.error());
  }
}

void Writer::announce(const Directory::Moved& moved) const {
  for (const auto& [name, journal] : moved) {
    listener_(name, journal);
  }
}

void Writer::set_trouble(std::optional<Error> trouble) {
  const std::scoped_lock lock(mutex_);
  trouble_ = std::move(trouble);
}

}  // namespace bitvault
