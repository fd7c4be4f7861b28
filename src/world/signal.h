// A Signal wakes one waiting coroutine. It remembers one notification, so none is lost between the
// waiter's look at the state and its wait.
#pragma once

#include <boost/asio/experimental/concurrent_channel.hpp>

#include "world/world.h"

namespace bitvault {

class Signal {
 public:
  explicit Signal(const Executor& executor) : channel_(executor, 1) {}

  // From any thread, any number of times.
  void notify() { channel_.try_send(boost::system::error_code{}); }

  // Waits for a notification, at most `patience`, and says whether one was seen. One waiter at a
  // time. A cancelled caller resumes at once with false. Whatever it says, look at the state again:
  // a notification may have come in the instant in which the patience ended.
  [[nodiscard]] Task<bool> wait(World& world, Duration patience);

 private:
  boost::asio::experimental::concurrent_channel<void(boost::system::error_code)> channel_;
};

}  // namespace bitvault
