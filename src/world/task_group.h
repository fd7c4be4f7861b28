// A TaskGroup owns coroutines: each one spawned is cancelled and joined with the group. Nothing in
// this system runs detached.
//
// All of it runs on one executor, which must be a strand or a single thread; every call is made
// there. A task that ends with an exception ends the process: exceptions stop at a task's edge.
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

  // Starts `task`; after cancel() it is dropped unstarted.
  void spawn(Task<> task);

  // Cancels what runs now and refuses what would come. Tasks see it as a cancelled wait.
  void cancel();

  // Resumes when every task has ended.
  [[nodiscard]] Task<> join(World& world);

  [[nodiscard]] std::size_t size() const { return running_.size(); }
  [[nodiscard]] bool cancelled() const { return cancelled_; }

 private:
  using Running = std::list<boost::asio::cancellation_signal>;

  Executor executor_;
  Running running_;
  bool cancelled_ = false;
  Signal changed_;
};

}  // namespace bitvault
