// A TaskGroup owns coroutines: each one spawned is cancelled and joined with the group. Nothing in
// this system runs detached.
//
// All of it runs on one executor, which must be a strand or a single thread; every call is made
// there. A task that ends with an exception ends the process: exceptions stop at a task's edge. One
// that is destroyed unfinished, because its executor's context went away, has ended too.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <cstddef>
#include <list>
#include <memory>

#include "world/signal.h"
#include "world/world.h"

namespace bitvault {

class TaskGroup {
 public:
  explicit TaskGroup(const Executor& executor);
  ~TaskGroup();  // every task has ended: join() came first
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task`; one that has not begun when cancel() comes is dropped.
  void spawn(Task<> task);

  // Cancels what runs now and refuses what would come. Tasks see it as a cancelled wait.
  void cancel();

  // Resumes when every task has ended.
  [[nodiscard]] Task<> join(World& world);

  [[nodiscard]] std::size_t size() const { return running_.size(); }
  [[nodiscard]] bool cancelled() const { return cancelled_; }

 private:
  struct Entry {
    boost::asio::cancellation_signal signal;
    bool begun = false;
  };
  using Running = std::list<Entry>;
  class Completion;

  [[nodiscard]] Task<> run(Task<> task, Running::iterator self);

  Executor executor_;
  Running running_;
  bool cancelled_ = false;
  Signal changed_;
};

}  // namespace bitvault
