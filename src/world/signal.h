// A Signal wakes one waiting coroutine. It remembers one notification, so none is lost between the
// waiter's look at the state and its wait. It outlives every wait.
#pragma once

#include <boost/asio/experimental/concurrent_channel.hpp>
#include <mutex>

#include "world/world.h"

namespace bitvault {

class Signal {
 public:
  explicit Signal(Executor executor) : executor_(std::move(executor)) {}
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // From any thread, any number of times.
  void notify();

  // Waits for a notification, at most `patience`, and says whether one was seen. One waiter at a
  // time. A cancelled caller resumes at once with false. Whatever it says, look at the state again:
  // a notification may have come in the instant in which the patience ended.
  [[nodiscard]] Task<bool> wait(World& world, Duration patience);

 private:
  // Each wait has a channel of its own: once a receive was cancelled, a channel of Boost 1.81 does
  // not keep what is sent before the next one.
  using Channel = boost::asio::experimental::concurrent_channel<void(boost::system::error_code)>;
  class Waiting;

  const Executor executor_;
  std::mutex mutex_;
  bool notified_ = false;      // guarded by mutex_
  Channel* waiter_ = nullptr;  // guarded by mutex_
};

}  // namespace bitvault
