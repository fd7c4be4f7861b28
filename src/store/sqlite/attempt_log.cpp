#include "store/sqlite/attempt_log.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace bitvault {

SqliteAttemptLog::SqliteAttemptLog(SqliteAttemptLogOptions options, World& world,
                                   const Executor& executor)
    : options_(std::move(options)),
      world_(world),
      gate_(std::make_shared<JobGate>()),
      jobs_(options_.work, gate_),
      appended_(executor),
      files_(options_.folder) {}

SqliteAttemptLog::~SqliteAttemptLog() {
  gate_->close();
  flush();
}

// Runs `work` where it may block, and resumes with what it returned.
template <class Work>
Task<std::invoke_result_t<Work>> SqliteAttemptLog::on_work(Work work) {
  using Answer = std::invoke_result_t<Work>;
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Answer)>(
      [this](auto handler, Work queued) {
        using Waiter = Caller<Answer, decltype(handler)>;
        jobs_.post([waiter = Waiter(std::move(handler)), queued = std::move(queued)]() mutable {
          waiter.resume(queued());
        });
      },
      boost::asio::use_awaitable, std::move(work));
}

Task<> SqliteAttemptLog::run() {
  while (true) {
    const bool cancelled = co_await is_cancelled();
    if (cancelled) {
      co_return;
    }
    const bool kept = co_await on_work([this] {
      flush();
      const std::scoped_lock lock(writing_);
      files_.expire(std::chrono::floor<std::chrono::days>(world_.clock().wall()) - options_.kept);
      return true;
    });
    static_cast<void>(kept);
    const bool appended = co_await appended_.wait(world_, kExpiryPeriod);
    if (appended) {
      co_await world_.sleep(kFlushPeriod);  // what comes meanwhile is written together
    }
  }
}

void SqliteAttemptLog::append(AttemptEntry entry) {
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.entries.size() >= options_.waiting_max) {
      lost_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    waiting_.entries.push_back(std::move(entry));
  }
  appended_.notify();
}

void SqliteAttemptLog::forget(const TenantName& tenant, std::optional<std::string> subscription) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_.forgotten.emplace_back(tenant, std::move(subscription));
  }
  appended_.notify();
}

Task<Result<AttemptPage>> SqliteAttemptLog::read(AttemptQuery query) {
  Result<AttemptPage> page = co_await on_work([this, query = std::move(query)] {
    flush();
    return files_.read(query);
  });
  co_return page;
}

std::size_t SqliteAttemptLog::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.entries.size();
}

void SqliteAttemptLog::flush() {
  const std::scoped_lock writing(writing_);
  Waiting taken;
  {
    const std::scoped_lock lock(mutex_);
    taken = std::exchange(waiting_, {});
  }
  const std::size_t lost = files_.write(taken.entries);
  lost_.fetch_add(lost, std::memory_order_relaxed);
  for (const auto& [tenant, subscription] : taken.forgotten) {
    files_.forget(tenant, subscription);
  }
}

}  // namespace bitvault
