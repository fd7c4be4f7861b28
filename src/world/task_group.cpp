#include "world/task_group.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>

#include "base/check.h"

namespace bitvault {
namespace {

// A cancelled task goes on to its own end: its waits return at once, they do not throw.
Task<> without_throwing(Task<> task) {
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  co_await std::move(task);
}

}  // namespace

TaskGroup::TaskGroup(const Executor& executor) : executor_(executor), changed_(executor) {}

TaskGroup::~TaskGroup() { check(running_.empty(), "a task group is joined before it goes"); }

void TaskGroup::spawn(Task<> task) {
  if (cancelled_) {
    return;
  }
  const auto self = running_.emplace(running_.end());
  boost::asio::co_spawn(
      executor_, without_throwing(std::move(task)),
      boost::asio::bind_cancellation_slot(self->slot(), [this, self](std::exception_ptr error) {
        check(error == nullptr, "a task ends without an exception");
        running_.erase(self);
        changed_.notify();
      }));
}

void TaskGroup::cancel() {
  cancelled_ = true;
  for (auto& signal : running_) {
    signal.emit(boost::asio::cancellation_type::terminal);
  }
}

Task<> TaskGroup::join(World& world) {
  while (!running_.empty()) {
    const bool notified = co_await changed_.wait(world, std::chrono::hours(1));
    static_cast<void>(notified);
  }
}

}  // namespace bitvault
