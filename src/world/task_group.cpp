#include "world/task_group.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <utility>

#include "base/check.h"

namespace bitvault {

// Takes a task off the list: when it ends, or else when it is destroyed unfinished.
class TaskGroup::Completion {
 public:
  Completion(TaskGroup& group, Running::iterator task) : group_(&group), task_(task) {}
  Completion(Completion&& other) noexcept
      : group_(std::exchange(other.group_, nullptr)), task_(other.task_) {}
  ~Completion() {
    if (group_ != nullptr) {
      group_->running_.erase(task_);
    }
  }
  Completion& operator=(Completion&&) = delete;

  void operator()(const std::exception_ptr& error) {
    check(error == nullptr, "a task ends without an exception");
    TaskGroup& group = *std::exchange(group_, nullptr);
    group.running_.erase(task_);
    group.changed_.notify();
  }

 private:
  TaskGroup* group_;
  Running::iterator task_;
};

TaskGroup::TaskGroup(const Executor& executor) : executor_(executor), changed_(executor) {}

TaskGroup::~TaskGroup() { check(running_.empty(), "a task group is joined before it goes"); }

Task<> TaskGroup::run(Task<> task, Running::iterator self) {
  self->begun = true;
  if (cancelled_) {
    co_return;
  }
  // A cancelled task goes on to its own end: its waits return at once, they do not throw.
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  co_await std::move(task);
}

void TaskGroup::spawn(Task<> task) {
  if (cancelled_) {
    return;
  }
  const auto self = running_.emplace(running_.end());
  boost::asio::co_spawn(
      executor_, run(std::move(task), self),
      boost::asio::bind_cancellation_slot(self->signal.slot(), Completion(*this, self)));
}

void TaskGroup::cancel() {
  cancelled_ = true;
  for (Entry& entry : running_) {
    // Asio throws out of the executor when a coroutine is cancelled that it has not entered yet.
    if (entry.begun) {
      entry.signal.emit(boost::asio::cancellation_type::terminal);
    }
  }
}

Task<> TaskGroup::join(World& world) {
  while (!running_.empty()) {
    const bool notified = co_await changed_.wait(world, std::chrono::hours(1));
    static_cast<void>(notified);
  }
}

}  // namespace bitvault
